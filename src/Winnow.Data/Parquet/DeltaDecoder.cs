using System.Buffers.Binary;

namespace Winnow.Data.Parquet;

/// <summary>Reads DELTA_BINARY_PACKED: blocks of differences, each block with its smallest, in miniblocks of one bit width.</summary>
internal static class DeltaDecoder
{
    private const int MaxBlock = 1 << 20;

    /// <param name="bytes">Starts with the header.</param>
    /// <param name="most">No more values than this may be there.</param>
    /// <param name="length">Bytes read.</param>
    internal static long[] Read(ReadOnlySpan<byte> bytes, int most, out int length)
    {
        int at = 0;
        ulong block = ReadVariable(bytes, ref at);
        ulong miniblocks = ReadVariable(bytes, ref at);
        ulong total = ReadVariable(bytes, ref at);
        long value = ReadZigZag(bytes, ref at);
        if (block is 0 or > MaxBlock || miniblocks == 0 || miniblocks > block || block % miniblocks != 0 || total > (ulong)most)
            throw new DamageException("a header of differences that makes no sense");
        int miniblock = (int)(block / miniblocks);
        long[] values = new long[total];
        if (total > 0) values[0] = value;
        int done = Math.Min(1, values.Length);
        while (done < values.Length)
        {
            long least = ReadZigZag(bytes, ref at);
            if ((ulong)(bytes.Length - at) < miniblocks) throw new DamageException("the differences end too early");
            ReadOnlySpan<byte> widths = bytes.Slice(at, (int)miniblocks);
            at += (int)miniblocks;
            for (int i = 0; i < widths.Length && done < values.Length; i++)
            {
                int count = Math.Min(miniblock, values.Length - done);
                value = Unpack(bytes, ref at, widths[i], miniblock, least, value, values.AsSpan(done, count));
                done += count;
            }
        }
        length = at;
        return values;
    }

    private static long Unpack(ReadOnlySpan<byte> bytes, ref int at, int bits, int miniblock, long least, long value, Span<long> values)
    {
        if (bits > 64) throw new DamageException($"a bit width of {bits}");
        long whole = ((long)miniblock * bits + 7) / 8;
        int there = (int)Math.Min(whole, bytes.Length - at);
        if ((long)there * 8 < (long)values.Length * bits) throw new DamageException("the differences end too early");
        ReadOnlySpan<byte> packed = bytes.Slice(at, there);
        long bit = 0;
        foreach (ref long item in values)
        {
            value = unchecked(value + least + (long)ReadBits(packed, bit, bits));
            bit += bits;
            item = value;
        }
        at += there;
        return value;
    }

    private static ulong ReadBits(ReadOnlySpan<byte> bytes, long bit, int bits)
    {
        if (bits == 0) return 0;
        int at = (int)(bit >> 3), shift = (int)(bit & 7);
        Span<byte> sixteen = stackalloc byte[16];
        UInt128 word;
        if (at + 16 <= bytes.Length)
        {
            word = BinaryPrimitives.ReadUInt128LittleEndian(bytes[at..]);
        }
        else
        {
            sixteen.Clear();
            bytes[at..].CopyTo(sixteen);
            word = BinaryPrimitives.ReadUInt128LittleEndian(sixteen);
        }
        ulong value = (ulong)(word >> shift);
        return bits == 64 ? value : value & ((1UL << bits) - 1);
    }

    private static long ReadZigZag(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = ReadVariable(bytes, ref at);
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    private static ulong ReadVariable(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            if (at >= bytes.Length) throw new DamageException("the differences end too early");
            byte b = bytes[at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw new DamageException("a difference does not end");
    }
}
