using Winnow.Data;

namespace Winnow.Pruning;

/// <summary>One metric of two runs over documents of the same ids: the same pages with and without boilerplate, say.</summary>
/// <param name="Metric">A metric column.</param>
/// <param name="Pairs">Ids that have a value in both.</param>
/// <param name="Higher">Pairs in which the first run's value is the higher.</param>
/// <param name="Lower">Pairs in which it is the lower; the rest are equal.</param>
/// <param name="Low">Lower end of the 95 % interval of <see cref="Share"/> (Wilson 1927); null where no pair differs.</param>
/// <param name="High">Upper end.</param>
/// <param name="MedianDifference">Median over all pairs of the first value minus the second.</param>
public sealed record PairedScores(string Metric, long Pairs, long Higher, long Lower, double? Low, double? High, double MedianDifference)
{
    /// <summary>Of the pairs that differ, the share in which the first is the higher; null where none does.</summary>
    public double? Share => Higher + Lower == 0 ? null : Higher / (double)(Higher + Lower);

    /// <summary>Compares every score that both runs have. Holds the ids and scores of the second run in memory.</summary>
    /// <param name="first">Scores of documents.</param>
    /// <param name="second">Scores of documents.</param>
    /// <param name="cancel">Stops between rows.</param>
    /// <exception cref="CorpusException">A run is over sequences, an id stands twice in one, or no id stands in both.</exception>
    public static IReadOnlyList<PairedScores> Compare(ScoreTable first, ScoreTable second, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        string[] metrics = [.. RankAgreement.ScoreColumns(first).Append("bits_per_byte").Intersect(RankAgreement.ScoreColumns(second).Append("bits_per_byte"))];
        var values = new Dictionary<string, double[]>(StringComparer.Ordinal);
        foreach ((string id, double[] scores) in Rows(second, metrics, cancel))
            if (!values.TryAdd(id, scores)) throw Twice(second, id);
        List<double>[] differences = [.. metrics.Select(_ => new List<double>())];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach ((string id, double[] scores) in Rows(first, metrics, cancel))
        {
            if (!values.TryGetValue(id, out double[]? others)) continue;
            if (!seen.Add(id)) throw Twice(first, id);
            for (int m = 0; m < metrics.Length; m++)
                if (!double.IsNaN(scores[m] - others[m])) differences[m].Add(scores[m] - others[m]);
        }

        if (seen.Count == 0) throw new CorpusException(first.Directory, $"none of its ids stands in {second.Directory}", "pairs are made by the documents' ids: score files whose records have the same");
        return [.. metrics.Select((metric, m) => Of(metric, differences[m])).Where(pair => pair.Pairs > 0)];
    }

    private static PairedScores Of(string metric, List<double> differences)
    {
        long higher = differences.Count(d => d > 0), lower = differences.Count(d => d < 0);
        differences.Sort();
        int n = differences.Count;
        double median = n == 0 ? 0 : (differences[(n - 1) / 2] + differences[n / 2]) / 2;
        (double? low, double? high) = Wilson(higher, higher + lower);
        return new PairedScores(metric, n, higher, lower, low, high, median);
    }

    private static (double? Low, double? High) Wilson(long successes, long trials)
    {
        if (trials == 0) return (null, null);
        const double Z = 1.959963984540054;
        double n = trials, share = successes / n, scale = 1 + (Z * Z / n), middle = (share + (Z * Z / (2 * n))) / scale;
        double reach = Z * Math.Sqrt((share * (1 - share) / n) + (Z * Z / (4 * n * n))) / scale;
        return (Math.Max(0, middle - reach), Math.Min(1, middle + reach));
    }

    private static IEnumerable<(string Id, double[] Scores)> Rows(ScoreTable table, string[] metrics, CancellationToken cancel)
    {
        if (table.Schema.HasSpans) throw new CorpusException(table.Directory, "its units are sequences, which have no pairs", "score with `--unit document`");
        int[] columns = [.. metrics.Select(table.Schema.IndexOf)];
        foreach (ScoreRow row in table.ReadRows())
        {
            cancel.ThrowIfCancellationRequested();
            yield return (row.Id, [.. columns.Select(column => row.Values[column])]);
        }
    }

    private static CorpusException Twice(ScoreTable table, string id) => new(table.Directory, $"the id `{id}` stands twice", "pairs are made by the documents' ids: give every record its own");
}
