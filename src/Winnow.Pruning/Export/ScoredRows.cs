using System.Text;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;

namespace Winnow.Pruning.Export;

/// <summary>The scores of one shard, and which of its units are kept.</summary>
/// <param name="Run">The run's directory.</param>
/// <param name="Index">The shard's.</param>
/// <param name="Mask">Aligned with its rows.</param>
/// <param name="Manifest">The run's.</param>
internal sealed record ScoredShard(string Run, int Index, KeepMask Mask, RunManifest Manifest)
{
    /// <summary>The Parquet file.</summary>
    public string Part { get; } = ScoreTable.PartPath(Run, Index);
}

/// <summary>The rows of one part of a score table beside their keep mask, one after the other.</summary>
internal sealed class ScoredRows : IDisposable
{
    private readonly string _path;
    private readonly ParquetReader _file;
    private readonly KeepMask _mask;
    private readonly int[] _columns;
    private readonly int? _fold;
    private ParquetCursor[] _cursors = [];
    private int _rowGroup = -1;
    private long _index = -1;

    /// <summary>Opens a part.</summary>
    /// <param name="shard">Which.</param>
    /// <param name="fold">Only the sequences of this half of a cross-fitted corpus; null for all rows.</param>
    /// <exception cref="CorpusException">It and the mask do not belong together.</exception>
    public ScoredRows(ScoredShard shard, int? fold = null)
    {
        (_path, _mask, _fold) = (shard.Part, shard.Mask, fold);
        _file = ParquetReader.Open(shard.Part);
        string[] spans = shard.Manifest.Options.Unit == UnitKind.Sequence ? [.. ScoreSchema.SpanColumns] : [];
        string[] columns = ["row", "id", "status", .. spans, .. fold is null ? Array.Empty<string>() : ["fold"]];
        _columns = Array.ConvertAll(columns, _file.Find);
        string? missing = columns.FirstOrDefault(column => _file.Find(column) < 0);
        if (missing is not null) throw new CorpusException(shard.Part, $"no column `{missing}`", "score the inputs again");
        if (_file.Rows != _mask.Rows) throw new CorpusException(shard.Part, $"{_file.Rows} rows, the keep mask has {_mask.Rows}", "select from this run again");
    }

    /// <summary>Whether the current row is kept.</summary>
    public bool IsKept => _mask[_index];

    /// <summary>The current row's record (or sequence) number.</summary>
    public long Row => _cursors[0].Int64;

    /// <summary>Whether the current row stands for a record that could not be read.</summary>
    public bool IsUnreadable => Encoding.UTF8.GetString(_cursors[2].Bytes) == ScoreStatus.Invalid;

    /// <summary>The text of the current sequence.</summary>
    public UnitSpan Span => new(_cursors[3].Int64, _cursors[4].Int64, _cursors[5].Int64, _cursors[6].Int64);

    /// <summary>Goes to the next row; false at the end.</summary>
    public bool MoveNext()
    {
        do
        {
            while (_cursors.Length == 0 || !_cursors[0].MoveNext())
            {
                if (++_rowGroup >= _file.RowGroups.Count) return false;
                Close();
                _cursors = Array.ConvertAll(_columns, column => _file.OpenColumn(_rowGroup, column));
            }

            for (int i = 1; i < _cursors.Length; i++) _cursors[i].MoveNext();
            _index++;
        }
        while (_fold is { } fold && (_cursors[^1].IsNull || _cursors[^1].Int32 != fold));
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
