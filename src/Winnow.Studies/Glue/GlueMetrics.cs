using Winnow.Pruning;

namespace Winnow.Studies.Glue;

/// <summary>The measures of GLUE on fixed predictions. All are in [−1, 1]; higher is better.</summary>
public static class GlueMetrics
{
    /// <summary>Share of equal entries.</summary>
    public static double Accuracy(ReadOnlySpan<int> predicted, ReadOnlySpan<int> labels)
    {
        CheckLengths(predicted.Length, labels.Length);
        int right = 0;
        for (int i = 0; i < labels.Length; i++) right += predicted[i] == labels[i] ? 1 : 0;
        return (double)right / labels.Length;
    }

    /// <summary>2·TP / (2·TP + FP + FN) of class 1; 0 where class 1 neither occurs nor is predicted.</summary>
    public static double F1(ReadOnlySpan<int> predicted, ReadOnlySpan<int> labels)
    {
        Confusion c = Count(predicted, labels);
        long weight = (2 * c.TruePositive) + c.FalsePositive + c.FalseNegative;
        return weight == 0 ? 0 : 2.0 * c.TruePositive / weight;
    }

    /// <summary>Matthews correlation of two classes; 0 where a row or column of the table is empty.</summary>
    public static double Matthews(ReadOnlySpan<int> predicted, ReadOnlySpan<int> labels)
    {
        Confusion c = Count(predicted, labels);
        double weight = (double)(c.TruePositive + c.FalsePositive) * (c.TruePositive + c.FalseNegative)
            * (c.TrueNegative + c.FalsePositive) * (c.TrueNegative + c.FalseNegative);
        return weight == 0 ? 0 : (((double)c.TruePositive * c.TrueNegative) - ((double)c.FalsePositive * c.FalseNegative)) / Math.Sqrt(weight);
    }

    /// <summary>Pearson correlation; 0 where either side is constant.</summary>
    public static double Pearson(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        CheckLengths(x.Length, y.Length);
        double meanX = 0, meanY = 0;
        for (int i = 0; i < x.Length; i++)
        {
            meanX += x[i] / x.Length;
            meanY += y[i] / y.Length;
        }

        double xy = 0, xx = 0, yy = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double dx = x[i] - meanX, dy = y[i] - meanY;
            xy += dx * dy;
            xx += dx * dx;
            yy += dy * dy;
        }

        return xx == 0 || yy == 0 ? 0 : xy / Math.Sqrt(xx * yy);
    }

    /// <summary>Spearman correlation, ties sharing their mean rank; 0 where either side is constant.</summary>
    public static double Spearman(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        CheckLengths(x.Length, y.Length);
        double correlation = RankAgreement.Correlate(x.ToArray(), y.ToArray());
        return double.IsNaN(correlation) ? 0 : correlation;
    }

    private readonly record struct Confusion(long TruePositive, long FalsePositive, long FalseNegative, long TrueNegative);

    private static Confusion Count(ReadOnlySpan<int> predicted, ReadOnlySpan<int> labels)
    {
        CheckLengths(predicted.Length, labels.Length);
        Span<long> table = stackalloc long[4];
        for (int i = 0; i < labels.Length; i++) table[(predicted[i] == 1 ? 1 : 0) + (labels[i] == 1 ? 2 : 0)]++;
        return new Confusion(table[3], table[1], table[2], table[0]);
    }

    private static void CheckLengths(int left, int right)
    {
        if (left != right || left == 0) throw new ArgumentException($"{left} predictions for {right} labels; both must be equal and not 0");
    }
}
