using System.Buffers;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Export;

/// <summary>Adds to JSONL records their rows of the score table, as a last property <c>winnow</c>; every other byte stays.</summary>
internal sealed class RecordAnnotator : IDisposable
{
    private readonly IReadOnlyList<ScoreColumn> _metrics;
    private readonly IEnumerator<ScoreRow> _rows;
    private readonly ArrayBufferWriter<byte> _record = new();
    private readonly ArrayBufferWriter<byte> _line = new();

    /// <summary>Opens the scores of a shard.</summary>
    public RecordAnnotator(ScoredShard shard)
    {
        ScorePart part = ScorePart.Open(shard.Part);
        (_metrics, _rows) = (part.Schema.Metrics, part.ReadRows().GetEnumerator());
    }

    /// <summary>The document with a record that says its scores.</summary>
    /// <param name="document">The next one, in the order of the rows.</param>
    /// <param name="isKept">Whether the selection keeps it.</param>
    /// <param name="isJsonl">Whether its record is a line of JSONL; else one is made.</param>
    /// <param name="file">Where it comes from, for messages.</param>
    /// <exception cref="CorpusException">The record has such a property already.</exception>
    public Document Annotate(Document document, bool isKept, bool isJsonl, string file)
    {
        while (_rows.MoveNext() && _rows.Current.Row < document.Row)
        {
            // Rows of records that could not be read have no document.
        }

        _record.ResetWrittenCount();
        if (!isJsonl) DocumentWriter.ComposeJson(document, _record);
        ReadOnlySpan<byte> record = isJsonl ? document.Record.Span : _record.WrittenSpan;
        if (isJsonl && JsonRecord.HasProperty(record, "winnow"))
            throw new CorpusException(file, $"record {document.Row} has a property `winnow` already", "annotate the corpus as it was before");
        int end = record.LastIndexOf((byte)'}');
        _line.ResetWrittenCount();
        _line.Write(record[..end]);
        _line.Write(",\"winnow\":"u8);
        WriteScores(_rows.Current, isKept);
        _line.Write(record[end..]);
        return document with { Record = _line.WrittenSpan.ToArray() };
    }

    /// <inheritdoc/>
    public void Dispose() => _rows.Dispose();

    private void WriteScores(ScoreRow row, bool isKept)
    {
        using Utf8JsonWriter json = new(_line);
        json.WriteStartObject();
        json.WriteBoolean("kept"u8, isKept);
        json.WriteString("status"u8, row.Status);
        json.WriteNumber("tokens"u8, row.Tokens);
        if (row.Fold is { } fold) json.WriteNumber("fold"u8, fold);
        for (int i = 0; i < _metrics.Count; i++)
        {
            double value = row.Values[i];
            if (!double.IsFinite(value)) continue;
            if (_metrics[i].Kind == ScoreColumnKind.Boolean) json.WriteBoolean(_metrics[i].Name, value != 0);
            else json.WriteNumber(_metrics[i].Name, value);
        }

        json.WriteEndObject();
    }
}
