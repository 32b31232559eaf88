using Winnow.Data.Tokenizers;
using Winnow.Pruning.Selection;
using Winnow.Studies.Execution;
using Winnow.Studies.Works;

namespace Winnow.Studies;

/// <summary>What kind of text a variant keeps.</summary>
/// <param name="Variant">The variant; of random pruning the first seed's draw.</param>
/// <param name="All">The whole corpus.</param>
/// <param name="Kept">What is kept of it.</param>
/// <param name="Tables">Shares of units by <c>source</c>, by <c>length</c> in tokens, and by <c>script</c> of a sample of units.</param>
public sealed record KeptText(Variant Variant, Amount All, Amount Kept, IReadOnlyList<KeptTable> Tables)
{
    private const int MostValues = 20, SampledUnits = 10_000, SampledTokens = 256;

    /// <summary>The table of a column; null where there is none.</summary>
    public KeptTable? Of(string column) => Tables.FirstOrDefault(table => table.Column == column);

    /// <summary>Of every variant whose selection is made.</summary>
    internal static IEnumerable<KeptText> Gather(StudyPlan plan, StepStore store)
    {
        List<(int Shard, long Row, string Script)>? sample = null;
        foreach (TrainedVariant trained in plan.Trained.DistinctBy(t => t.Variant))
        {
            if (trained.Select is not { } step || !StudyResults.IsDone(plan, store, step)) continue;
            SelectionDirectory selection = SelectionDirectory.Open(Path.Combine(StudyResults.Output(plan, store, step), SelectWork.Folder));
            sample ??= Sample(plan, store);
            SelectionSummary summary = selection.Summary;
            List<KeptTable> tables = [.. summary.Shares.Where(table => table.Column is "source" or "length").Select(Table)];
            if (sample.Count > 0) tables.Add(ByScript(sample, selection));
            yield return new KeptText(trained.Variant, summary.All, summary.Kept, tables);
        }
    }

    /// <summary>The largest values, lengths in their order; the rest is one.</summary>
    private static KeptTable Table(ShareTable table)
    {
        Share[] largest = [.. table.Values.OrderByDescending(value => value.ShareBefore).ThenBy(value => value.Value, StringComparer.Ordinal)];
        Share[] shown = [.. largest.Take(MostValues)], rest = [.. largest.Skip(MostValues)];
        if (table.Column == "length") shown = [.. shown.OrderBy(value => value.All.Tokens / (double)Math.Max(1, value.All.Units))];
        List<KeptShare> values = [.. shown.Select(value => new KeptShare(value.Value, value.ShareBefore, value.ShareAfter))];
        if (rest.Length > 0) values.Add(new KeptShare(KeptShare.Rest, rest.Sum(value => value.ShareBefore), rest.Sum(value => value.ShareAfter)));
        return new KeptTable(table.Column, values);
    }

    private static KeptTable ByScript(List<(int Shard, long Row, string Script)> sample, SelectionDirectory selection)
    {
        KeepMask[] masks = [.. selection.Summary.Shards.Select((_, shard) => selection.ReadMask(shard))];
        bool IsKept((int Shard, long Row, string Script) unit) => masks[unit.Shard][unit.Row];
        double kept = Math.Max(1, sample.Count(IsKept));
        return new KeptTable("script", [.. sample.GroupBy(unit => unit.Script).OrderByDescending(units => units.Count()).ThenBy(units => units.Key, StringComparer.Ordinal)
            .Select(units => new KeptShare(units.Key, units.Count() / (double)sample.Count, units.Count(IsKept) / kept))]);
    }

    /// <summary>Units drawn evenly from the packed corpus, all of a small one, with the script of their first tokens.</summary>
    private static List<(int Shard, long Row, string Script)> Sample(StudyPlan plan, StepStore store)
    {
        var sample = new List<(int, long, string)>();
        string pack = StudyResults.Output(plan, store, "pack/train");
        if (!StudyResults.IsDone(plan, store, "pack/train") || StudyFiles.Read<PackFacts>(Path.Combine(pack, "pack.json")).Tokens == 0) return sample;
        Tokenizer tokenizer = Tokenizer.Load(StudyResults.Output(plan, store, "tokenizer"));
        using PackedCorpus corpus = PackedCorpus.Open(pack);
        long units = corpus.Facts.ShardRows.Sum(), stride = Math.Max(1, units / SampledUnits), next = 0, first = 0;
        var random = new Random(1);
        for (int shard = 0; shard < corpus.Facts.ShardRows.Count; first += corpus.Facts.ShardRows[shard++])
        {
            // One of every stride, not always the same: what is periodic in a corpus does not show.
            for (; next < first + corpus.Facts.ShardRows[shard]; next += stride)
            {
                long unit = Math.Min(next + random.NextInt64(stride), first + corpus.Facts.ShardRows[shard] - 1);
                int[] ids = corpus.ReadUnit(unit, SampledTokens);
                if (ids.Length > 0) sample.Add((shard, unit - first, Scripts.Of(tokenizer.Decode(ids, skipSpecial: true))));
            }
        }

        return sample;
    }
}

/// <summary>How the shares of one column's values change.</summary>
/// <param name="Column"><c>source</c>, <c>length</c> or <c>script</c>.</param>
/// <param name="Values">The largest, and the rest as <see cref="KeptShare.Rest"/>.</param>
public sealed record KeptTable(string Column, IReadOnlyList<KeptShare> Values);

/// <summary>One value's share of the units of the whole corpus, and of what is kept.</summary>
public sealed record KeptShare(string Value, double Before, double After)
{
    /// <summary>The name of what is not listed by itself.</summary>
    public const string Rest = "others";
}
