using System.Buffers.Binary;
using System.Numerics;

namespace Winnow.Pruning.Selection;

/// <summary>
/// MurmurHash3 x64-128 (Austin Appleby, public domain): the stable 128-bit hash of a unit's identity, the UTF-8 bytes of its
/// id. It breaks ties between equal scores and, seeded, is the random baseline.
/// </summary>
public static class IdentityHash
{
    private const ulong FirstFactor = 0x87c37b91114253d5;
    private const ulong SecondFactor = 0x4cf5ad432745937f;

    /// <summary>The two halves of the hash of <paramref name="id"/>.</summary>
    public static (ulong High, ulong Low) Of(ReadOnlySpan<byte> id, ulong seed = 0)
    {
        ulong high = seed, low = seed;
        ReadOnlySpan<byte> rest = id;
        for (; rest.Length >= 16; rest = rest[16..])
        {
            high ^= MixFirst(BinaryPrimitives.ReadUInt64LittleEndian(rest));
            high = ((BitOperations.RotateLeft(high, 27) + low) * 5) + 0x52dce729;
            low ^= MixSecond(BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]));
            low = ((BitOperations.RotateLeft(low, 31) + high) * 5) + 0x38495ab5;
        }

        Span<byte> tail = stackalloc byte[16];
        tail.Clear();
        rest.CopyTo(tail);
        low ^= MixSecond(BinaryPrimitives.ReadUInt64LittleEndian(tail[8..]));
        high ^= MixFirst(BinaryPrimitives.ReadUInt64LittleEndian(tail));
        return Finish(high ^ (ulong)id.Length, low ^ (ulong)id.Length);
    }

    private static (ulong High, ulong Low) Finish(ulong high, ulong low)
    {
        high += low;
        low += high;
        high = Avalanche(high);
        low = Avalanche(low);
        high += low;
        return (high, low + high);
    }

    private static ulong MixFirst(ulong word) => BitOperations.RotateLeft(word * FirstFactor, 31) * SecondFactor;

    private static ulong MixSecond(ulong word) => BitOperations.RotateLeft(word * SecondFactor, 33) * FirstFactor;

    private static ulong Avalanche(ulong word)
    {
        word = (word ^ (word >> 33)) * 0xff51afd7ed558ccd;
        word = (word ^ (word >> 33)) * 0xc4ceb9fe1a85ec53;
        return word ^ (word >> 33);
    }
}
