using Winnow.Data.Parquet;

namespace Winnow.Pruning;

/// <summary>Writes score rows as Parquet. The same rows give the same bytes.</summary>
internal sealed class ScorePartWriter : IDisposable
{
    /// <summary>Rows of a row group: what a reader holds in memory at once.</summary>
    public const int RowGroupRows = 1 << 16;

    private readonly ScoreSchema schema;
    private readonly ParquetWriter writer;
    private int column;

    /// <summary>Starts a file.</summary>
    public ScorePartWriter(Stream to, ScoreSchema schema)
    {
        this.schema = schema;
        writer = new ParquetWriter(to, Columns(schema), Options);
    }

    /// <summary>How every score file is written.</summary>
    public static ParquetWriterOptions Options { get; } = new()
    {
        RowGroupRows = RowGroupRows,
        Metadata = new Dictionary<string, string> { ["winnow.table"] = "scores/1" },
    };

    /// <summary>The columns in file order: the standard ones, then what the run adds.</summary>
    public static IReadOnlyList<ParquetColumn> Columns(ScoreSchema schema)
    {
        List<ParquetColumn> columns =
        [
            ParquetColumn.Int32("shard"), ParquetColumn.Int64("row"), ParquetColumn.String("id"), ParquetColumn.String("source"),
            ParquetColumn.Int64("bytes"), ParquetColumn.Int32("tokens"),
        ];
        int standard = ScoreSchema.StandardMetrics.Count;
        columns.AddRange(schema.Metrics.Take(standard).Select(Column));
        columns.Add(ParquetColumn.String("status"));
        columns.Add(ParquetColumn.Int64("scored_bytes"));
        if (schema.HasFolds) columns.Add(ParquetColumn.Int32("fold", nullable: true));
        if (schema.HasSpans)
        {
            columns.AddRange(ScoreSchema.SpanColumns.Select(name => ParquetColumn.Int64(name, nullable: true)));
        }

        columns.AddRange(schema.Metrics.Skip(standard).Select(Column));
        columns.AddRange(schema.Fields.Select(name => ParquetColumn.String(name, nullable: true)));
        return columns;
    }

    /// <summary>Adds a row.</summary>
    public void Add(ScoreRow row)
    {
        int standard = ScoreSchema.StandardMetrics.Count;
        column = 0;
        Next().Add(row.Shard);
        Next().Add(row.Row);
        Next().Add(row.Id);
        Next().Add(row.Source);
        Next().Add(row.Bytes);
        Next().Add(row.Tokens);
        for (int metric = 0; metric < standard; metric++) AddValue(metric, row.Values[metric]);
        Next().Add(row.Status);
        Next().Add(row.ScoredBytes);
        if (schema.HasFolds)
        {
            if (row.Fold is int fold) Next().Add(fold);
            else Next().AddNull();
        }

        if (schema.HasSpans) AddSpan(row.Span);
        for (int metric = standard; metric < schema.Metrics.Count; metric++) AddValue(metric, row.Values[metric]);
        foreach (string? field in row.Fields)
        {
            if (field is null) Next().AddNull();
            else Next().Add(field);
        }

        writer.EndRow();
    }

    /// <summary>Writes the footer.</summary>
    public void Finish() => writer.Finish();

    /// <inheritdoc/>
    public void Dispose() => writer.Dispose();

    private static ParquetColumn Column(ScoreColumn metric) => metric.Kind switch
    {
        ScoreColumnKind.Double => ParquetColumn.Double(metric.Name, nullable: true),
        ScoreColumnKind.Int32 => ParquetColumn.Int32(metric.Name, nullable: true),
        ScoreColumnKind.Boolean => ParquetColumn.Boolean(metric.Name, nullable: true),
        _ => throw new ArgumentOutOfRangeException(nameof(metric), metric.Kind, null),
    };

    private ParquetColumnBuffer Next() => writer[column++];

    private void AddSpan(UnitSpan? span)
    {
        foreach (long? part in new[] { span?.FirstRow, span?.FirstByte, span?.LastRow, span?.EndByte })
        {
            if (part is long value) Next().Add(value);
            else Next().AddNull();
        }
    }

    private void AddValue(int metric, double value)
    {
        ParquetColumnBuffer buffer = Next();
        if (double.IsNaN(value)) buffer.AddNull();
        else if (schema.Metrics[metric].Kind == ScoreColumnKind.Int32) buffer.Add((int)value);
        else if (schema.Metrics[metric].Kind == ScoreColumnKind.Boolean) buffer.Add(value != 0);
        else buffer.Add(value);
    }
}
