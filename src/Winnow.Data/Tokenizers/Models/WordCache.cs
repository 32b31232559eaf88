using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Winnow.Data.Tokenizers;

/// <summary>The ids of words seen before: bounded, exact (bytes are compared, not only hashes), owned by one thread.</summary>
/// <remarks>Words of up to 15 bytes that have at most three ids live in a two-way table of 32-byte slots; longer ones in an arena
/// that is emptied when it is full.</remarks>
internal sealed class WordCache
{
    /// <summary>Longest word kept, in bytes.</summary>
    public const int LongestWord = 200;

    /// <summary>Longest word of the table of short ones.</summary>
    public const int LongestShortWord = 15;

    private const int ShortBits = 15;
    private const int LongBits = 15;
    private const int ArenaSize = 1 << 20;

    private readonly ShortSlot[] _short = new ShortSlot[1 << ShortBits];
    private readonly ulong[] _longHashes = new ulong[1 << LongBits];
    private readonly int[] _longStarts = new int[1 << LongBits];
    private readonly int[] _arena = new int[ArenaSize];
    private int _arenaUsed;
    private int _longWords;

    private struct ShortSlot
    {
        public ulong Low, High;
        public int Count, First, Second, Third;
    }

    /// <summary>The first 15 bytes of a word with its length in the last byte; 0 for a word too long for that.</summary>
    /// <param name="text">The text the word stands in.</param>
    /// <param name="start">Where the word starts.</param>
    /// <param name="length">Its bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> KeyOf(ReadOnlySpan<byte> text, int start, int length)
    {
        if ((uint)length > LongestShortWord) return default;
        if (start + 16 > text.Length) return SlowKeyOf(text.Slice(start, length));
        Vector128<byte> bytes = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(text), (nuint)start);
        Vector128<byte> kept = Vector128.LessThan(Vector128<byte>.Indices, Vector128.Create((byte)length));
        return (bytes & kept).AsUInt64() | Vector128.Create(0, (ulong)length << 56);
    }

    /// <summary>Copies the ids of a short word to <paramref name="ids"/> (room for three), if they are known.</summary>
    /// <returns>How many; 0 when the word is not known.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Find(Vector128<ulong> key, ref int ids)
    {
        ulong low = key.ToScalar(), high = key.GetElement(1);
        ref ShortSlot slot = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_short), SlotOf(low, high));
        if (slot.Low != low || slot.High != high)
        {
            slot = ref Unsafe.Add(ref slot, 1);
            if (slot.Low != low || slot.High != high) return 0;
        }

        ids = slot.First;
        Unsafe.Add(ref ids, 1) = slot.Second;
        Unsafe.Add(ref ids, 2) = slot.Third;
        return slot.Count;
    }

    /// <summary>Remembers a short word of one to three ids; the older of two words in its place makes room.</summary>
    public void Add(Vector128<ulong> key, ReadOnlySpan<int> ids)
    {
        ulong low = key.ToScalar(), high = key.GetElement(1);
        int at = SlotOf(low, high);
        _short[at + 1] = _short[at];
        _short[at] = new ShortSlot
        {
            Low = low,
            High = high,
            Count = ids.Length,
            First = ids[0],
            Second = ids.Length > 1 ? ids[1] : 0,
            Third = ids.Length > 2 ? ids[2] : 0,
        };
    }

    /// <summary>The ids of a word of any length up to <see cref="LongestWord"/>; empty when it is not known.</summary>
    public ReadOnlySpan<int> Find(ReadOnlySpan<byte> word, out ulong hash)
    {
        hash = WordHash.Of(word);
        for (int slot = (int)(hash >> (64 - LongBits)); _longHashes[slot] != 0; slot = (slot + 1) & ((1 << LongBits) - 1))
        {
            if (_longHashes[slot] != hash) continue;
            ReadOnlySpan<int> entry = _arena.AsSpan(_longStarts[slot]);
            int words = (entry[0] + 3) / 4;
            if (entry[0] == word.Length && MemoryMarshal.AsBytes(entry.Slice(2, words))[..word.Length].SequenceEqual(word))
                return entry.Slice(2 + words, entry[1]);
        }

        return default;
    }

    /// <summary>Remembers a word that <see cref="Find(ReadOnlySpan{byte}, out ulong)"/> did not know.</summary>
    public void Add(ReadOnlySpan<byte> word, ulong hash, ReadOnlySpan<int> ids)
    {
        int words = (word.Length + 3) / 4;
        int size = 2 + words + ids.Length;
        if (_arenaUsed + size > _arena.Length || _longWords > (1 << LongBits) * 3 / 4)
        {
            _longHashes.AsSpan().Clear();
            (_arenaUsed, _longWords) = (0, 0);
        }

        int slot = (int)(hash >> (64 - LongBits));
        while (_longHashes[slot] != 0) slot = (slot + 1) & ((1 << LongBits) - 1);
        (_longHashes[slot], _longStarts[slot]) = (hash, _arenaUsed);
        Span<int> entry = _arena.AsSpan(_arenaUsed, size);
        (entry[0], entry[1]) = (word.Length, ids.Length);
        word.CopyTo(MemoryMarshal.AsBytes(entry.Slice(2, words)));
        ids.CopyTo(entry[(2 + words)..]);
        _arenaUsed += size;
        _longWords++;
    }

    private static Vector128<ulong> SlowKeyOf(ReadOnlySpan<byte> word)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        word.CopyTo(bytes);
        bytes[15] = (byte)word.Length;
        return Vector128.Create<byte>(bytes).AsUInt64();
    }

    /// <summary>The first of the two slots a short word may stand in.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int SlotOf(ulong low, ulong high)
    {
        ulong mixed = (low ^ (high * 0xC2B2AE3D27D4EB4FUL)) * 0x9E3779B97F4A7C15UL;
        mixed ^= mixed >> 29;
        return (int)((mixed * 0xD6E8FEB86659FD93UL) >> (64 - ShortBits)) & ~1;
    }
}
