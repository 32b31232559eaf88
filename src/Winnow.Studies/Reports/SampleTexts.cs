using System.Text;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Pruning;
using Winnow.Pruning.Duplicates;
using Winnow.Pruning.Scoring;

namespace Winnow.Studies.Reports;

/// <summary>Goes back to the corpus for the text of a few units.</summary>
internal static class SampleTexts
{
    private const int MostBytes = 2400;

    /// <summary>The beginning of each unit's text; a unit whose text cannot be had any more is missing.</summary>
    internal static async Task<Dictionary<(int Shard, long Row), string>> ReadAsync(
        string run, RunManifest manifest, CorpusOptions options, IEnumerable<ScoreRow> rows, CancellationToken cancel)
    {
        string[] inputs = [.. manifest.Inputs.Select(input => input.Path)];
        CorpusFold? fold = manifest.FoldSeed is { } seed ? new CorpusFold(seed) : null;
        var texts = new Dictionary<(int, long), string>();
        if (inputs.Contains("-")) return texts;
        try
        {
            CorpusReader reader = CorpusReader.Open(inputs, options with { KeepRecords = false, Limit = null });
            if (reader.HasTokenShards) reader.Tokenizer = Tokenizer.Load(manifest.Models[0].Path);
            foreach (IGrouping<int, ScoreRow> shard in rows.DistinctBy(r => (r.Shard, r.Row)).GroupBy(r => r.Shard).OrderBy(g => g.Key))
            {
                if (shard.Key < reader.Shards.Count) await ReadShardAsync(run, reader, shard.Key, fold, [.. shard], texts, cancel);
            }
        }
        catch (Exception gone) when (gone is CorpusException or IOException or UnauthorizedAccessException)
        {
            // The corpus moved or changed since it was scored: the report shows the scores without the text.
        }
        return texts;
    }

    private static async Task ReadShardAsync(
        string run, CorpusReader reader, int shard, CorpusFold? fold, IReadOnlyList<ScoreRow> rows, Dictionary<(int, long), string> texts, CancellationToken cancel)
    {
        ScoreRow[] waiting = [.. rows.OrderBy(FirstRow)];
        var open = new Dictionary<long, (ScoreRow Row, List<byte> Bytes)>();
        int next = 0;
        using DuplicateRows duplicates = DuplicateRows.Open(run, shard);
        await foreach (Document document in reader.ReadAsync(shard, FirstRow(waiting[0]), cancel))
        {
            while (next < waiting.Length && FirstRow(waiting[next]) <= document.Row)
            {
                open[waiting[next].Row] = (waiting[next], []);
                next++;
            }
            bool isCopy = duplicates.Contains(document.Row);
            foreach ((long key, (ScoreRow row, List<byte> bytes)) in open.ToArray())
            {
                // A sequence holds no copies, and in a cross-fitted corpus documents of its own half only.
                if (row.Span is null || (!isCopy && (fold is null || fold.Of(document.Text.Span) == row.Fold))) Append(row, document, bytes);
                if (document.Row < LastRow(row) && bytes.Count <= MostBytes) continue;
                texts[(shard, key)] = Begin(bytes);
                open.Remove(key);
            }
            if (next == waiting.Length && open.Count == 0) return;
        }
    }

    private static long FirstRow(ScoreRow row) => row.Span?.FirstRow ?? row.Row;

    private static long LastRow(ScoreRow row) => row.Span?.LastRow ?? row.Row;

    private static void Append(ScoreRow row, Document document, List<byte> bytes)
    {
        ReadOnlySpan<byte> text = document.Text.Span;
        if (row.Span is { } span)
        {
            long from = document.Row == span.FirstRow ? span.FirstByte : 0;
            long to = document.Row == span.LastRow ? span.EndByte : text.Length;
            text = text[(int)Math.Min(from, text.Length)..(int)Math.Min(to, text.Length)];
            if (bytes.Count > 0) bytes.AddRange("\n¶\n"u8);
        }
        bytes.AddRange(text[..Math.Min(text.Length, MostBytes + 4)]);
    }

    private static string Begin(List<byte> bytes)
    {
        if (bytes.Count <= MostBytes) return Encoding.UTF8.GetString([.. bytes]);
        // Whole characters only: a byte 10xxxxxx continues one.
        int end = MostBytes;
        while (end > 0 && (bytes[end] & 0xc0) == 0x80) end--;
        return Encoding.UTF8.GetString([.. bytes[..end]]).TrimEnd() + " …";
    }
}
