using System.Text;
using Winnow.Data;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning.Selection;

public sealed class RankSelectorTests
{
    public static TheoryData<Band, string, bool> Cases()
    {
        TheoryData<Band, string, bool> cases = [];
        foreach (Band band in Enum.GetValues<Band>())
            foreach (string fraction in new[] { "0.1", "0.29", "50%", "70%", "1" })
                foreach (bool tied in new[] { false, true }) cases.Add(band, fraction, tied);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_band_keeps_exactly_the_ranks_of_its_definition(Band band, string fraction, bool tied)
    {
        foreach (int count in new[] { 0, 1, 2, 7, 50, 1003 })
        {
            List<Unit> units = Units(count, tied ? 5 : 1_000_000, seed: count);
            KeepRule rule = KeepRule.Parse($"{band.ToString().ToLowerInvariant()}:{fraction}");
            HashSet<string> kept = Kept([units], new SelectionOptions { Keep = [rule], Seed = 7 });
            HashSet<string> expected = Expected([units], rule, Weighting.Units, seed: 7);
            Assert.True(kept.SetEquals(expected), $"{rule} of {count} units: {kept.Count} kept, {expected.Count} expected");
            Assert.Equal((int)Math.Floor((rule.Fraction * count) + 0.5m), kept.Count);
        }
    }

    [Fact]
    public void The_result_is_the_same_for_any_chunks_and_threads()
    {
        List<Unit> units = Units(5000, distinct: 40, seed: 3);
        List<Unit>[] shards = [units[..1234], [], units[1234..1235], units[1235..]];
        SelectionOptions options = new() { Keep = [KeepRule.Parse("middle:37.5%")], Within = ["source"], By = Weighting.Tokens };
        string expected = Serialize(shards, options, 5000, 1);
        foreach ((int chunkRows, int threads) in new[] { (1, 3), (7, 1), (64, 2), (1000, 5) })
            Assert.Equal(expected, Serialize(shards, options, chunkRows, threads));
    }

    [Fact]
    public void Bottom_and_top_of_complementary_fractions_part_the_corpus_by_any_weight()
    {
        List<Unit> units = Units(999, distinct: 30, seed: 5);
        foreach (Weighting by in Enum.GetValues<Weighting>())
        {
            HashSet<string> bottom = Kept([units], new SelectionOptions { Keep = [KeepRule.Parse("bottom:0.25")], By = by });
            HashSet<string> top = Kept([units], new SelectionOptions { Keep = [KeepRule.Parse("top:0.75")], By = by });
            Assert.Empty(bottom.Intersect(top));
            Assert.Equal(999, bottom.Count + top.Count);
        }
    }

    [Theory]
    [InlineData(Weighting.Tokens)]
    [InlineData(Weighting.Bytes)]
    public void By_weight_a_unit_is_kept_when_it_starts_inside_the_band(Weighting by)
    {
        foreach (string text in new[] { "bottom:0.3", "middle:0.3", "top:0.3", "random:0.3", "middle:1" })
        {
            List<Unit> units = Units(700, distinct: 25, seed: 11);
            KeepRule rule = KeepRule.Parse(text);
            HashSet<string> kept = Kept([units[..300], units[300..]], new SelectionOptions { Keep = [rule], By = by, Seed = 2 });
            Assert.True(kept.SetEquals(Expected([units], rule, by, seed: 2)), text);
        }
    }

    [Fact]
    public void Every_stratum_is_ranked_by_itself()
    {
        List<Unit> units = Units(2000, distinct: 100_000, seed: 9);
        HashSet<string> kept = Kept([units], new SelectionOptions { Keep = [KeepRule.Parse("middle:50%")], Within = ["source", "length"] });
        IEnumerable<List<Unit>> strata = units.GroupBy(unit => (unit.Source, Octave: Math.ILogB(unit.Tokens))).Select(group => group.ToList());
        HashSet<string> expected = [.. strata.SelectMany(stratum => Expected([stratum], KeepRule.Parse("middle:50%"), Weighting.Units, 0))];
        Assert.True(kept.SetEquals(expected), $"{kept.Count} kept, {expected.Count} expected");
    }

    [Fact]
    public void Several_rules_keep_what_each_of_them_keeps()
    {
        List<Unit> units = [.. Units(500, distinct: 1000, seed: 21).Select((unit, i) => unit with { Memorization = i % 33 / 32.0 })];
        HashSet<string> both = Kept([units], new SelectionOptions { Keep = [KeepRule.Parse("perplexity:middle:50%"), KeepRule.Parse("memorization:bottom:90%")] });
        HashSet<string> one = Kept([units], new SelectionOptions { Keep = [KeepRule.Parse("perplexity:middle:50%")] });
        HashSet<string> other = Kept([units], new SelectionOptions { Keep = [KeepRule.Parse("memorization:bottom:90%")] });
        Assert.True(both.SetEquals(one.Intersect(other)));
        Assert.Equal(450, other.Count);
    }

    [Theory]
    [InlineData("bottom:10%+top:10%")]
    [InlineData("bottom:0.29+middle:10%+top:0.05")]
    [InlineData("bottom:60%+top:60%")]
    [InlineData("middle:20%+middle:50%")]
    public void Joined_bands_keep_what_any_of_them_keeps_in_every_stratum(string text)
    {
        KeepRule rule = KeepRule.Parse(text);
        foreach (int count in new[] { 0, 1, 2, 7, 50, 1003 })
        {
            foreach (Weighting by in Enum.GetValues<Weighting>())
            {
                List<Unit> units = Units(count, distinct: count % 2 == 0 ? 1_000_000 : 5, seed: count);
                HashSet<string> whole = Kept([units[..(count / 3)], units[(count / 3)..]], new SelectionOptions { Keep = [rule], By = by });
                Assert.True(whole.SetEquals(rule.Bands().SelectMany(band => Expected([units], band, by, 0))), $"{rule} of {count} units by {by}: {whole.Count} kept");
                HashSet<string> within = Kept([units], new SelectionOptions { Keep = [rule], By = by, Within = ["source"] });
                HashSet<string> wanted = [.. units.GroupBy(unit => unit.Source).SelectMany(stratum => rule.Bands().SelectMany(band => Expected([[.. stratum]], band, by, 0)))];
                Assert.True(within.SetEquals(wanted), $"{rule} of {count} units by {by} within sources: {within.Count} kept, {wanted.Count} expected");
            }
        }
    }

    [Fact]
    public void Joined_bands_of_one_metric_and_a_rule_of_another_keep_what_both_keep()
    {
        List<Unit> units = [.. Units(500, distinct: 1000, seed: 21).Select((unit, i) => unit with { Memorization = i % 7 == 0 ? double.NaN : i % 33 / 32.0 })];
        HashSet<string> Keep(params string[] rules) => Kept([units], new SelectionOptions { Keep = [.. rules.Select(KeepRule.Parse)] });
        HashSet<string> ends = Keep("perplexity:bottom:20%+top:30%"), rare = Keep("memorization:bottom:10%+top:50%");
        Assert.Equal((250, 257), (ends.Count, rare.Count));
        Assert.True(Keep("perplexity:bottom:20%+top:30%", "memorization:bottom:10%+top:50%").SetEquals(ends.Intersect(rare)));
    }

    [Fact]
    public void A_condition_drops_units_before_they_are_ranked()
    {
        List<Unit> units = Units(400, distinct: 1000, seed: 4);
        HashSet<string> kept = Kept([units], new SelectionOptions
        {
            Keep = [KeepRule.Parse("bottom:50%")],
            Where = "tokens >= 10 and (source = 'web' or source = \"books\")",
        });
        List<Unit> eligible = [.. units.Where(unit => unit.Tokens >= 10 && unit.Source is ("web" or "books"))];
        Assert.True(kept.SetEquals(Expected([eligible], KeepRule.Parse("bottom:50%"), Weighting.Units, 0)));
    }

    [Theory]
    [InlineData(Unscored.Drop, 2)]
    [InlineData(Unscored.Keep, 5)]
    public void Units_without_a_score_take_no_rank_and_follow_the_option(Unscored unscored, int kept)
    {
        List<Unit> units =
        [
            new("a", 1), new("b", double.NaN, Status: "empty"), new("c", 2), new("d", double.PositiveInfinity, Status: "invalid"),
            new("e", 3), new("f", 4), new("g", double.NaN, Status: "empty"),
        ];
        MemoryScores scores = new([units], 3);
        SelectionSummary summary = RankSelector.Select(
            scores, new SelectionOptions { Keep = [KeepRule.Parse("middle:50%")], Unscored = unscored }, 1, (_, _) => { });
        Assert.Equal(kept, summary.Kept.Units);
        Assert.Equal(4, summary.Rules[0].Ranked);
        Assert.Equal(new Dictionary<string, long> { ["empty"] = 2, ["invalid"] = 1 }, summary.Unscored);
        Assert.Equal((2, 3), (summary.Rules[0].Lowest, summary.Rules[0].Highest));
    }

    [Fact]
    public void Equal_scores_of_equal_ids_are_cut_by_shard_and_row()
    {
        List<Unit> units = [.. Enumerable.Repeat(new Unit("same", 1.5), 3000)];
        foreach (long mostCandidates in new long[] { 0, 10_000 })
        {
            KeepMask? mask = null;
            RankSelector.Select(
                new MemoryScores([units], 256), new SelectionOptions { Keep = [KeepRule.Parse("middle:0.4")] }, 2, (_, m) => mask = m, mostCandidates);
            Assert.Equal(1200, mask!.Kept);
            Assert.Equal((false, true, true, false), (mask[899], mask[900], mask[2099], mask[2100]));
        }
    }

    [Theory]
    [InlineData("middle:0.31", Weighting.Units)]
    [InlineData("top:0.31", Weighting.Tokens)]
    [InlineData("random:0.31", Weighting.Units)]
    [InlineData("bottom:0.11+middle:0.31+top:0.05", Weighting.Tokens)]
    public void Narrowing_by_histograms_alone_finds_the_same_cuts(string rule, Weighting by)
    {
        List<Unit> units = Units(2500, distinct: 50, seed: 8);
        SelectionOptions options = new() { Keep = [KeepRule.Parse(rule)], By = by, Within = ["source"] };
        List<bool> Rows(long mostCandidates)
        {
            List<bool> rows = [];
            RankSelector.Select(
                new MemoryScores([units], 300), options, 1, (_, mask) => rows.AddRange(units.Select((_, row) => mask[row])), mostCandidates);
            return rows;
        }

        Assert.Equal(Rows(1_000_000), Rows(0));
    }

    [Fact]
    public void Keys_order_like_the_scores_and_give_them_back()
    {
        double[] scores = [double.MinValue, -2, -1e-300, 0, 1e-300, 1, 1.0000000000000002, 3e38, double.MaxValue];
        for (int i = 0; i < scores.Length; i++)
        {
            Assert.Equal(scores[i], RankedChunk.Score(RankedChunk.Key(scores[i])));
            if (i > 0) Assert.True(RankedChunk.Key(scores[i - 1]) < RankedChunk.Key(scores[i]));
        }

        Assert.Equal(RankedChunk.Key(0.0), RankedChunk.Key(-0.0));
        Assert.Equal(RankedChunk.NoKey, RankedChunk.Key(double.NaN));
    }

    [Fact]
    public void Shares_add_up_and_say_what_changed()
    {
        List<Unit> units = [.. Units(100, 1000, 1).Select((unit, i) => unit with { Source = i < 60 ? "low" : "high", Perplexity = i })];
        SelectionSummary summary = RankSelector.Select(
            new MemoryScores([units], 10), new SelectionOptions { Keep = [KeepRule.Parse("bottom:50%")] }, 2, (_, _) => { });
        ShareTable sources = summary.Shares.Single(table => table.Column == "source");
        Assert.Equal(("low", 0.6, 1.0), (sources.Values[0].Value, sources.Values[0].ShareBefore, sources.Values[0].ShareAfter));
        Assert.Equal(("high", 0.4, 0.0), (sources.Values[1].Value, sources.Values[1].ShareBefore, sources.Values[1].ShareAfter));
        Assert.Equal(summary.All.Tokens, sources.Values.Sum(share => share.All.Tokens));
    }

    [Fact]
    public void An_unknown_metric_is_answered_with_the_columns_there_are()
    {
        CorpusException error = Assert.Throws<CorpusException>(() => RankSelector.Select(
            new MemoryScores([Units(3, 3, 1)], 3), new SelectionOptions { Keep = [KeepRule.Parse("entropy:top:10%")] }, 1, (_, _) => { }));
        Assert.Contains("`entropy`", error.Message, StringComparison.Ordinal);
        Assert.Contains("`perplexity`", error.Hint, StringComparison.Ordinal);
    }

    private static List<Unit> Units(int count, int distinct, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(i => new Unit(
            $"doc-{i}", (random.Next(distinct) / 16.0) - 20, random.Next(3) switch { 0 => "web", 1 => "books", _ => "百科" }, 1 + (random.Next(60) * random.Next(4))))];
    }

