namespace Winnow.Pruning.Selection;

/// <summary>
/// Finds where a ranking is cut without sorting it. Units are ordered by four 64-bit words: the order-preserving bits of the
/// score, the two halves of the identity hash, and (for units of the same id) shard and row. Each has a coordinate, the
/// summed weight of the units before it; the cut at c has below it the units with a coordinate less than c. The search keeps
/// the leading bits of the last such unit and gets more of them from a histogram, or from the values, of the units that share
/// those it has.
/// </summary>
internal sealed class CutSearch
{
    private const int Words = 4;
    private readonly ulong[] _resolved = new ulong[Words];
    private readonly bool _noneBelow;
    private long _remaining;

    /// <summary>A search among units of the given number and total weight for the cut at <paramref name="coordinate"/>.</summary>
    public CutSearch(long coordinate, long count, long weight)
    {
        _remaining = coordinate;
        _noneBelow = coordinate <= 0 || count == 0;
        Count = count;
        Unresolved = 64;
        if (_noneBelow) Done = true;
        else Settle(weight);
    }

    /// <summary>True when every unit can be placed below or above the cut.</summary>
    public bool Done { get; private set; }

    /// <summary>The word that is being resolved: 0 score, 1 and 2 hash, 3 position.</summary>
    public int Word { get; private set; }

    /// <summary>Bits of that word that are not known yet.</summary>
    public int Unresolved { get; private set; }

    /// <summary>The known bits of that word, shifted down.</summary>
    public ulong Prefix { get; private set; }

    /// <summary>Units that share all the known bits.</summary>
    public long Count { get; private set; }

    /// <summary>The lowest and highest key that units sharing all known bits can have.</summary>
    public (ulong First, ulong Last) KeyRange => Word > 0 ? (_resolved[0], _resolved[0])
        : Unresolved == 64 ? (0, ulong.MaxValue)
        : (Prefix << Unresolved, (Prefix << Unresolved) | ((1UL << Unresolved) - 1));

    /// <summary>The number of bits the next histogram resolves.</summary>
    public int Digit(int most) => Math.Min(most, Unresolved);

    /// <summary>Whether the unit shares all known bits; its current word comes back.</summary>
    public bool Matches(ref UnitOrder unit, out ulong word)
    {
        for (int w = 0; w < Word; w++)
        {
            if (unit[w] == _resolved[w]) continue;
            word = 0;
            return false;
        }

        word = unit[Word];
        return Shift(word, Unresolved) == Prefix;
    }

    /// <summary>The highest key of which it is certain, without looking at ties, that it lies below the cut, and the key whose units must be looked at (or none).</summary>
    public (ulong? BelowUpTo, ulong? Ties) KeyBounds()
    {
        if (_noneBelow) return (null, null);
        (ulong first, ulong last) = KeyRange;
        if (Word == 0) return (last, null);
        return (first == 0 ? null : first - 1, first);
    }

    /// <summary>Whether the unit lies below the cut; only when <see cref="Done"/>.</summary>
    public bool IsBelow(ref UnitOrder unit)
    {
        if (_noneBelow) return false;
        for (int w = 0; w < Word; w++)
            if (unit[w] != _resolved[w]) return unit[w] < _resolved[w];
        return Shift(unit[Word], Unresolved) <= Prefix;
    }

    /// <summary>Goes on with the next digit's histogram of the units that match.</summary>
    /// <param name="counts">[2^digit]: units.</param>
    /// <param name="weights">[2^digit]: their weight; may be <paramref name="counts"/>.</param>
    public void Narrow(ReadOnlySpan<long> counts, ReadOnlySpan<long> weights)
    {
        int bits = System.Numerics.BitOperations.Log2((uint)counts.Length);
        int last = -1;
        long start = 0, before = 0;
        for (int digit = 0; digit < counts.Length && before < _remaining; digit++)
        {
            if (counts[digit] == 0) continue;
            (last, start) = (digit, before);
            before += weights[digit];
        }

        if (last < 0) throw new InvalidOperationException("the scores changed while they were read");
        Prefix = (Prefix << bits) | (uint)last;
        Unresolved -= bits;
        _remaining -= start;
        Count = counts[last];
        Settle(weights[last]);
    }

    /// <summary>Goes on with the values of the current word of all units that match, sorted, and their weights.</summary>
    public void Narrow(ReadOnlySpan<ulong> sorted, ReadOnlySpan<long> weights)
    {
        if (sorted.Length != Count) throw new InvalidOperationException("the scores changed while they were read");
        int first = 0, end = 0;
        long start = 0, before = 0;
        while (end < sorted.Length && before < _remaining)
        {
            (first, start) = (end, before);
            for (; end < sorted.Length && sorted[end] == sorted[first]; end++) before += weights.IsEmpty ? 1 : weights[end];
        }

        Prefix = sorted[first];
        Unresolved = 0;
        _remaining -= start;
        Count = end - first;
        Settle(before - start);
    }

    private void Settle(long weight)
    {
        Done = _remaining >= weight || Count == 1;
        if (Done || Unresolved > 0) return;
        _resolved[Word] = Prefix;
        (Word, Unresolved, Prefix) = (Word + 1, 64, 0);
        if (Word == Words) throw new InvalidOperationException("two units at one position");
    }

    private static ulong Shift(ulong word, int bits) => bits == 64 ? 0 : word >> bits;
}

/// <summary>The place of a unit in a ranking as four words, the later ones computed only when a tie asks for them.</summary>
internal ref struct UnitOrder(ulong key, RankedChunk chunk, int row)
{
    private (ulong High, ulong Low)? _hash;

    /// <summary>Word 0 … 3.</summary>
    public ulong this[int word] => word switch
    {
        0 => key,
        1 => (_hash ??= chunk.Identity(row)).High,
        2 => (_hash ??= chunk.Identity(row)).Low,
        3 => chunk.Position(row),
        _ => throw new ArgumentOutOfRangeException(nameof(word)),
    };
}
