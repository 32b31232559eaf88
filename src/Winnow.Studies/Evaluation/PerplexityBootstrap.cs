namespace Winnow.Studies.Evaluation;

/// <summary>What one held-out document contributes.</summary>
/// <param name="Nll">Σ −ln p over its predicted tokens, in nats.</param>
/// <param name="Tokens">Its predicted tokens.</param>
/// <param name="Bytes">UTF-8 bytes of the text they cover.</param>
public readonly record struct DocumentLoss(double Nll, long Tokens, long Bytes)
{
    /// <summary>Sum of both.</summary>
    public static DocumentLoss operator +(DocumentLoss left, DocumentLoss right) =>
        new(left.Nll + right.Nll, left.Tokens + right.Tokens, left.Bytes + right.Bytes);

    /// <summary>Sum of both.</summary>
    public static DocumentLoss Add(DocumentLoss left, DocumentLoss right) => left + right;

    /// <summary>exp(NLL / tokens).</summary>
    public double Perplexity => Math.Exp(Nll / Tokens);

    /// <summary>NLL / (ln 2 · bytes).</summary>
    public double BitsPerByte => Nll / (Math.Log(2) * Bytes);
}

/// <summary>
/// Confidence intervals of corpus perplexity by the bootstrap over documents (Efron 1979): documents, not tokens, are drawn with
/// replacement, because the tokens of a document are not independent. The ends are percentiles of the resampled values.
/// </summary>
public static class PerplexityBootstrap
{
    /// <summary>Fewer documents than this say nothing about their spread.</summary>
    public const int FewestDocuments = 10;

    /// <summary>Perplexity and bits per byte of a set of documents, with intervals.</summary>
    /// <param name="documents">At least one, with at least one token.</param>
    /// <param name="confidence">Of the intervals, in (0, 1).</param>
    /// <param name="resamples">Draws of the whole set.</param>
    /// <param name="seed">The same seed gives the same intervals.</param>
    public static (Estimate Perplexity, Estimate BitsPerByte) Estimate(
        ReadOnlySpan<DocumentLoss> documents, double confidence, int resamples, ulong seed)
    {
        DocumentLoss total = Sum(documents);
        if (documents.Length < FewestDocuments) return (new(total.Perplexity, null, null), new(total.BitsPerByte, null, null));
        double[] perplexities = new double[resamples], bits = new double[resamples];
        SplitMix draw = new(seed);
        for (int r = 0; r < resamples; r++)
        {
            DocumentLoss sum = default;
            for (int i = 0; i < documents.Length; i++) sum += documents[draw.Below(documents.Length)];
            (perplexities[r], bits[r]) = (sum.Perplexity, sum.BitsPerByte);
        }

        return (Interval(total.Perplexity, perplexities, confidence), Interval(total.BitsPerByte, bits, confidence));
    }

    /// <summary>
    /// How much lower the perplexity of one model is than another's on the same documents, as a fraction of the other's: 0.01 is
    /// one per cent better. Both are resampled together, so that what makes a document hard cancels.
    /// </summary>
    /// <param name="model">Losses of the model.</param>
    /// <param name="baseline">Losses of the other on the same documents, in the same order.</param>
    /// <param name="confidence">Of the interval, in (0, 1).</param>
    /// <param name="resamples">Draws of the whole set.</param>
    /// <param name="seed">The same seed gives the same interval.</param>
    public static Estimate Improvement(
        ReadOnlySpan<DocumentLoss> model, ReadOnlySpan<DocumentLoss> baseline, double confidence, int resamples, ulong seed)
    {
        if (model.Length != baseline.Length) throw new ArgumentException("the documents of both must be the same", nameof(baseline));
        double value = 1 - (Sum(model).Perplexity / Sum(baseline).Perplexity);
        if (model.Length < FewestDocuments) return new(value, null, null);
        double[] improvements = new double[resamples];
        SplitMix draw = new(seed);
        for (int r = 0; r < resamples; r++)
        {
            DocumentLoss ours = default, theirs = default;
            for (int i = 0; i < model.Length; i++)
            {
                int document = draw.Below(model.Length);
                ours += model[document];
                theirs += baseline[document];
            }

            improvements[r] = 1 - (ours.Perplexity / theirs.Perplexity);
        }

        return Interval(value, improvements, confidence);
    }

    private static DocumentLoss Sum(ReadOnlySpan<DocumentLoss> documents)
    {
        DocumentLoss sum = default;
        foreach (DocumentLoss document in documents) sum += document;
        return sum;
    }

    private static Estimate Interval(double value, double[] resampled, double confidence)
    {
        Array.Sort(resampled);
        double tail = (1 - confidence) / 2;
        return new Estimate(value, Quantile(resampled, tail), Quantile(resampled, 1 - tail));
    }

    /// <summary>Linear between the two nearest order statistics.</summary>
    private static double Quantile(double[] sorted, double at)
    {
        double place = at * (sorted.Length - 1);
        int below = (int)place;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((place - below) * (sorted[above] - sorted[below]));
    }

    /// <summary>SplitMix64 (Steele, Lea and Flood 2014).</summary>
    private struct SplitMix(ulong state)
    {
        private ulong _state = state;

        /// <summary>An integer in [0, bound), by the high half of a 128-bit product.</summary>
        public int Below(int bound)
        {
            ulong word = _state += 0x9e3779b97f4a7c15;
            word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
            word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
            return (int)Math.BigMul(word ^ (word >> 31), (ulong)bound, out _);
        }
    }
}
