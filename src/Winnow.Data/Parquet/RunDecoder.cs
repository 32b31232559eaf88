using System.Buffers.Binary;
using System.Numerics;

namespace Winnow.Data.Parquet;

/// <summary>Reads Parquet's hybrid of runs and bit-packed groups: levels, dictionary indices, truth values.</summary>
internal static class RunDecoder
{
    /// <summary>Bits that a level up to this one takes.</summary>
    internal static int BitsFor(int max) => 32 - BitOperations.LeadingZeroCount((uint)max);

    /// <summary>Fills all of <paramref name="values"/>; none may exceed <paramref name="max"/>.</summary>
    internal static void Read(ReadOnlySpan<byte> bytes, int bits, int max, Span<int> values)
    {
        if (bits > 32) throw new DamageException($"a bit width of {bits}");
        int at = 0, done = 0;
        while (done < values.Length)
        {
            uint header = ReadVariable(bytes, ref at);
            if ((header & 1) == 0)
            {
                int count = (int)Math.Min(header >> 1, (uint)(values.Length - done));
                if (count == 0) throw new DamageException("an empty run");
                uint value = ReadValue(bytes, ref at, (bits + 7) / 8);
                if (value > (uint)max) throw new DamageException($"a value of {value}, above the highest, {max}");
                values.Slice(done, count).Fill((int)value);
                done += count;
            }
            else
            {
                long packed = (long)(header >> 1) * 8;
                int count = (int)Math.Min(packed, values.Length - done);
                long length = (long)(header >> 1) * bits;
                int there = (int)Math.Min(length, bytes.Length - at);
                if ((long)there * 8 < (long)count * bits || count == 0) throw new DamageException("the bit-packed values end too early");
                Unpack(bytes.Slice(at, there), bits, max, values.Slice(done, count));
                at += there;
                done += count;
            }
        }
    }

    /// <summary>Values of a fixed number of bits, lowest bit first.</summary>
    private static void Unpack(ReadOnlySpan<byte> bytes, int bits, int max, Span<int> values)
    {
        if (bits == 0)
        {
            values.Clear();
            return;
        }
        ulong mask = bits == 32 ? uint.MaxValue : (1UL << bits) - 1;
        uint highest = 0;
        long bit = 0;
        for (int i = 0; i < values.Length; i++, bit += bits)
        {
            int at = (int)(bit >> 3);
            ulong word = at + 8 <= bytes.Length ? BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]) : ReadTail(bytes[at..]);
            uint value = (uint)((word >> (int)(bit & 7)) & mask);
            highest = Math.Max(highest, value);
            values[i] = (int)value;
        }
        if (highest > (uint)max) throw new DamageException($"a value of {highest}, above the highest, {max}");
    }

    private static ulong ReadTail(ReadOnlySpan<byte> bytes)
    {
        ulong word = 0;
        for (int i = 0; i < bytes.Length; i++) word |= (ulong)bytes[i] << (8 * i);
        return word;
    }

    private static uint ReadValue(ReadOnlySpan<byte> bytes, ref int at, int length)
    {
        if (length > bytes.Length - at) throw new DamageException("a run ends too early");
        uint value = (uint)ReadTail(bytes.Slice(at, length));
        at += length;
        return value;
    }

    private static uint ReadVariable(ReadOnlySpan<byte> bytes, ref int at)
    {
        uint value = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            if (at >= bytes.Length) throw new DamageException("the runs end too early");
            byte b = bytes[at++];
            value |= (uint)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw new DamageException("the length of a run does not end");
    }

    /// <summary>The old way of writing levels: bit-packed, highest bit first.</summary>
    internal static void ReadBitPacked(ReadOnlySpan<byte> bytes, int bits, int max, Span<int> values)
    {
        if ((long)bytes.Length * 8 < (long)values.Length * bits) throw new DamageException("the bit-packed values end too early");
        long bit = 0;
        foreach (ref int value in values)
        {
            value = 0;
            for (int i = 0; i < bits; i++, bit++) value = (value << 1) | ((bytes[(int)(bit >> 3)] >> (7 - (int)(bit & 7))) & 1);
            if (value > max) throw new DamageException($"a value of {value}, above the highest, {max}");
        }
    }
}
