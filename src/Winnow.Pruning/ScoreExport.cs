using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Winnow.Data.Parquet;

namespace Winnow.Pruning;

/// <summary>Formats that a score table is handed out in.</summary>
public enum ScoreFormat
{
    /// <summary>One JSON object a line; absent values are <c>null</c>.</summary>
    Jsonl,

    /// <summary>A header line, comma-separated (RFC 4180); absent values are empty.</summary>
    Csv,

    /// <summary>One Parquet file.</summary>
    Parquet,
}

/// <summary>Hands a score table out as data, one row per unit; numbers are written so that reading them gives the same bits.</summary>
public static class ScoreExport
{
    private static readonly SearchValues<char> Quoted = SearchValues.Create(",\"\r\n");

    /// <summary>Writes all rows; the columns are the same, in the same order, in every format.</summary>
    public static void Write(ScoreTable table, ScoreFormat format, Stream to, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(to);
        switch (format)
        {
            case ScoreFormat.Jsonl:
                WriteJsonl(table, to, cancel);
                break;
            case ScoreFormat.Csv:
                WriteCsv(table, to, cancel);
                break;
            case ScoreFormat.Parquet:
                WriteParquet(table, to, cancel);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(format), format, null);
        }
    }

    /// <summary>One row as columns: name, and a number, text, truth value or null.</summary>
    internal static IEnumerable<(string Name, object? Value)> Cells(ScoreSchema schema, ScoreRow row)
    {
        yield return ("shard", row.Shard);
        yield return ("row", row.Row);
        yield return ("id", row.Id);
        yield return ("source", row.Source);
        yield return ("bytes", row.Bytes);
        yield return ("tokens", row.Tokens);
        int standard = ScoreSchema.StandardMetrics.Count;
        for (int metric = 0; metric < standard; metric++) yield return Cell(schema, row, metric);
        yield return ("status", row.Status);
        yield return ("scored_bytes", row.ScoredBytes);
        if (schema.HasFolds) yield return ("fold", row.Fold);
        if (schema.HasSpans)
        {
            yield return ("first_row", row.Span?.FirstRow);
            yield return ("first_byte", row.Span?.FirstByte);
            yield return ("last_row", row.Span?.LastRow);
            yield return ("end_byte", row.Span?.EndByte);
        }

        for (int metric = standard; metric < schema.Metrics.Count; metric++) yield return Cell(schema, row, metric);
        for (int field = 0; field < schema.Fields.Count; field++) yield return (schema.Fields[field], row.Fields[field]);
    }

    private static (string Name, object? Value) Cell(ScoreSchema schema, ScoreRow row, int metric)
    {
        ScoreColumn column = schema.Metrics[metric];
        double value = row.Values[metric];
        object? cell = double.IsNaN(value) ? null : column.Kind switch
        {
            ScoreColumnKind.Double => value,
            ScoreColumnKind.Int32 => (int)value,
            ScoreColumnKind.Boolean => value != 0,
            _ => throw new ArgumentOutOfRangeException(nameof(schema), column.Kind, null),
        };
        return (column.Name, cell);
    }

    private static void WriteJsonl(ScoreTable table, Stream to, CancellationToken cancel)
    {
        JsonWriterOptions options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        ArrayBufferWriter<byte> line = new();
        using Utf8JsonWriter json = new(line, options);
        foreach (ScoreRow row in table.ReadRows())
        {
            cancel.ThrowIfCancellationRequested();
            json.WriteStartObject();
            foreach ((string name, object? value) in Cells(table.Schema, row)) WriteJson(json, name, value);
            json.WriteEndObject();
            json.Flush();
            line.Write("\n"u8);
            to.Write(line.WrittenSpan);
            line.ResetWrittenCount();
            json.Reset();
        }
    }

    private static void WriteJson(Utf8JsonWriter json, string name, object? value)
    {
        switch (value)
        {
            case null: json.WriteNull(name); break;
            case int number: json.WriteNumber(name, number); break;
            case long number: json.WriteNumber(name, number); break;
            case double number: json.WriteNumber(name, number); break;
            case bool truth: json.WriteBoolean(name, truth); break;
            case string text: json.WriteString(name, text); break;
            default: throw new ArgumentOutOfRangeException(nameof(value), value, null);
        }
    }

    private static void WriteCsv(ScoreTable table, Stream to, CancellationToken cancel)
    {
        using StreamWriter writer = new(to, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
        writer.WriteLine(string.Join(',', ScorePartWriter.Columns(table.Schema).Select(column => column.Path)));
        foreach (ScoreRow row in table.ReadRows())
        {
            cancel.ThrowIfCancellationRequested();
            writer.WriteLine(string.Join(',', Cells(table.Schema, row).Select(cell => CsvCell(cell.Value))));
        }
    }

    private static string CsvCell(object? value) => value switch
    {
        null => "",
        bool truth => truth ? "true" : "false",
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        string text when text.AsSpan().ContainsAny(Quoted) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"",
        string text => text,
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new ArgumentOutOfRangeException(nameof(value), value, null),
    };

    private static void WriteParquet(ScoreTable table, Stream to, CancellationToken cancel)
    {
        using ParquetWriter writer = new(to, ScorePartWriter.Columns(table.Schema), ScorePartWriter.Options);
        foreach (ScorePart part in table.Parts)
        {
            cancel.ThrowIfCancellationRequested();
            using ParquetReader reader = part.OpenReader();
            writer.Append(reader);
        }

        writer.Finish();
    }
}
