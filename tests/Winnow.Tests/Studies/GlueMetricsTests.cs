using Winnow.Studies.Glue;
using Xunit;

namespace Winnow.Tests.Studies;

/// <summary>Known values: worked by hand from the definitions, on predictions small enough to check on paper.</summary>
public sealed class GlueMetricsTests
{
    // TP 3, FP 1, FN 2, TN 4.
    private static readonly int[] Labels = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0], Predicted = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0];

    [Fact]
    public void Accuracy_F1_and_Matthews_have_their_textbook_values()
    {
        Assert.Equal(0.7, GlueMetrics.Accuracy(Predicted, Labels), 1e-12);
        Assert.Equal(6.0 / 9, GlueMetrics.F1(Predicted, Labels), 1e-12);
        Assert.Equal(10 / Math.Sqrt(4.0 * 5 * 5 * 6), GlueMetrics.Matthews(Predicted, Labels), 1e-12);
    }

    [Fact]
    public void A_constant_prediction_has_no_correlation()
    {
        int[] constant = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        Assert.Equal(0, GlueMetrics.Matthews(constant, Labels));
        Assert.Equal(0, GlueMetrics.Pearson([1.0, 1, 1], [1, 2, 3]));
        Assert.Equal(0, GlueMetrics.F1([0, 0], [0, 0]));
    }

    [Fact]
    public void Pearson_and_Spearman_have_their_textbook_values()
    {
        double[] x = [1, 2, 3, 4, 5], y = [2, 1, 4, 3, 5];
        Assert.Equal(0.8, GlueMetrics.Pearson(x, y), 1e-12);
        Assert.Equal(0.8, GlueMetrics.Spearman(x, y), 1e-12);
        // A monotone but not linear relation, and ties that share their mean rank: ranks 0, 1.5, 1.5, 3.
        Assert.Equal(1, GlueMetrics.Spearman(x, [1, 10, 100, 1000, 10000]), 1e-12);
        Assert.Equal(4.5 / Math.Sqrt(5 * 4.5), GlueMetrics.Spearman([1, 2, 3, 4], [1, 2, 2, 3]), 1e-12);
    }

    [Fact]
    public void Unequal_or_empty_inputs_are_refused()
    {
        Assert.Throws<ArgumentException>(() => GlueMetrics.Accuracy([1], [1, 0]));
        Assert.Throws<ArgumentException>(() => GlueMetrics.Pearson([], []));
    }
}
