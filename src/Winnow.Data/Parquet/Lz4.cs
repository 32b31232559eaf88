using System.Buffers.Binary;

namespace Winnow.Data.Parquet;

/// <summary>Decompresses LZ4 blocks.</summary>
internal static class Lz4
{
    private const int ShortestMatch = 4;

    /// <summary>Fills all of <paramref name="to"/> from exactly all of <paramref name="from"/>.</summary>
    internal static void Decompress(ReadOnlySpan<byte> from, Span<byte> to)
    {
        int at = 0, done = 0;
        while (true)
        {
            if (at >= from.Length) throw new DamageException("lz4: the block ends too early");
            byte token = from[at++];
            int literals = ReadLength(from, ref at, token >> 4);
            if (literals > from.Length - at || literals > to.Length - done) throw new DamageException("lz4: literals beyond the end");
            from.Slice(at, literals).CopyTo(to[done..]);
            at += literals;
            done += literals;
            if (at == from.Length) break;
            if (from.Length - at < 2) throw new DamageException("lz4: the block ends too early");
            int distance = BinaryPrimitives.ReadUInt16LittleEndian(from[at..]);
            at += 2;
            int match = ReadLength(from, ref at, token & 15) + ShortestMatch;
            if (distance == 0 || distance > done || match > to.Length - done) throw new DamageException("lz4: a match outside the block");
            Repeat(to, done, distance, match);
            done += match;
        }
        if (done != to.Length) throw new DamageException($"lz4: {done} bytes; expected {to.Length}");
    }

    /// <summary>The older framing of LZ4 in Parquet, with sizes in front of each block; false when this is none.</summary>
    internal static bool TryDecompressFramed(ReadOnlySpan<byte> from, Span<byte> to)
    {
        while (from.Length >= 8)
        {
            uint size = BinaryPrimitives.ReadUInt32BigEndian(from);
            uint stored = BinaryPrimitives.ReadUInt32BigEndian(from[4..]);
            from = from[8..];
            if (size > to.Length || stored > from.Length) return false;
            try
            {
                Decompress(from[..(int)stored], to[..(int)size]);
            }
            catch (DamageException)
            {
                return false;
            }
            from = from[(int)stored..];
            to = to[(int)size..];
        }
        return from.IsEmpty && to.IsEmpty;
    }

    /// <summary>Copies what was written <paramref name="distance"/> bytes ago, which may overlap what is written.</summary>
    internal static void Repeat(Span<byte> to, int done, int distance, int count)
    {
        if (distance >= count)
        {
            to.Slice(done - distance, count).CopyTo(to[done..]);
        }
        else if (distance == 1)
        {
            to.Slice(done, count).Fill(to[done - 1]);
        }
        else
        {
            for (int end = done + count; done < end; done++) to[done] = to[done - distance];
        }
    }

    private static int ReadLength(ReadOnlySpan<byte> from, ref int at, int length)
    {
        if (length < 15) return length;
        while (true)
        {
            if (at >= from.Length || length > int.MaxValue - 1024) throw new DamageException("lz4: a length beyond the end");
            byte more = from[at++];
            length += more;
            if (more != 255) return length;
        }
    }
}
