using Winnow.Data.Parquet;

namespace Winnow.Pruning.Export;

/// <summary>Adds to the rows of a table their rows of the score table, as columns below <c>winnow</c>.</summary>
internal sealed class TableAnnotator : IDisposable
{
    private readonly ScoredShard _shard;
    private readonly ScoreSchema _schema;
    private readonly IEnumerator<ScoreRow> _rows;
    private long _index = -1;

    /// <summary>Opens the scores of a shard.</summary>
    public TableAnnotator(ScoredShard shard)
    {
        ScorePart part = ScorePart.Open(shard.Part);
        (_shard, _schema, _rows) = (shard, part.Schema, part.ReadRows().GetEnumerator());
        ParquetColumn[] fold = _schema.HasFolds ? [ParquetColumn.Int32("fold", nullable: true)] : [];
        Addition = new ParquetAddition(
            "winnow", [ParquetColumn.Boolean("kept"), ParquetColumn.String("status"), ParquetColumn.Int32("tokens"), .. fold, .. _schema.Metrics.Select(Column)], Fill);
    }

    /// <summary>The columns: <c>kept</c>, <c>status</c>, <c>tokens</c>, <c>fold</c> where there are folds, every metric.</summary>
    public ParquetAddition Addition { get; }

    /// <inheritdoc/>
    public void Dispose() => _rows.Dispose();

    private static ParquetColumn Column(ScoreColumn metric) => metric.Kind switch
    {
        ScoreColumnKind.Double => ParquetColumn.Double(metric.Name, nullable: true),
        ScoreColumnKind.Int32 => ParquetColumn.Int32(metric.Name, nullable: true),
        ScoreColumnKind.Boolean => ParquetColumn.Boolean(metric.Name, nullable: true),
        _ => throw new InvalidOperationException($"unknown kind {metric.Kind}"),
    };

    private void Fill(long row, IReadOnlyList<ParquetColumnBuffer> columns)
    {
        do
        {
            _rows.MoveNext();
            _index++;
        }
        while (_rows.Current.Row < row);
        ScoreRow scores = _rows.Current;
        columns[0].Add(_shard.Mask[_index]);
        columns[1].Add(scores.Status);
        columns[2].Add(scores.Tokens);
        if (_schema.HasFolds) Add(columns[3], scores.Fold ?? double.NaN, ScoreColumnKind.Int32);
        int first = columns.Count - _schema.Metrics.Count;
        for (int i = 0; i < _schema.Metrics.Count; i++) Add(columns[first + i], scores.Values[i], _schema.Metrics[i].Kind);
    }

    private static void Add(ParquetColumnBuffer column, double value, ScoreColumnKind kind)
    {
        if (!double.IsFinite(value)) column.AddNull();
        else if (kind == ScoreColumnKind.Double) column.Add(value);
        else if (kind == ScoreColumnKind.Int32) column.Add((int)value);
        else column.Add(value != 0);
    }
}
