using Winnow.Pruning;

namespace Winnow.Studies.Reports;

/// <summary>
/// What a report needs to know of a score table, in two passes over its rows and in memory that does not grow with them: the first
/// finds ranges and quantiles, the second fills the pictures and picks the samples.
/// </summary>
/// <param name="metric">The metric's name.</param>
/// <param name="column">Its place in <see cref="ScoreRow.Values"/>.</param>
/// <param name="cuts">Where the selection cuts, ascending; with a score per half, in the order of the halves.</param>
internal sealed class ScoreStatistics(string metric, int column, IReadOnlyList<IReadOnlyList<double>> cuts)
{
    private const int Bins = 72, MostLengthBins = 40, ScoreBins = 36, SamplesEach = 10, MostSources = 5000;
    private const string Others = "(all other sources)";

    private readonly Dictionary<string, SourceCount> sources = [];
    private readonly QuantileSketch scores = new(), keptScores = new(), lengths = new();
    private readonly SortedDictionary<string, (long Units, long Bytes)> unscored = new(StringComparer.Ordinal);
    private long[] total = [], kept = [], density = [];
    private QuantileSketch[] byLength = [];
    private double[] edges = [], lengthEdges = [], scoreEdges = [];
    private SampleHeap lowest = null!, highest = null!;
    private SampleHeap[] atCuts = [];
    private long below, above;

    /// <summary>All units, and what they hold.</summary>
    internal Amounts All { get; private set; }

    /// <summary>Units that are kept, and what they hold.</summary>
    internal Amounts Kept { get; private set; }

    /// <summary>Median score of all units with a score; NaN when there is none.</summary>
    internal double Median => scores.At(0.5);

    /// <summary>Lowest and highest kept score; NaN when nothing is kept.</summary>
    internal (double Low, double High) KeptRange => keptScores.Count == 0 ? (double.NaN, double.NaN) : (keptScores.Lowest, keptScores.Highest);

    /// <summary>Units with a score.</summary>
    internal long Scored => scores.Count;

    private bool Logarithmic => metric is "perplexity" or "nll" && scores.Lowest > 0;

    private int LengthBins => lengthEdges.Length - 1;

    private Cut[] Cuts => [.. cuts.Select(c => new Cut([.. c.Order()]))];

    /// <summary>First pass, one unit.</summary>
    internal void Measure(ScoreRow row, bool isKept)
    {
        All = All.Plus(row);
        if (isKept) Kept = Kept.Plus(row);
        if (!sources.TryGetValue(row.Source, out SourceCount? source))
        {
            string name = sources.Count < MostSources ? row.Source : Others;
            if (!sources.TryGetValue(name, out source)) sources[name] = source = new SourceCount();
        }
        source.Units++;
        source.Bytes += row.Bytes;
        if (isKept)
        {
            source.KeptUnits++;
            source.KeptBytes += row.Bytes;
        }
        double score = row.Values[column];
        if (!double.IsFinite(score))
        {
            (long units, long bytes) = unscored.GetValueOrDefault(row.Status);
            unscored[row.Status] = (units + 1, bytes + row.Bytes);
            return;
        }
        scores.Add(score);
        source.Scores.Add(score);
        if (isKept) keptScores.Add(score);
        lengths.Add(Math.Max(row.Tokens, 1));
    }

    /// <summary>Between the passes: decides the axes.</summary>
    internal void Prepare()
    {
        lowest = new SampleHeap(SamplesEach);
        highest = new SampleHeap(SamplesEach);
        atCuts = [.. cuts.Select(_ => new SampleHeap(SamplesEach))];
        if (scores.Count == 0) return;
        (double low, double high) = Range(scores, 0.001);
        foreach (double cut in cuts.SelectMany(c => c)) (low, high) = (Math.Min(low, cut), Math.Max(high, cut));
        edges = Edges(low, high, Bins, Logarithmic);
        total = new long[Bins];
        kept = new long[Bins];
        scoreEdges = Edges(low, high, ScoreBins, Logarithmic);
        (double shortest, double longest) = Range(lengths, 0.0005);
        // Lengths are whole numbers: an edge between two of them, and no bin that holds none.
        lengthEdges = [.. Edges(Math.Max(shortest, 1), Math.Max(longest, 2), MostLengthBins, true).Select(e => Math.Round(e) - 0.5).Append(Math.Max(longest, 2) + 0.5).Distinct()];
        density = new long[ScoreBins * LengthBins];
        byLength = [.. Enumerable.Range(0, LengthBins).Select(_ => new QuantileSketch())];
    }

