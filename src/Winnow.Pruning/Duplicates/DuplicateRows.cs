using System.Globalization;
using Winnow.Data.Parquet;

namespace Winnow.Pruning.Duplicates;

/// <summary>
/// The copies in one input file, <c>duplicates/part-NNNNN.parquet</c> of a run: their rows in order, and the first document with their
/// text. A file without copies has none. One row group is in memory.
/// </summary>
public sealed class DuplicateRows : IDisposable
{
    /// <summary>The columns of the file.</summary>
    internal static IReadOnlyList<ParquetColumn> Columns { get; } = [ParquetColumn.Int64("row"), ParquetColumn.Int32("first_shard"), ParquetColumn.Int64("first_row")];

    private readonly ParquetReader? _file;
    private long[] _rows = [];
    private int _group;
    private int _next;

    private DuplicateRows(ParquetReader? file) => _file = file;

    /// <summary>Opens those of one input file of a run.</summary>
    public static DuplicateRows Open(string run, int shard)
    {
        string path = PathOf(run, shard);
        return new DuplicateRows(File.Exists(path) ? ParquetReader.Open(path) : null);
    }

    /// <summary>Whether a row is a copy; rows are asked for in ascending order.</summary>
    public bool Contains(long row)
    {
        while (true)
        {
            while (_next < _rows.Length && _rows[_next] < row) _next++;
            if (_next < _rows.Length) return _rows[_next] == row;
            if (_file is null || _group == _file.RowGroups.Count) return false;
            (_rows, _next) = (_file.ReadInt64(_group++, 0), 0);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    internal static string DirectoryOf(string run) => Path.Combine(run, "duplicates");

    internal static string PathOf(string run, int shard) =>
        Path.Combine(DirectoryOf(run), string.Create(CultureInfo.InvariantCulture, $"part-{shard:D5}.parquet"));
}
