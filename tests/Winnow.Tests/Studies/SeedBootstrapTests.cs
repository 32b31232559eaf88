using Winnow.Studies.Evaluation;
using Xunit;

namespace Winnow.Tests.Studies;

/// <summary>Simulated studies whose true gain is known: documents, seeds, and what a seed does to a document, each with its own spread.</summary>
public sealed class SeedBootstrapTests
{
    private const int Documents = 60;
    private const double Gain = 0.02;

    [Theory]
    [InlineData(3, 1.0, 0.0, 0.3)]
    [InlineData(3, 1.0, 0.1, 0.3)]
    [InlineData(3, 1.0, 0.2, 0.3)]
    [InlineData(3, 1.0, 1.0, 0.3)]
    [InlineData(3, 0.1, 1.0, 0.1)]
    [InlineData(3, 0.2, 0.0, 1.0)]
    [InlineData(3, 0.2, 0.1, 1.0)]
    [InlineData(3, 0.2, 0.2, 1.0)]
    [InlineData(5, 1.0, 0.2, 0.3)]
    [InlineData(9, 0.2, 0.1, 1.0)]
    public void Intervals_over_seeds_and_documents_cover_the_truth_as_often_as_they_say(int seeds, double document, double seed, double both) =>
        Assert.InRange(Coverage(seeds, document, seed, both, SeedBootstrap.Improvement), 0.93, 0.97);

    [Theory]
    [InlineData(1.0, 0.1, 0.3)]
    [InlineData(0.1, 1.0, 0.1)]
    [InlineData(0.2, 0.1, 1.0)]
    public void Two_seeds_never_promise_more_than_they_hold(double document, double seed, double both) =>
        Assert.InRange(Coverage(2, document, seed, both, SeedBootstrap.Improvement), 0.94, 1);

    [Fact]
    public void The_documents_alone_would_promise_too_much() => Assert.InRange(
        Coverage(3, 1.0, 0.3, 0.3, (models, baselines, confidence, resamples, seed) => PerplexityBootstrap.Improvement(models[0], baselines[0], confidence, resamples, seed)), 0.3, 0.85);

    [Fact]
    public void The_order_of_seeds_does_not_matter_and_equal_models_have_no_gain()
    {
        (DocumentLoss[][] models, DocumentLoss[][] baselines) = Draw(new Random(1), 3, 1, 0.2, 0.3);
        Estimate forward = SeedBootstrap.Improvement(models, baselines, 0.95, 500, 1), back = SeedBootstrap.Improvement([.. models.Reverse()], [.. baselines.Reverse()], 0.95, 500, 1);
        Assert.Equal(forward.Low!.Value, back.Low!.Value, 1e-12);
        Assert.Equal(new Estimate(0, 0, 0), SeedBootstrap.Improvement(models, models, 0.95, 500, 1));
    }

    private static double Coverage(
        int seeds, double document, double seed, double both, Func<DocumentLoss[][], DocumentLoss[][], double, int, ulong, Estimate> improvement)
    {
        const int Trials = 2500;
        double truth = 1 - Math.Exp(-Gain);
        var random = new Random(11);
        int covered = 0;
        for (int trial = 0; trial < Trials; trial++)
        {
            (DocumentLoss[][] models, DocumentLoss[][] baselines) = Draw(random, seeds, document, seed, both);
            Estimate estimate = improvement(models, baselines, 0.95, 200, (ulong)trial);
            if (estimate.Low <= truth && truth <= estimate.High) covered++;
        }

        return covered / (double)Trials;
    }

    /// <summary>Losses of models that are better by <see cref="Gain"/> nats a token, but for the three spreads (hundredths of a nat).</summary>
    private static (DocumentLoss[][] Models, DocumentLoss[][] Baselines) Draw(Random random, int seeds, double document, double seed, double both)
    {
        int[] tokens = [.. Enumerable.Range(0, Documents).Select(_ => random.Next(80, 320))];
        double[] level = [.. tokens.Select(_ => 3 + (0.5 * Normal(random)))], documents = [.. tokens.Select(_ => 0.01 * document * Normal(random))];
        var models = new DocumentLoss[seeds][];
        var baselines = new DocumentLoss[seeds][];
        for (int s = 0; s < seeds; s++)
        {
            double shift = 0.01 * seed * Normal(random);
            baselines[s] = [.. tokens.Select((n, i) => new DocumentLoss(level[i] * n, n, 4 * n))];
            models[s] = [.. tokens.Select((n, i) => new DocumentLoss((level[i] - Gain - documents[i] - shift - (0.01 * both * Normal(random))) * n, n, 4 * n))];
        }

        return (models, baselines);
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