    /// <summary>Second pass, one unit.</summary>
    internal void Place(ScoreRow row, bool isKept)
    {
        double score = row.Values[column];
        if (!double.IsFinite(score)) return;
        int bin = BinOf(score, edges, Logarithmic);
        if (bin < 0) below++;
        else if (bin >= Bins) above++;
        else
        {
            total[bin]++;
            if (isKept) kept[bin]++;
        }
        int length = Array.BinarySearch(lengthEdges, Math.Max(row.Tokens, 1));
        int c = Math.Clamp(~length - 1, 0, LengthBins - 1);
        int r = Math.Clamp(BinOf(score, scoreEdges, Logarithmic), 0, ScoreBins - 1);
        density[(r * LengthBins) + c]++;
        byLength[c].Add(score);
        lowest.Offer(score, row, score, isKept);
        highest.Offer(-score, row, score, isKept);
        for (int i = 0; i < atCuts.Length; i++)
        {
            double cut = cuts[i][cuts[i].Count > 1 ? row.Fold ?? 0 : 0];
            double distance = Logarithmic ? Math.Abs(Math.Log(score / cut)) : Math.Abs(score - cut);
            atCuts[i].Offer(distance, row, score, isKept);
        }
    }

    /// <summary>The histogram, or null when nothing has a score.</summary>
    internal ScoreHistogram? Histogram() => scores.Count == 0 ? null : new ScoreHistogram(
        metric, Logarithmic, edges, total, kept, Cuts, [.. Enumerable.Range(1, 9).Select(i => scores.At(i / 10.0))], below, above);

    /// <summary>Score against length, or null when nothing has a score.</summary>
    internal LengthDensity? Lengths() => scores.Count == 0 ? null : new LengthDensity(
        metric, Logarithmic, "tokens", lengthEdges, scoreEdges, density, [.. byLength.Select(s => s.Count < 3 ? double.NaN : s.At(0.5))], Cuts, RankCorrelation());

    /// <summary>The largest sources, and the rest as one.</summary>
    internal IReadOnlyList<SourceShare> Sources(int most)
    {
        var ordered = sources.OrderByDescending(s => s.Value.Units).ThenBy(s => s.Key, StringComparer.Ordinal).ToList();
        List<SourceShare> shares = [.. ordered.Take(most).Select(s => s.Value.Share(s.Key))];
        if (ordered.Count <= most) return shares;
        SourceShare[] rest = [.. ordered.Skip(most).Select(s => s.Value.Share(s.Key))];
        shares.Add(new SourceShare(
            $"{Figures.Count(rest.Length)} more sources", rest.Sum(s => s.Units), rest.Sum(s => s.KeptUnits), rest.Sum(s => s.Bytes), rest.Sum(s => s.KeptBytes), double.NaN));
        return shares;
    }

    /// <summary>Units without a score, by status.</summary>
    internal IReadOnlyList<Skipped> Unscored() => [.. unscored.Select(s => new Skipped(s.Key, s.Value.Units, s.Value.Bytes, Meaning(s.Key)))];

    /// <summary>The units to read, in groups; each in order of score.</summary>
    internal IReadOnlyList<(string Title, string Note, IReadOnlyList<Picked> Units)> Picks()
    {
        if (scores.Count == 0) return [];
        var groups = new List<(string, string, IReadOnlyList<Picked>)>();
        for (int i = 0; i < cuts.Count; i++)
        {
            string which = cuts.Count == 1 ? "Around the cut" : i == 0 ? "Around the lower cut" : "Around the upper cut";
            groups.Add((which, $"nearest to {metric} {Cuts[i].Words}", [.. atCuts[i].Picked.OrderBy(p => p.Score)]));
        }
        groups.Add(("Lowest", metric == "memorization" ? "the least repeated" : "what the reference finds easiest", [.. lowest.Picked.OrderBy(p => p.Score)]));
        groups.Add(("Highest", metric == "memorization" ? "the most repeated" : "what the reference finds hardest", [.. highest.Picked.OrderByDescending(p => p.Score)]));
        return groups;
    }

    private static string Meaning(string status) => status switch
    {
        ScoreStatus.Empty => "no text, or a text without a token",
        ScoreStatus.TooShort => "a single token: nothing to predict",
        ScoreStatus.Partial => "the last tokens of a file, too few for a sequence",
        ScoreStatus.Invalid => "not readable as text",
        ScoreStatus.Duplicate => "the text of an earlier document, word for word",
        ScoreStatus.NotFinite => "the model gave a number that is not finite",
        ScoreStatus.Ok or ScoreStatus.Truncated => "scored, but this metric is not defined for it",
        _ => "",
    };

