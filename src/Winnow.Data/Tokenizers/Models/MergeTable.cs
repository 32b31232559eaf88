using System.Numerics;
using System.Runtime.CompilerServices;

namespace Winnow.Data.Tokenizers;

/// <summary>Which pairs of ids merge, in what order, and into what.</summary>
internal sealed class MergeTable
{
    /// <summary>What <see cref="Find"/> gives for a pair that does not merge: higher than any rank.</summary>
    public const ulong None = ulong.MaxValue;

    private readonly ulong[] _slots;
    private readonly int _shift;
    private readonly ulong[] _direct;
    private readonly int _directIds;

    /// <param name="merges">In order of rank; of equal pairs the last counts.</param>
    /// <param name="directIds">Pairs of ids below this are found without hashing: 0 for none.</param>
    public MergeTable(IReadOnlyList<(int Left, int Right, int Merged)> merges, int directIds)
    {
        int bits = Math.Max(4, BitOperations.Log2((uint)(merges.Count * 1.6) + 1) + 1);
        _shift = 64 - bits;
        _slots = new ulong[2 << bits];
        _slots.AsSpan().Fill(None);
        _directIds = directIds;
        _direct = new ulong[directIds * directIds];
        _direct.AsSpan().Fill(None);
        for (int rank = 0; rank < merges.Count; rank++)
        {
            (int left, int right, int merged) = merges[rank];
            ulong value = ((ulong)(uint)rank << 32) | (uint)merged;
            Insert(Key(left, right), value);
            if (left < directIds && right < directIds) _direct[(left * directIds) + right] = value;
        }
    }

    /// <summary>Rank (upper half) and merged id (lower half) of a pair; <see cref="None"/> when it does not merge.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Find(int left, int right)
    {
        if ((uint)left < (uint)_directIds && (uint)right < (uint)_directIds) return _direct[(left * _directIds) + right];
        ulong key = Key(left, right);
        ulong[] slots = _slots;
        int mask = slots.Length - 1;
        int slot = (int)((key * 0x9E3779B97F4A7C15UL) >> _shift) << 1;
        while (true)
        {
            ulong found = slots[slot];
            if (found == key) return slots[slot + 1];
            if (found == None) return None;
            slot = (slot + 2) & mask;
        }
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private void Insert(ulong key, ulong value)
    {
        int slot = (int)((key * 0x9E3779B97F4A7C15UL) >> _shift) << 1;
        while (_slots[slot] != None && _slots[slot] != key) slot = (slot + 2) & (_slots.Length - 1);
        _slots[slot] = key;
        _slots[slot + 1] = value;
    }
}
