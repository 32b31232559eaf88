using System.Buffers.Binary;
using System.Numerics;
using Winnow.Data;

namespace Winnow.Pruning.Selection;

/// <summary>Which rows of one shard's score table are kept: one bit per row, in row order.</summary>
/// <remarks>
/// The file: 8 bytes <c>WNWMASK1</c>, the number of rows and the number of kept rows (int64, little-endian), then ⌈rows / 8⌉
/// bytes; row r is bit r mod 8 (the lowest is 0) of byte ⌊r / 8⌋, and the bits behind the last row are 0.
/// </remarks>
public sealed class KeepMask
{
    private const int HeaderBytes = 24;
    private readonly byte[] _bits;

    /// <summary>A mask of <paramref name="rows"/> rows, none kept.</summary>
    public KeepMask(long rows) : this(rows, new byte[checked((int)((rows + 7) / 8))])
    {
    }

    private KeepMask(long rows, byte[] bits)
    {
        Rows = rows;
        _bits = bits;
    }

    private static ReadOnlySpan<byte> Magic => "WNWMASK1"u8;

    /// <summary>Rows of the shard's score table.</summary>
    public long Rows { get; }

    /// <summary>How many rows are kept.</summary>
    public long Kept => CountBits(_bits);

    /// <summary>Whether the row is kept.</summary>
    public bool this[long row]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)row, (ulong)Rows);
            return (_bits[row >> 3] & (1 << (int)(row & 7))) != 0;
        }
    }

    /// <summary>Keeps rows [<paramref name="first"/>, first + keep.Length) where <paramref name="keep"/> says so. Safe for disjoint runs from several threads.</summary>
    internal void Set(long first, ReadOnlySpan<bool> keep)
    {
        lock (_bits)
        {
            for (int i = 0; i < keep.Length; i++)
                if (keep[i]) _bits[(first + i) >> 3] |= (byte)(1 << (int)((first + i) & 7));
        }
    }

    /// <summary>Writes the file beside, flushes it to the disk and renames it.</summary>
    public void Write(string path) => Write(path, ".partial");

    /// <summary>The same, by way of a file whose name ends so.</summary>
    internal void Write(string path, string suffix)
    {
        string temporary = path + suffix;
        using (FileStream file = new(temporary, FileMode.Create, FileAccess.Write))
        {
            Span<byte> header = stackalloc byte[HeaderBytes];
            Magic.CopyTo(header);
            BinaryPrimitives.WriteInt64LittleEndian(header[8..], Rows);
            BinaryPrimitives.WriteInt64LittleEndian(header[16..], Kept);
            file.Write(header);
            file.Write(_bits);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads a mask and checks that it is whole.</summary>
    /// <exception cref="CorpusException">The file is missing, is not a mask, or is damaged.</exception>
    public static KeepMask Read(string path)
    {
        if (!File.Exists(path)) throw new CorpusException(path, "no such keep mask", "run `winnow select` again");
        byte[] content = File.ReadAllBytes(path);
        if (content.Length < HeaderBytes || !content.AsSpan(0, 8).SequenceEqual(Magic))
            throw new CorpusException(path, "not a keep mask", "a selection directory is made by `winnow select`");
        long rows = BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan(8));
        long kept = BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan(16));
        byte[] bits = content[HeaderBytes..];
        bool whole = rows >= 0 && bits.Length == (rows + 7) / 8 && CountBits(bits) == kept
            && (rows % 8 == 0 || bits[^1] >> (int)(rows % 8) == 0);
        return whole ? new KeepMask(rows, bits)
            : throw new CorpusException(path, $"a damaged keep mask: the header says {kept} of {rows} rows", "run `winnow select` again");
    }

    private static long CountBits(ReadOnlySpan<byte> bits)
    {
        long count = 0;
        for (; bits.Length >= 8; bits = bits[8..]) count += BitOperations.PopCount(BinaryPrimitives.ReadUInt64LittleEndian(bits));
        foreach (byte b in bits) count += BitOperations.PopCount(b);
        return count;
    }
}