    private static (double Low, double High) Range(QuantileSketch sketch, double tail)
    {
        double low = sketch.At(tail), high = sketch.At(1 - tail);
        if (sketch.Count < 2000) (low, high) = (sketch.Lowest, sketch.Highest);
        return high > low ? (low, high) : (low - Math.Max(Math.Abs(low) * 0.05, 1e-6), high + Math.Max(Math.Abs(high) * 0.05, 1e-6));
    }

    private static double[] Edges(double low, double high, int bins, bool logarithmic)
    {
        var edges = new double[bins + 1];
        // A hair of room, so that the extremes fall inside.
        double a = logarithmic ? Math.Log(low) : low, b = logarithmic ? Math.Log(high) : high, room = (b - a) * 1e-9;
        for (int i = 0; i <= bins; i++)
        {
            double at = a - room + ((b - a + (2 * room)) * i / bins);
            edges[i] = logarithmic ? Math.Exp(at) : at;
        }
        return edges;
    }

    private static int BinOf(double value, double[] edges, bool logarithmic)
    {
        if (logarithmic && value <= 0) return -1;
        double a = logarithmic ? Math.Log(edges[0]) : edges[0], b = logarithmic ? Math.Log(edges[^1]) : edges[^1];
        double at = ((logarithmic ? Math.Log(value) : value) - a) / (b - a) * (edges.Length - 1);
        return at < 0 ? -1 : at >= edges.Length - 1 ? edges.Length - 1 : (int)at;
    }

    // Spearman's ρ with mid-ranks of the picture's bins.
    private double RankCorrelation()
    {
        var columns = new long[LengthBins];
        var rows = new long[ScoreBins];
        for (int i = 0; i < density.Length; i++)
        {
            columns[i % LengthBins] += density[i];
            rows[i / LengthBins] += density[i];
        }
        double n = columns.Sum();
        double[] x = MidRanks(columns), y = MidRanks(rows);
        double meanRank = n / 2, xy = 0, xx = 0, yy = 0;
        for (int i = 0; i < density.Length; i++)
        {
            double dx = x[i % LengthBins] - meanRank, dy = y[i / LengthBins] - meanRank;
            xy += density[i] * dx * dy;
            xx += density[i] * dx * dx;
            yy += density[i] * dy * dy;
        }
        return xx > 0 && yy > 0 ? xy / Math.Sqrt(xx * yy) : 0;
    }

    private static double[] MidRanks(long[] counts)
    {
        var ranks = new double[counts.Length];
        long before = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            ranks[i] = before + (counts[i] / 2.0);
            before += counts[i];
        }
        return ranks;
    }

    /// <summary>One unit that the report shows.</summary>
    internal sealed record Picked(ScoreRow Row, double Score, bool Kept);

    /// <summary>A number of units and what they hold.</summary>
    internal readonly record struct Amounts(long Units, long Tokens, long Bytes)
    {
        internal Amounts Plus(ScoreRow row) => new(Units + 1, Tokens + row.Tokens, Bytes + row.Bytes);
    }

    private sealed class SourceCount
    {
        internal long Units, KeptUnits, Bytes, KeptBytes;

        internal QuantileSketch Scores { get; } = new();

        internal SourceShare Share(string name) => new(name, Units, KeptUnits, Bytes, KeptBytes, Scores.At(0.5));
    }

    /// <summary>The units with the smallest keys; of equal ones the first in the corpus.</summary>
    private sealed class SampleHeap(int most)
    {
        private readonly SortedSet<(double Key, int Shard, long Row)> keys = [];
        private readonly Dictionary<(int, long), Picked> units = [];

        internal IEnumerable<Picked> Picked => units.Values;

        internal void Offer(double key, ScoreRow row, double score, bool isKept)
        {
            if (keys.Count == most && (key, row.Shard, row.Row).CompareTo(keys.Max) >= 0) return;
            keys.Add((key, row.Shard, row.Row));
            units[(row.Shard, row.Row)] = new Picked(row, score, isKept);
            if (keys.Count <= most) return;
            (_, int shard, long number) = keys.Max;
            keys.Remove(keys.Max);
            units.Remove((shard, number));
        }
    }
}
