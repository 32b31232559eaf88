namespace Winnow.Pruning;

/// <summary>Files that are either whole or not there: written beside, flushed to the disk, renamed.</summary>
internal static class AtomicFile
{
    /// <summary>The end of the names of files being written; what a killed process leaves behind is overwritten by the next.</summary>
    public const string Suffix = ".tmp";

    /// <summary>Writes a file through a stream.</summary>
    /// <param name="path">Its final name.</param>
    /// <param name="write">Writes the content; may not keep the stream.</param>
    /// <param name="faults">Told when the content is written but not yet in place; tests stop here.</param>
    /// <param name="suffix">The end of its name until it is whole; one of its own for each of several processes that may write it at once.</param>
    public static void Write(string path, Action<Stream> write, Action<string>? faults = null, string suffix = Suffix)
    {
        string beside = path + suffix;
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        using (FileStream stream = new(beside, FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            write(stream);
            stream.Flush(flushToDisk: true);
        }

        faults?.Invoke("written " + Path.GetFileName(path));
        File.Move(beside, path, overwrite: true);
        faults?.Invoke("renamed " + Path.GetFileName(path));
    }

    /// <summary>Writes a small file at once.</summary>
    public static void Write(string path, byte[] content, Action<string>? faults = null, string suffix = Suffix) =>
        Write(path, stream => stream.Write(content), faults, suffix);
}
