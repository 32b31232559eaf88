using System.Numerics;

namespace Winnow.Models.Training;

/// <summary>
/// The order in which training reads sequences: every epoch is another seeded permutation, computed place by place, so that a
/// position is all there is to resume from.
/// </summary>
internal sealed class SequenceOrder(long sequences, ulong seed)
{
    private const int Rounds = 6;
    private readonly int _halfBits = Math.Max(1, (BitOperations.Log2((ulong)Math.Max(sequences - 1, 1)) + 2) / 2);

    /// <summary>The sequence at a position that counts on over all epochs.</summary>
    public long At(long position)
    {
        (long epoch, long place) = Math.DivRem(position, sequences);
        ulong value = (ulong)place;

        // A Feistel network permutes [0, 4^halfBits); walking its cycle until the value is inside permutes [0, sequences).
        do value = Permute(value, (ulong)epoch);
        while (value >= (ulong)sequences);
        return (long)value;
    }

    private ulong Permute(ulong value, ulong epoch)
    {
        ulong mask = (1UL << _halfBits) - 1;
        (ulong left, ulong right) = (value >> _halfBits, value & mask);
        for (ulong round = 0; round < Rounds; round++)
            (left, right) = (right, left ^ (Mix(right + (round << 56) + Mix(seed + Mix(epoch))) & mask));
        return (left << _halfBits) | right;
    }

    /// <summary>SplitMix64's finaliser (Steele, Lea and Flood 2014).</summary>
    private static ulong Mix(ulong word)
    {
        word += 0x9e3779b97f4a7c15;
        word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
        word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
        return word ^ (word >> 31);
    }
}
