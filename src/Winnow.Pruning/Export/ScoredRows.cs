using System.Text;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Winnow.Pruning.Selection;

namespace Winnow.Pruning.Export;

/// <summary>The rows of one part of a score table beside their keep mask, one after the other.</summary>
internal sealed class ScoredRows : IDisposable
{
    private static readonly string[] SpanColumns = ["first_row", "first_byte", "last_row", "end_byte"];
    private readonly string _path;
    private readonly ParquetReader _file;
    private readonly KeepMask _mask;
    private readonly string[] _columns;
    private readonly int[] _indices;
    private ParquetCursor[] _cursors = [];
    private int _rowGroup = -1;
    private long _index = -1;

    /// <summary>Opens a part.</summary>
    /// <exception cref="CorpusException">It and the mask do not belong together.</exception>
    public ScoredRows(string path, KeepMask mask, bool spans)
    {
        (_path, _mask) = (path, mask);
        _file = ParquetReader.Open(path);
        _columns = spans ? ["row", .. SpanColumns] : ["row", "id"];
        _indices = Array.ConvertAll(_columns, _file.Find);
        string? missing = _columns.FirstOrDefault(column => _file.Find(column) < 0);
        if (missing is not null) throw new CorpusException(path, $"no column `{missing}`", "score the inputs again");
        if (_file.Rows != mask.Rows) throw new CorpusException(path, $"{_file.Rows} rows, the keep mask has {mask.Rows}", "select from this run again");
    }

    /// <summary>Whether the current row is kept.</summary>
    public bool IsKept => _mask[_index];

    /// <summary>The current row's record (or sequence) number.</summary>
    public long Row => _cursors[0].Int64;

    /// <summary>The text of the current sequence.</summary>
    public UnitSpan Span => new(_cursors[1].Int64, _cursors[2].Int64, _cursors[3].Int64, _cursors[4].Int64);

    /// <summary>Goes to the next row; false at the end.</summary>
    public bool MoveNext()
    {
        while (_cursors.Length == 0 || !_cursors[0].MoveNext())
        {
            if (++_rowGroup >= _file.RowGroups.Count) return false;
            Close();
            _cursors = Array.ConvertAll(_indices, column => _file.OpenColumn(_rowGroup, column));
        }

        for (int i = 1; i < _cursors.Length; i++) _cursors[i].MoveNext();
        _index++;
        return true;
    }

    /// <summary>Throws unless the current row is the document's: what is exported must be what was scored.</summary>
    public void RequireSame(Document document, string file)
    {
        if (Row == document.Row && _cursors[1].Bytes.SequenceEqual(Encoding.UTF8.GetBytes(document.Id))) return;
        throw Changed(file, document.Row);
    }

    /// <summary>The error for a corpus file that is not what was scored.</summary>
    public CorpusException Changed(string file, long row) => new(
        file, $"record {row} is not what was scored in `{_path}`: the file has changed since", "score it again");

    /// <inheritdoc/>
    public void Dispose()
    {
        Close();
        _file.Dispose();
    }

    private void Close()
    {
        foreach (ParquetCursor cursor in _cursors) cursor.Dispose();
        _cursors = [];
    }
}
