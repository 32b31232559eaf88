namespace Winnow.Models.Checkpoints;

/// <summary>A file that appears whole or not at all.</summary>
internal static class WrittenFile
{
    /// <summary>Writes beside <paramref name="path"/>, flushes to disk, and renames.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        string beside = path + ".part";
        try
        {
            using (var file = new FileStream(beside, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(beside, path, overwrite: true);
        }
        catch
        {
            File.Delete(beside);
            throw;
        }
    }
}
