namespace Winnow.Studies.Reports;

/// <summary>Quantiles of a stream in bounded memory: counts in buckets half a percent wide, so every answer is right to 0.5 %.</summary>
internal sealed class QuantileSketch
{
    private const double Width = 0.01;

    private readonly SortedDictionary<int, long> buckets = [];

    /// <summary>Values seen.</summary>
    internal long Count { get; private set; }

    /// <summary>Smallest value seen.</summary>
    internal double Lowest { get; private set; } = double.PositiveInfinity;

    /// <summary>Largest value seen.</summary>
    internal double Highest { get; private set; } = double.NegativeInfinity;

    /// <summary>Adds a finite value.</summary>
    internal void Add(double value)
    {
        int bucket = value == 0 ? 0 : Math.Sign(value) * (100_000 + (int)Math.Floor(Math.Log(Math.Abs(value)) / Width));
        buckets[bucket] = buckets.GetValueOrDefault(bucket) + 1;
        Count++;
        Lowest = Math.Min(Lowest, value);
        Highest = Math.Max(Highest, value);
    }

    /// <summary>The value below which the fraction <paramref name="q"/> lies; NaN when nothing was added.</summary>
    internal double At(double q)
    {
        if (Count == 0) return double.NaN;
        long wanted = (long)Math.Floor(q * (Count - 1)), before = 0;
        foreach ((int bucket, long count) in buckets)
        {
            before += count;
            if (before <= wanted) continue;
            double middle = bucket == 0 ? 0 : Math.Sign(bucket) * Math.Exp((Math.Abs(bucket) - 100_000 + 0.5) * Width);
            return Math.Clamp(middle, Lowest, Highest);
        }
        return Highest;
    }
}
