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

    /// <summary>NLL / tokens, in nats.</summary>
    public double Loss => Nll / Tokens;

    /// <summary>exp(loss).</summary>
    public double Perplexity => Math.Exp(Loss);

    /// <summary>NLL / (ln 2 · bytes).</summary>
    public double BitsPerByte => Nll / (Math.Log(2) * Bytes);
}

/// <summary>
/// Confidence intervals of corpus perplexity by the bootstrap over documents (Efron 1979): documents, not tokens, are drawn with
/// replacement, because the tokens of a document are not independent. The draws give the standard error of the mean loss; the
/// interval is Student's, n − 1 degrees of freedom, on the scale of the loss, which covers better than percentiles where
/// documents are few.
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
        double[] losses = new double[resamples], bits = new double[resamples];
        SplitMix draw = new(seed);
        for (int r = 0; r < resamples; r++)
        {
            DocumentLoss sum = default;
            for (int i = 0; i < documents.Length; i++) sum += documents[draw.Below(documents.Length)];
            (losses[r], bits[r]) = (sum.Loss, sum.BitsPerByte);
        }

        double loss = Margin(losses, documents.Length, confidence), bit = Margin(bits, documents.Length, confidence);
        return (
            new(total.Perplexity, Math.Exp(total.Loss - loss), Math.Exp(total.Loss + loss)),
            new(total.BitsPerByte, total.BitsPerByte - bit, total.BitsPerByte + bit));
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
        double gain = Sum(baseline).Loss - Sum(model).Loss;
        if (model.Length < FewestDocuments) return new(1 - Math.Exp(-gain), null, null);
        double margin = StudentQuantile(confidence, model.Length - 1) * Math.Sqrt(GainVariance(model, baseline, resamples, seed));
        return Improved(gain, margin);
    }

    /// <summary>A gain in nats per token, and its margin, as a relative improvement of perplexity.</summary>
    internal static Estimate Improved(double gain, double margin) => new(1 - Math.Exp(-gain), 1 - Math.Exp(margin - gain), 1 - Math.Exp(-margin - gain));

    /// <summary>Variance, over draws of the documents, of how much lower one model's mean loss is than the other's.</summary>
    internal static double GainVariance(ReadOnlySpan<DocumentLoss> model, ReadOnlySpan<DocumentLoss> baseline, int resamples, ulong seed)
    {
        if (model.Length != baseline.Length) throw new ArgumentException("the documents of both must be the same", nameof(baseline));
        double[] gains = new double[resamples];
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

            gains[r] = theirs.Loss - ours.Loss;
        }

        return Variance(gains, model.Length);
    }

    /// <summary>The t with P(|T| ≤ t) = confidence, T of Student's distribution.</summary>
    internal static double StudentQuantile(double confidence, double degrees)
    {
        // With x = √ν·tan θ, P(|T| ≤ x) is the share of ∫ cos^(ν−1) below θ. Beyond 1000 degrees the normal's tail is reached.
        const int Steps = 2000;
        const double Width = Math.PI / 2 / Steps;
        double limited = Math.Min(degrees, 1000);
        double[] shares = new double[Steps];
        for (int i = 0; i < Steps; i++) shares[i] = Math.Pow(Math.Cos((i + 0.5) * Width), limited - 1);
        double left = confidence * shares.Sum();
        int step = 0;
        for (; step < Steps - 1 && left > shares[step]; step++) left -= shares[step];
        return Math.Sqrt(limited) * Math.Tan((step + (left / shares[step])) * Width);
    }

    private static DocumentLoss Sum(ReadOnlySpan<DocumentLoss> documents)
    {
        DocumentLoss sum = default;
        foreach (DocumentLoss document in documents) sum += document;
        return sum;
    }

    /// <summary>Half the interval: Student's quantile times the standard error.</summary>
    private static double Margin(double[] resampled, int documents, double confidence) =>
        StudentQuantile(confidence, documents - 1) * Math.Sqrt(Variance(resampled, documents));

    /// <summary>Variance of the draws, freed of the bootstrap's bias for n documents.</summary>
    private static double Variance(double[] resampled, int documents)
    {
        double mean = resampled.Average();
        return resampled.Sum(value => (value - mean) * (value - mean)) / (resampled.Length - 1) * documents / (documents - 1);
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
