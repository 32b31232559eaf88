using Winnow.Data.Corpus;

namespace Winnow.Pruning.Export;

/// <summary>Takes the records of one side of an export.</summary>
internal interface IRecordSink
{
    /// <summary>Records taken.</summary>
    long Records { get; }

    /// <summary>Takes one record.</summary>
    void Write(Document document, bool sameFormat);

    /// <summary>Takes the tokens of one unit.</summary>
    void Write(ReadOnlySpan<int> ids);
}

/// <summary>One side of the export of an input file: one file, or as many as it is split into.</summary>
/// <param name="directory">Where they go.</param>
/// <param name="name">The name of the one file.</param>
/// <param name="splitBytes">Once a file holds this much, the next one begins; null never splits.</param>
/// <param name="create">Makes a file of a given name.</param>
internal sealed class ExportFiles(OutputDirectory directory, string name, long? splitBytes, Func<string, ExportFile> create) : IRecordSink, IDisposable
{
    private readonly List<ExportedFile> _finished = [];
    private ExportFile? _file;
    private long _written;     // in finished files
    private int _parts;
    private bool _isWhole;

    /// <inheritdoc/>
    public long Records => _written + (_file?.Records ?? 0);

    /// <inheritdoc/>
    public void Write(Document document, bool sameFormat)
    {
        File().Write(document, sameFormat);
        CloseIfFull();
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<int> ids)
    {
        File().Write(ids);
        CloseIfFull();
    }

    /// <summary>Lets a copier write the whole file; says how many records it wrote.</summary>
    public void Write(Func<Stream, long> copy) => File().Write(copy);

    /// <summary>Finishes the last file; those with a record.</summary>
    public IReadOnlyList<ExportedFile> Finish()
    {
        Close();
        _isWhole = true;
        return _finished;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file?.Dispose();
        if (_isWhole) return;
        foreach (ExportedFile file in _finished) directory.Discard(file.Name);
    }

    private ExportFile File() => _file ??= create(splitBytes is null ? name : OutputNames.Part(name, _parts++));

    private void CloseIfFull()
    {
        if (_file is { } file && file.ContentBytes >= splitBytes) Close();
    }

    private void Close()
    {
        if (_file?.Finish() is { } finished)
        {
            _finished.Add(finished);
            _written += finished.Records;
        }

        _file?.Dispose();
        _file = null;
    }
}

/// <summary>The files that came of one input file.</summary>
internal sealed record ShardFiles(IReadOnlyList<ExportedFile> Kept, IReadOnlyList<ExportedFile> Rejected)
{
    /// <summary>No files.</summary>
    public static ShardFiles None { get; } = new([], []);
}

/// <summary>How many records may still be written on either side.</summary>
internal readonly record struct ExportQuota(long Kept, long Rejected)
{
    /// <summary>Whether none may.</summary>
    public bool IsUsedUp => Kept == 0 && Rejected == 0;

    /// <summary>What is left after these files.</summary>
    public ExportQuota Less(ShardFiles files) => new(
        Kept - files.Kept.Sum(file => file.Records), Rejected - files.Rejected.Sum(file => file.Records));
}
