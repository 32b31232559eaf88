using Winnow.Models.Families;

namespace Winnow.Models;

/// <summary>
/// Weights before training, as GPT-2 starts them: matrices N(0, 0.02), projections back into the residual stream divided by
/// √(2·layers), gains 1, biases 0. Each chunk of a matrix has a generator of its own, so the result does not depend on threads.
/// </summary>
internal sealed class Initializer(DecoderConfig config, ulong seed)
{
    private const double Deviation = 0.02;
    private const int Chunk = 1 << 16;

    private ulong _matrices;

    /// <summary>The values of the next matrix: call once per matrix, in the order of the layout.</summary>
    public float[] Matrix(MatrixSlot slot)
    {
        double deviation = slot.IntoResidual ? Deviation / Math.Sqrt(2.0 * config.Layers) : Deviation;
        var values = new float[checked(slot.Rows * (long)slot.Columns)];
        ulong matrix = Mix(seed + (0x9E3779B97F4A7C15 * ++_matrices));
        Parallel.For(0, (values.Length + Chunk - 1) / Chunk, chunk =>
        {
            int first = chunk * Chunk;
            Fill(values.AsSpan(first, Math.Min(Chunk, values.Length - first)), deviation, Mix(matrix + (ulong)chunk));
        });
        return values;
    }

    /// <summary>The bias of a matrix, or null where it has none.</summary>
    public static float[]? Bias(MatrixSlot slot) => slot.HasBias ? new float[slot.Rows] : null;

    /// <summary>A normalisation's gain, or null where it has none.</summary>
    public static float[]? Gain(NormSlot slot)
    {
        if (slot.Parameters == NormParameters.None) return null;
        var gain = new float[slot.Width];
        gain.AsSpan().Fill(1);
        return gain;
    }

    /// <summary>A normalisation's bias, or null where it has none.</summary>
    public static float[]? Bias(NormSlot slot) => slot.Parameters == NormParameters.GainAndBias ? new float[slot.Width] : null;

    // Box and Muller's pairs.
    private static void Fill(Span<float> values, double deviation, ulong state)
    {
        for (int i = 0; i < values.Length; i += 2)
        {
            double radius = deviation * Math.Sqrt(-2 * Math.Log(1 - Uniform(ref state)));
            var (sine, cosine) = Math.SinCos(2 * Math.PI * Uniform(ref state));
            values[i] = (float)(radius * cosine);
            if (i + 1 < values.Length) values[i + 1] = (float)(radius * sine);
        }
    }

    private static double Uniform(ref ulong state) => (Mix(state += 0x9E3779B97F4A7C15) >> 11) * (1.0 / (1L << 53));

    // SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
