using Winnow.Studies.Evaluation;
using Xunit;

namespace Winnow.Tests.Studies;

public sealed class PerplexityBootstrapTests
{
    [Theory]
    [InlineData(12)]
    [InlineData(100)]
    public void Intervals_cover_the_truth_as_often_as_they_say(int documents)
    {
        const int Trials = 2000;
        Random random = new(1);
        double truth = Math.Exp(3);
        int covered = 0;
        for (int trial = 0; trial < Trials; trial++)
        {
            (Estimate perplexity, _) = PerplexityBootstrap.Estimate(Documents(random, documents), 0.95, 200, (ulong)trial);
            if (perplexity.Low <= truth && truth <= perplexity.High) covered++;
        }

        Assert.InRange(covered / (double)Trials, 0.93, 0.97);
    }

    [Theory]
    [InlineData(0.95, 1, 12.7062)]
    [InlineData(0.95, 9, 2.2622)]
    [InlineData(0.99, 30, 2.7500)]
    [InlineData(0.9, 100, 1.6602)]
    [InlineData(0.95, 1_000_000, 1.9600)]
    public void The_quantiles_are_those_of_the_tables(double confidence, int degrees, double expected) =>
        Assert.Equal(expected, PerplexityBootstrap.StudentQuantile(confidence, degrees), expected * 2e-3);

    [Fact]
    public void The_same_seed_gives_the_same_interval()
    {
        DocumentLoss[] documents = Documents(new Random(2), 50);
        Assert.Equal(PerplexityBootstrap.Estimate(documents, 0.9, 200, 7), PerplexityBootstrap.Estimate(documents, 0.9, 200, 7));
        Assert.NotEqual(PerplexityBootstrap.Estimate(documents, 0.9, 200, 7), PerplexityBootstrap.Estimate(documents, 0.9, 200, 8));
    }

    [Theory]
    [InlineData(12)]
    [InlineData(100)]
    public void Intervals_of_a_paired_difference_cover_the_truth_as_often_as_they_say(int documents)
    {
        const int Trials = 2000;
        Random random = new(4);
        int covered = 0;
        for (int trial = 0; trial < Trials; trial++)
        {
            DocumentLoss[] baseline = Documents(random, documents);
            DocumentLoss[] model = [.. baseline.Select(d => d with { Nll = d.Nll - ((0.02 + (0.2 * (random.NextDouble() - random.NextDouble()))) * d.Tokens) })];
            Estimate improvement = PerplexityBootstrap.Improvement(model, baseline, 0.95, 200, (ulong)trial);
            if (improvement.Low <= 1 - Math.Exp(-0.02) && 1 - Math.Exp(-0.02) <= improvement.High) covered++;
        }

        Assert.InRange(covered / (double)Trials, 0.93, 0.97);
    }

    [Fact]
    public void Pairing_sees_a_difference_that_is_smaller_than_the_spread_of_documents()
    {
        DocumentLoss[] baseline = Documents(new Random(3), 200);
        DocumentLoss[] model = [.. baseline.Select(document => document with { Nll = document.Nll - (0.01 * document.Tokens) })];
        Estimate improvement = PerplexityBootstrap.Improvement(model, baseline, 0.95, 500, 1);
        Assert.Equal(1 - Math.Exp(-0.01), improvement.Value, 1e-9);
        Assert.True(improvement.Low > 0.009 && improvement.High < 0.011, improvement.ToString());
    }

    [Fact]
    public void A_handful_of_documents_has_no_interval()
    {
        (Estimate perplexity, Estimate bits) = PerplexityBootstrap.Estimate([new(Math.Log(4) * 10, 10, 20)], 0.95, 100, 1);
        Assert.Equal(4, perplexity.Value, 1e-9);
        Assert.Equal(1, bits.Value, 1e-9);
        Assert.Null(perplexity.Low);
    }

    /// <summary>Documents of many lengths whose mean loss per token is 3 nats in expectation.</summary>
    private static DocumentLoss[] Documents(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ =>
    {
        int tokens = random.Next(50, 500);
        double perToken = 3 + ((random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 0.8);
        return new DocumentLoss(perToken * tokens, tokens, tokens * 4);
    })];
}
