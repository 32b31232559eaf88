namespace Winnow.Studies.Execution;

/// <summary>Keeps two runs out of one directory. The system holds the lock, so a crash does not leave it behind.</summary>
public sealed class StudyLock : IDisposable
{
    private readonly FileStream _file;

    private StudyLock(FileStream file) => _file = file;

    /// <summary>Takes the lock, or null where another process has it.</summary>
    public static StudyLock? TryTake(string directory)
    {
        Directory.CreateDirectory(directory);
        try
        {
            return new StudyLock(new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
