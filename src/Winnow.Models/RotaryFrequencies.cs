using System.Collections.Immutable;

namespace Winnow.Models;

/// <summary>How the frequencies of a rotation differ from base^(−2i / width).</summary>
public enum RotaryScaling
{
    /// <summary>They do not.</summary>
    None,

    /// <summary>Divided by a factor.</summary>
    Linear,

    /// <summary>Llama 3: low frequencies divided by a factor, high ones kept, those between interpolated.</summary>
    Llama3,

    /// <summary>LongRoPE (arXiv 2402.13753): a factor per frequency, another set beyond the original length.</summary>
    LongRope,
}

/// <summary>The angles by which a rotary decoder turns queries and keys. Computed in f32 like transformers does.</summary>
/// <param name="Base">θ: the wavelengths run from 2π to 2π·θ.</param>
public sealed record RotaryFrequencies(double Base)
{
    /// <summary>Which scaling.</summary>
    public RotaryScaling Scaling { get; init; }

    /// <summary>Divides frequencies (Linear, Llama3).</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Llama3: wavelengths longer than OriginalLength / this are divided by the factor.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>Llama3: wavelengths shorter than OriginalLength / this are kept.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>Length the model was first trained at, in tokens (Llama3, LongRope).</summary>
    public int OriginalLength { get; init; }

    /// <summary>LongRope: divides each frequency in sequences up to the original length.</summary>
    public ImmutableArray<float> ShortFactors { get; init; } = [];

    /// <summary>LongRope: divides each frequency in longer sequences.</summary>
    public ImmutableArray<float> LongFactors { get; init; } = [];

    /// <summary>LongRope: multiplies cosines and sines.</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>Whether a sequence of <paramref name="length"/> tokens turns by the long factors.</summary>
    public bool IsLong(int length) => Scaling == RotaryScaling.LongRope && length > OriginalLength;

    /// <summary>Throws where parameters contradict each other.</summary>
    public void Validate(string place, int rotaryWidth)
    {
        if (!(Base > 0) || !double.IsFinite(Base)) throw new ModelException(place, $"the rotary base is {Base}; expected a positive number");
        if (Scaling is RotaryScaling.Linear or RotaryScaling.Llama3 && !(Factor >= 1))
            throw new ModelException(place, $"the rotary factor is {Factor}; expected at least 1");
        if (Scaling is RotaryScaling.Llama3 && (OriginalLength < 1 || !(HighFrequencyFactor > LowFrequencyFactor)))
            throw new ModelException(place, "llama3 rope scaling needs `original_max_position_embeddings`, and `high_freq_factor` above `low_freq_factor`");
        if (Scaling is RotaryScaling.LongRope && (OriginalLength < 1 || ShortFactors.Length != rotaryWidth / 2 || LongFactors.Length != rotaryWidth / 2))
        {
            throw new ModelException(place,
                $"longrope has {ShortFactors.Length} short and {LongFactors.Length} long factors; expected {rotaryWidth / 2} of each, one per rotated pair");
        }
    }

    /// <summary>The table that <see cref="Kernels.IBackend.Rotate"/> reads.</summary>
    /// <param name="rotaryWidth">Columns that rotate.</param>
    /// <param name="positions">Rows: one per position.</param>
    /// <param name="isLong">LongRope: the long factors.</param>
    /// <returns>[positions, rotaryWidth]: cosines, then sines.</returns>
    public float[] Table(int rotaryWidth, int positions, bool isLong)
    {
        float[] frequencies = Frequencies(rotaryWidth, isLong);
        int pairs = rotaryWidth / 2;
        float attention = (float)AttentionFactor;
        var table = new float[positions * (long)rotaryWidth];
        for (int position = 0; position < positions; position++)
        {
            var row = table.AsSpan(position * rotaryWidth, rotaryWidth);
            for (int i = 0; i < pairs; i++)
            {
                float angle = position * frequencies[i];
                row[i] = (float)Math.Cos(angle) * attention;
                row[pairs + i] = (float)Math.Sin(angle) * attention;
            }
        }

        return table;
    }

    private float[] Frequencies(int rotaryWidth, bool isLong)
    {
        var frequencies = new float[rotaryWidth / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            float power = (float)Math.Pow(Base, 2f * i / rotaryWidth);
            frequencies[i] = Scaling switch
            {
                RotaryScaling.None => 1 / power,
                RotaryScaling.Linear => 1 / power / (float)Factor,
                RotaryScaling.Llama3 => Llama3(1 / power),
                RotaryScaling.LongRope => 1 / ((isLong ? LongFactors : ShortFactors)[i] * power),
                _ => throw new InvalidOperationException($"unknown scaling {Scaling}"),
            };
        }

        return frequencies;
    }

    private float Llama3(float frequency)
    {
        double wavelength = 2 * Math.PI / frequency;
        if (wavelength < OriginalLength / HighFrequencyFactor) return frequency;
        if (wavelength > OriginalLength / LowFrequencyFactor) return frequency / (float)Factor;
        double smooth = ((OriginalLength / wavelength) - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return (float)(((1 - smooth) * frequency / Factor) + (smooth * frequency));
    }
}
