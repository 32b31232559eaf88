namespace Winnow.Pruning.Selection;

/// <summary>Units, tokens and bytes per value, of all and of what is kept.</summary>
internal sealed class AmountSums
{
    private const int Width = 6;
    private long[] _sums = [];

    /// <summary>The sums of a value.</summary>
    public Amount Of(int value, bool kept)
    {
        int first = (value * Width) + (kept ? 3 : 0);
        return first < _sums.Length ? new Amount(_sums[first], _sums[first + 1], _sums[first + 2]) : default;
    }

    /// <summary>The sums over all values.</summary>
    public Amount Total(bool kept) => Enumerable.Range(0, _sums.Length / Width).Select(value => Of(value, kept)).Aggregate(new Amount(), Amount.Add);

    /// <summary>Adds rows.</summary>
    public void Add(ReadOnlySpan<int> values, ReadOnlySpan<bool> keep, ReadOnlySpan<long> tokens, ReadOnlySpan<long> bytes)
    {
        int most = 0;
        foreach (int value in values) most = Math.Max(most, value);
        Grow((most + 1) * Width);
        for (int row = 0; row < values.Length; row++)
        {
            Span<long> sums = _sums.AsSpan(values[row] * Width, Width);
            long kept = keep[row] ? 1 : 0;
            sums[0]++;
            sums[1] += tokens[row];
            sums[2] += bytes[row];
            sums[3] += kept;
            sums[4] += kept * tokens[row];
            sums[5] += kept * bytes[row];
        }
    }

    /// <summary>Adds other sums of the same values.</summary>
    public void Add(AmountSums other)
    {
        Grow(other._sums.Length);
        for (int i = 0; i < other._sums.Length; i++) _sums[i] += other._sums[i];
    }

    private void Grow(int length)
    {
        if (_sums.Length < length) Array.Resize(ref _sums, length);
    }

    /// <summary>Writes the sums of the values that were seen, and what the values are.</summary>
    public void Write(BinaryWriter to, Strata values)
    {
        int[] seen = [.. Enumerable.Range(0, _sums.Length / Width).Where(value => _sums[value * Width] > 0)];
        values.Write(to, seen);
        foreach (int value in seen)
            foreach (long sum in _sums.AsSpan(value * Width, Width)) to.Write7BitEncodedInt64(sum);
    }

    /// <summary>Adds sums that were written.</summary>
    public void AddFrom(BinaryReader from, Strata values)
    {
        foreach (int value in values.Read(from))
        {
            Grow((value + 1) * Width);
            foreach (ref long sum in _sums.AsSpan(value * Width, Width)) sum += from.Read7BitEncodedInt64();
        }
    }
}