    private static HashSet<string> Kept(IReadOnlyList<IReadOnlyList<Unit>> shards, SelectionOptions options)
    {
        HashSet<string> kept = [];
        SelectionSummary summary = RankSelector.Select(new MemoryScores(shards, 100), options, 2, (shard, mask) =>
        {
            lock (kept)
            {
                for (int row = 0; row < shards[shard].Count; row++)
                    if (mask[row]) kept.Add(shards[shard][row].Id);
            }
        });
        Assert.Equal(summary.Kept.Units, kept.Count);
        return kept;
    }

    /// <summary>The definition, by sorting.</summary>
    private static HashSet<string> Expected(IReadOnlyList<IReadOnlyList<Unit>> shards, KeepRule rule, Weighting by, long seed)
    {
        ulong mixed = ((ulong)seed + 1) * 0x9e3779b97f4a7c15;
        List<Unit> ranked = [.. shards.SelectMany(units => units)
            .OrderBy(unit => rule.Band == Band.Random ? 0 : unit.Perplexity)
            .ThenBy(unit => rule.Band == Band.Random ? IdentityHash.Of(Encoding.UTF8.GetBytes(unit.Id), mixed).High : 0)
            .ThenBy(unit => IdentityHash.Of(Encoding.UTF8.GetBytes(unit.Id)))];
        long Weight(Unit unit) => by switch { Weighting.Units => 1, Weighting.Tokens => unit.Tokens, _ => unit.Bytes };
        (long from, long to) = rule.Interval(ranked.Sum(Weight));
        HashSet<string> kept = [];
        long before = 0;
        foreach (Unit unit in ranked)
        {
            if (before >= from && before < to) kept.Add(unit.Id);
            before += Weight(unit);
        }

        return kept;
    }

    private static string Serialize(IReadOnlyList<IReadOnlyList<Unit>> shards, SelectionOptions options, int chunkRows, int threads)
    {
        string directory = Directory.CreateTempSubdirectory("winnow-selection-").FullName;
        try
        {
            SelectionDirectory.Create(directory, new MemoryScores(shards, chunkRows), options, threads);
            return string.Join('\n', Directory.GetFiles(directory).Order(StringComparer.Ordinal)
                .Select(file => Path.GetFileName(file) + " " + Convert.ToHexString(File.ReadAllBytes(file))));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
