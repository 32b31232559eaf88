namespace Winnow.Studies.Evaluation;

/// <summary>
/// Compares two recipes of training, not two models: the interval holds both what the choice of test documents and what the
/// choice of seeds could have changed. The two are independent, so their margins add as squares; the seeds' margin is Student's
/// with seeds − 1 degrees of freedom, which is wide for two or three seeds, as it must be.
/// </summary>
public static class SeedBootstrap
{
    /// <summary>How much lower the perplexity of one recipe is than another's, as a fraction of the other's.</summary>
    /// <param name="models">[seeds][documents]: losses of the recipe's models.</param>
    /// <param name="baselines">[seeds][documents]: of the other's, the same seeds and documents in the same order.</param>
    /// <param name="confidence">Of the interval, in (0, 1).</param>
    /// <param name="resamples">Draws of the whole set of documents.</param>
    /// <param name="seed">The same seed gives the same interval.</param>
    public static Estimate Improvement(
        IReadOnlyList<DocumentLoss[]> models, IReadOnlyList<DocumentLoss[]> baselines, double confidence, int resamples, ulong seed)
    {
        if (models.Count != baselines.Count || models.Count == 0) throw new ArgumentException("both must have the same seeds, at least one", nameof(baselines));
        Estimate documents = PerplexityBootstrap.Improvement(MeanOverSeeds(models), MeanOverSeeds(baselines), confidence, resamples, seed);
        if (documents is not { High: { } high } || models.Count == 1) return documents;
        double gain = -Math.Log(1 - documents.Value), margin = -Math.Log(1 - high) - gain;
        double[] gains = [.. models.Zip(baselines, (model, baseline) => Loss(baseline) - Loss(model))];
        double mean = gains.Average();
        double error = Math.Sqrt(gains.Sum(g => (g - mean) * (g - mean)) / (gains.Length - 1) / gains.Length);
        double both = double.Hypot(margin, PerplexityBootstrap.StudentQuantile(confidence, gains.Length - 1) * error);
        return new Estimate(documents.Value, 1 - Math.Exp(both - gain), 1 - Math.Exp(-both - gain));
    }

    private static double Loss(DocumentLoss[] documents) => documents.Aggregate(DocumentLoss.Add).Loss;

    private static DocumentLoss[] MeanOverSeeds(IReadOnlyList<DocumentLoss[]> seeds)
    {
        if (seeds.Any(documents => documents.Length != seeds[0].Length)) throw new ArgumentException("every seed must have the same documents", nameof(seeds));
        return [.. Enumerable.Range(0, seeds[0].Length).Select(i => seeds[0][i] with { Nll = seeds.Average(documents => documents[i].Nll) })];
    }
}
