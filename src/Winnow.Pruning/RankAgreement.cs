using Winnow.Data;
using Winnow.Pruning.Selection;

namespace Winnow.Pruning;

/// <summary>How far two columns of a score table order the units alike.</summary>
/// <param name="First">A metric column.</param>
/// <param name="Second">Another.</param>
/// <param name="Units">Units that have a value in both.</param>
/// <param name="Spearman">Rank correlation in [−1, 1], ties at their mean rank; NaN where a column is constant.</param>
/// <param name="Bottom">Share of the one's bottom band that is in the other's too.</param>
/// <param name="Middle">The same for the middle band.</param>
/// <param name="Top">The same for the top band.</param>
public sealed record RankAgreement(string First, string Second, long Units, double Spearman, double Bottom, double Middle, double Top)
{
    /// <summary>Compares every pair of columns. Holds two columns and their ranks in memory: about 50 bytes a unit.</summary>
    /// <param name="table">The scores.</param>
    /// <param name="columns">Metric columns; null takes every column that holds a score: perplexity, EL2N, memorization, of each model.</param>
    /// <param name="fraction">Size of the bands, in (0, 1].</param>
    /// <param name="cancel">Stops between pairs.</param>
    /// <exception cref="CorpusException">A column is not in the table.</exception>
    public static IReadOnlyList<RankAgreement> Compare(
        ScoreTable table, IReadOnlyList<string>? columns = null, double fraction = 0.5, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(fraction);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(fraction, 1);
        columns ??= ScoreColumns(table);
        foreach (string column in columns.Where(column => table.Schema.IndexOf(column) < 0))
        {
            throw new CorpusException(table.Directory, $"no metric column `{column}`; there are {string.Join(", ", table.Schema.Metrics.Select(metric => $"`{metric.Name}`"))}");
        }

        List<RankAgreement> pairs = [];
        for (int i = 0; i < columns.Count; i++)
        {
            for (int j = i + 1; j < columns.Count; j++)
            {
                cancel.ThrowIfCancellationRequested();
                pairs.Add(Compare(table, columns[i], columns[j], fraction));
            }
        }

        return pairs;
    }

    /// <summary>Spearman's ρ: Pearson's correlation of the ranks, ties at their mean rank; NaN where a side is constant.</summary>
    public static double Correlate(double[] first, double[] second)
    {
        double[] x = MeanRanks(first), y = MeanRanks(second);
        double mean = (x.Length - 1) / 2.0, product = 0, squaresOfX = 0, squaresOfY = 0;
        for (int i = 0; i < x.Length; i++)
        {
            product += (x[i] - mean) * (y[i] - mean);
            squaresOfX += (x[i] - mean) * (x[i] - mean);
            squaresOfY += (y[i] - mean) * (y[i] - mean);
        }

        return product / Math.Sqrt(squaresOfX * squaresOfY);
    }

    /// <summary>The columns that hold a score of some unit: perplexity, EL2N, memorization, of each model.</summary>
    internal static IReadOnlyList<string> ScoreColumns(ScoreTable table) =>
        [.. table.Schema.Metrics.Select(metric => metric.Name).Where(name => IsScore(name) && HasValues(table, name))];

    private static bool IsScore(string name) =>
        name.Split('@')[0] is "perplexity" or "el2n" or "memorization";

    private static bool HasValues(ScoreTable table, string name)
    {
        int column = table.Schema.IndexOf(name);
        return table.ReadRows().Any(row => !double.IsNaN(row.Values[column]));
    }

    private static RankAgreement Compare(ScoreTable table, string first, string second, double fraction)
    {
        int firstColumn = table.Schema.IndexOf(first), secondColumn = table.Schema.IndexOf(second);
        List<double> x = [], y = [];
        List<(ulong High, ulong Low)> identities = [];
        foreach (ScoreRow row in table.ReadRows())
        {
            if (double.IsNaN(row.Values[firstColumn]) || double.IsNaN(row.Values[secondColumn])) continue;
            x.Add(row.Values[firstColumn]);
            y.Add(row.Values[secondColumn]);
            identities.Add(IdentityHash.Of(System.Text.Encoding.UTF8.GetBytes(row.Id)));
        }

        int units = x.Count, kept = (int)Math.Round(fraction * units, MidpointRounding.AwayFromZero), middle = (units - kept) / 2;
        int[] firstRanks = Ranks(x, identities), secondRanks = Ranks(y, identities);
        double Overlap(int from) => kept == 0
            ? double.NaN
            : (double)Enumerable.Range(0, units).Count(i => Within(firstRanks[i], from, kept) && Within(secondRanks[i], from, kept)) / kept;
        return new RankAgreement(first, second, units, Correlate([.. x], [.. y]), Overlap(0), Overlap(middle), Overlap(units - kept));
    }

    private static bool Within(int rank, int from, int count) => rank >= from && rank < from + count;

    /// <summary>Ranks as a selection ranks: by score, then by the hash of the identity.</summary>
    private static int[] Ranks(List<double> values, List<(ulong High, ulong Low)> identities)
    {
        int[] order = [.. Enumerable.Range(0, values.Count)];
        Array.Sort(order, (i, j) =>
        {
            int compared = values[i].CompareTo(values[j]);
            return compared != 0 ? compared : identities[i].CompareTo(identities[j]);
        });
        int[] ranks = new int[order.Length];
        for (int rank = 0; rank < order.Length; rank++) ranks[order[rank]] = rank;
        return ranks;
    }

    private static double[] MeanRanks(double[] values)
    {
        int[] order = [.. Enumerable.Range(0, values.Length)];
        Array.Sort((double[])values.Clone(), order);
        double[] ranks = new double[values.Length];
        for (int from = 0; from < order.Length;)
        {
            int to = from + 1;
            while (to < order.Length && values[order[to]] == values[order[from]]) to++;
            for (int i = from; i < to; i++) ranks[order[i]] = (from + to - 1) / 2.0;
            from = to;
        }

        return ranks;
    }
}
