using Winnow.Data;
using Winnow.Data.Parquet;

namespace Winnow.Pruning;

/// <summary>The scores of one input file: <c>scores/part-NNNNN.parquet</c>.</summary>
public sealed class ScorePart
{
    private static readonly HashSet<string> FixedColumns =
    [
        .. ScoreSchema.LeadingColumns, "status", "scored_bytes", "fold", .. ScoreSchema.SpanColumns,
    ];

    private ScorePart(string path, ScoreSchema schema, IReadOnlyList<ParquetRowGroup> rowGroups, long rows)
    {
        Path = path;
        Schema = schema;
        RowGroups = rowGroups;
        Rows = rows;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its metric columns.</summary>
    public ScoreSchema Schema { get; }

    /// <summary>Its row groups: what is in memory at once.</summary>
    public IReadOnlyList<ParquetRowGroup> RowGroups { get; }

    /// <summary>Its rows.</summary>
    public long Rows { get; }

    /// <summary>Reads the footer.</summary>
    /// <exception cref="CorpusException">The file is missing, damaged, or no score table.</exception>
    public static ScorePart Open(string path)
    {
        if (!File.Exists(path)) throw new CorpusException(path, "this part of the scores is missing", "score again into another directory, or with `--restart`");
        using ParquetReader reader = ParquetReader.Open(path);
        return new ScorePart(path, ReadSchema(path, reader), reader.RowGroups, reader.Rows);
    }

    /// <summary>Opens the file for reading columns.</summary>
    public ParquetReader OpenReader() => ParquetReader.Open(Path);

    /// <summary>The rows in order, one row group in memory.</summary>
    public IEnumerable<ScoreRow> ReadRows()
    {
        using ParquetReader reader = OpenReader();
        for (int group = 0; group < reader.RowGroups.Count; group++)
        {
            foreach (ScoreRow row in ReadRows(reader, group)) yield return row;
        }
    }

    private IEnumerable<ScoreRow> ReadRows(ParquetReader reader, int group)
    {
        int[] shard = reader.ReadInt32(group, reader.Find("shard"));
        long[] number = reader.ReadInt64(group, reader.Find("row"));
        string?[] id = reader.ReadString(group, reader.Find("id"));
        string?[] source = reader.ReadString(group, reader.Find("source"));
        long[] bytes = reader.ReadInt64(group, reader.Find("bytes"));
        long[] scoredBytes = reader.ReadInt64(group, reader.Find("scored_bytes"));
        int[] tokens = reader.ReadInt32(group, reader.Find("tokens"));
        string?[] status = reader.ReadString(group, reader.Find("status"));
        double[]? fold = Schema.HasFolds ? ReadNumbers(reader, group, "fold") : null;
        double[][]? spans = Schema.HasSpans
            ? [.. ScoreSchema.SpanColumns.Select(name => ReadNumbers(reader, group, name))]
            : null;
        string?[][] fields = [.. Schema.Fields.Select(name => reader.ReadString(group, reader.Find(name)))];
        double[][] values = [.. Schema.Metrics.Select(metric => ReadNumbers(reader, group, metric.Name))];
        for (int i = 0; i < number.Length; i++)
        {
            yield return new ScoreRow
            {
                Shard = shard[i],
                Row = number[i],
                Id = id[i]!,
                Source = source[i]!,
                Bytes = bytes[i],
                ScoredBytes = scoredBytes[i],
                Tokens = tokens[i],
                Status = status[i]!,
                Fold = fold is null || double.IsNaN(fold[i]) ? null : (int)fold[i],
                Span = spans is null || double.IsNaN(spans[0][i])
                    ? null
                    : new UnitSpan((long)spans[0][i], (long)spans[1][i], (long)spans[2][i], (long)spans[3][i]),
                Values = [.. values.Select(column => column[i])],
                Fields = [.. fields.Select(column => column[i])],
            };
        }
    }

    /// <summary>A numeric column of a row group as float64; NaN where there is no value.</summary>
    internal static double[] ReadNumbers(ParquetReader reader, int group, string name)
    {
        int column = reader.Find(name);
        if (reader.Columns[column].Type == ParquetType.Double) return reader.ReadDouble(group, column);
        double[] numbers = new double[reader.RowGroups[group].Rows];
        using ParquetCursor cursor = reader.OpenColumn(group, column);
        for (int i = 0; i < numbers.Length; i++)
        {
            cursor.MoveNext();
            numbers[i] = cursor.IsNull ? double.NaN : cursor.Column.Type == ParquetType.Boolean ? (cursor.Boolean ? 1 : 0) : cursor.Int64;
        }

        return numbers;
    }

    private static ScoreSchema ReadSchema(string path, ParquetReader reader)
    {
        HashSet<string> names = [.. reader.Columns.Select(column => column.Path)];
        string? missing = ScoreSchema.LeadingColumns.Concat(ScoreSchema.StandardMetrics).Append("status").Append("scored_bytes")
            .FirstOrDefault(name => !names.Contains(name));
        if (missing is not null) throw new CorpusException(path, $"not a score table: no column `{missing}`");
        ScoreColumn[] metrics =
        [
            .. reader.Columns.Where(column => !FixedColumns.Contains(column.Path) && column.Type != ParquetType.Bytes).Select(column => new ScoreColumn(column.Path, column.Type switch
            {
                ParquetType.Double => ScoreColumnKind.Double,
                ParquetType.Int32 => ScoreColumnKind.Int32,
                ParquetType.Boolean => ScoreColumnKind.Boolean,
                _ => throw new CorpusException(path, $"not a score table: column `{column.Path}` holds {column.Type}"),
            })),
        ];
        return new ScoreSchema(metrics, names.Contains("fold"), names.Contains("first_row"))
        {
            Fields = [.. reader.Columns.Where(column => !FixedColumns.Contains(column.Path) && column.Type == ParquetType.Bytes).Select(column => column.Path)],
        };
    }
}
