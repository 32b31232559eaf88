using System.Text.Json;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning.Selection;

/// <summary>A selection whose passes are done shard by shard, what each finds written to bytes and added up in another order.</summary>
public sealed class ShardwiseFindingsTests
{
    public static TheoryData<string, string, string, Weighting, int> Cases() => new()
    {
        { "middle:50%", "", "", Weighting.Units, RankSelector.MostCandidates },
        { "middle:50%", "", "", Weighting.Units, 3 },
        { "bottom:29%", "source", "", Weighting.Tokens, RankSelector.MostCandidates },
        { "top:10%", "source,length", "", Weighting.Bytes, 5 },
        { "random:30%", "", "tokens >= 4", Weighting.Units, 3 },
        { "perplexity:middle:70%,memorization:bottom:60%", "source", "tokens < 90", Weighting.Units, 3 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Written_findings_add_up_to_the_same_selection(string keep, string within, string where, Weighting by, int mostCandidates)
    {
        List<Unit>[] shards = [.. Enumerable.Range(0, 6).Select(shard => Units(shard == 2 ? 0 : 150 + (shard * 70), shard))];
        SelectionOptions options = new()
        {
            Keep = [.. keep.Split(',').Select(KeepRule.Parse)],
            Within = within.Split(',', StringSplitOptions.RemoveEmptyEntries),
            Where = where.Length > 0 ? where : null,
            By = by,
            Seed = 4,
        };
        MemoryScores scores = new(shards, 37);
        string whole = Outcome(shards.Length, write => RankSelector.Select(scores, options, 2, write));
        string parts = Outcome(shards.Length, write => RankSelector.Select(scores, options, write, mostCandidates, open => new ShardwiseScan(scores, open)));
        Assert.Equal(whole, parts);
        Assert.Contains("\"Kept\"", whole, StringComparison.Ordinal);
    }

    /// <summary>The summary and all masks, as text.</summary>
    private static string Outcome(int shards, Func<Action<int, KeepMask>, SelectionSummary> select)
    {
        string[] masks = new string[shards];
        SelectionSummary summary = select((shard, mask) => masks[shard] = string.Concat(Enumerable.Range(0, (int)mask.Rows).Select(row => mask[row] ? '1' : '0')));
        return JsonSerializer.Serialize(summary) + "\n" + string.Join('\n', masks);
    }

    private static List<Unit> Units(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(i => new Unit(
            $"doc-{seed}-{i}", random.Next(40) == 0 ? double.NaN : random.Next(25) / 16.0, random.Next(4) switch { 0 => "web", 1 => "books", 2 => "百科", _ => $"site-{seed}" },
            1 + (random.Next(60) * random.Next(4)), random.Next(33) / 32.0, i % 9 == 0 ? "empty" : "ok"))];
    }

    private sealed class ShardwiseScan(IScoreSource source, Func<RankedChunk> open) : IScan
    {
        public TFindings Run<TFindings>(string pass, Func<TFindings> begin, Action<TFindings, RankedChunk> visit) where TFindings : IFindings<TFindings>
        {
            byte[][] written = [.. Enumerable.Range(0, source.Shards.Count).Select(shard =>
            {
                using MemoryStream bytes = new();
                using (BinaryWriter writer = new(bytes)) new ChunkScan(source, [shard], 2, open, null, default).Run(pass, begin, visit).Write(writer);
                return bytes.ToArray();
            })];
            TFindings total = begin();
            foreach (byte[] bytes in written.Reverse()) total.AddFrom(new BinaryReader(new MemoryStream(bytes)));
            return total;
        }
    }
}
