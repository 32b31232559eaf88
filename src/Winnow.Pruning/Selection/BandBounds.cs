namespace Winnow.Pruning.Selection;

/// <summary>A band between two cuts. Keys in (Above, UpTo] are inside; only ties need more than the key.</summary>
internal readonly struct BandBounds
{
    private readonly CutSearch _lower;
    private readonly CutSearch _upper;
    private readonly ulong _first;
    private readonly ulong _last;
    private readonly ulong _lowerTies;
    private readonly ulong _upperTies;
    private readonly bool _open;

    /// <summary>Of two cuts that are certain.</summary>
    public BandBounds(CutSearch lower, CutSearch upper)
    {
        (_lower, _upper) = (lower, upper);
        (ulong? below, ulong? lowerTies) = lower.KeyBounds();
        (ulong? upTo, ulong? upperTies) = upper.KeyBounds();
        _first = lowerTies is { } tie ? tie + 1 : below is { } low ? low == ulong.MaxValue ? low : low + 1 : 0;
        _last = upTo ?? 0;
        _open = upTo is not null;
        // NoKey is never asked about, so it stands for no ties.
        (_lowerTies, _upperTies) = (lowerTies ?? RankedChunk.NoKey, upperTies ?? RankedChunk.NoKey);
    }

    /// <summary>Whether a unit with this key lies in the band.</summary>
    public bool Contains(ulong key, RankedChunk chunk, int row)
    {
        if (key == _lowerTies || key == _upperTies)
        {
            UnitOrder unit = new(key, chunk, row);
            return !_lower.IsBelow(ref unit) && _upper.IsBelow(ref unit);
        }

        return _open && key >= _first && key <= _last;
    }
}
