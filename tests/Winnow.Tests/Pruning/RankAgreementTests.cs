using Winnow.Pruning;
using Xunit;

namespace Winnow.Tests.Pruning;

public sealed class RankAgreementTests
{
    [Theory]
    [InlineData(new double[] { 1, 2, 3, 4, 5 }, new double[] { 10, 20, 30, 40, 1000 }, 1)]
    [InlineData(new double[] { 1, 2, 3, 4, 5 }, new double[] { 5, 4, 3, 2, 1 }, -1)]
    [InlineData(new double[] { 106, 100, 86, 101, 99, 103, 97, 113, 112, 110 }, new double[] { 7, 27, 2, 50, 28, 29, 20, 12, 6, 17 }, -29.0 / 165)]
    [InlineData(new double[] { 1, 2, 2, 3 }, new double[] { 1, 3, 2, 4 }, 0.948683298050514)]
    public void Spearman_is_the_correlation_of_ranks_with_ties_at_their_mean(double[] first, double[] second, double expected) =>
        Assert.Equal(expected, RankAgreement.Correlate(first, second), 12);
}
