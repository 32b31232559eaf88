using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Winnow.Data.Parquet;

/// <summary>
/// Values of a page or dictionary, decoded as far as it pays: values of one width stand one after the other, others have a start
/// and a length. Both may point into the page.
/// </summary>
internal sealed class ParquetValues
{
    // A long value that is repeated by prefixes makes a large page of a small one.
    private const long MaxPrefixedBytes = 1L << 30;

    private int[] _starts = [];
    private int[] _lengths = [];

    /// <summary>Where the bytes are.</summary>
    internal byte[] Bytes { get; private set; } = [];

    /// <summary>Of the first value, where all have one width.</summary>
    internal int Offset { get; private set; }

    /// <summary>Bytes of a value; 0 where they differ.</summary>
    internal int Width { get; private set; }

    internal int Count { get; private set; }

    internal ReadOnlySpan<byte> this[int index] => Width > 0
        ? Bytes.AsSpan(Offset + index * Width, Width)
        : Bytes.AsSpan(_starts[index], _lengths[index]);

    /// <summary>All values of one width.</summary>
    internal ReadOnlySpan<byte> Fixed => Bytes.AsSpan(Offset, Count * Width);

    /// <summary>Lets go of the page.</summary>
    internal void Clear()
    {
        Bytes = [];
        Count = 0;
    }

    /// <summary>Decodes the values of a page.</summary>
    /// <param name="leaf">The column.</param>
    /// <param name="encoding">How they are written.</param>
    /// <param name="page">Holds them; is kept and pointed into.</param>
    /// <param name="offset">Where they start.</param>
    /// <param name="length">How many bytes they take.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="dictionary">Values that indices mean, or null.</param>
    internal void Decode(ParquetLeaf leaf, ParquetEncoding encoding, byte[] page, int offset, int length, int count, ParquetValues? dictionary)
    {
        Width = leaf.Width;
        Count = count;
        ReadOnlySpan<byte> bytes = page.AsSpan(offset, length);
        switch (encoding)
        {
            case ParquetEncoding.Plain when leaf.Column.Type == ParquetType.Boolean: UnpackBooleans(bytes); break;
            case ParquetEncoding.Plain when Width > 0: PointAt(page, offset, length); break;
            case ParquetEncoding.Plain: FindPlain(page, offset, length); break;
            case ParquetEncoding.PlainDictionary or ParquetEncoding.RleDictionary: LookUp(bytes, dictionary); break;
            case ParquetEncoding.Rle when leaf.Column.Type == ParquetType.Boolean: ReadBooleans(bytes); break;
            case ParquetEncoding.DeltaBinaryPacked when leaf.Column.Type is ParquetType.Int32 or ParquetType.Int64: ReadDeltas(bytes); break;
            case ParquetEncoding.DeltaLengthByteArray when Width == 0: FindDeltaLengths(page, offset, length); break;
            case ParquetEncoding.DeltaByteArray when leaf.Column.Type is ParquetType.Bytes or ParquetType.FixedBytes: ReadPrefixed(bytes, leaf); break;
            case ParquetEncoding.ByteStreamSplit when Width > 1: Unsplit(bytes); break;
            default: throw new DamageException($"values of type {leaf.Column.Type} in encoding {encoding}");
        }
    }

    private void PointAt(byte[] page, int offset, int length)
    {
        if ((long)Count * Width > length) throw new DamageException($"{Count} values do not fit in {length} bytes");
        Bytes = page;
        Offset = offset;
    }

    private void UnpackBooleans(ReadOnlySpan<byte> bits)
    {
        if ((Count + 7L) / 8 > bits.Length) throw new DamageException($"{Count} truth values do not fit in {bits.Length} bytes");
        byte[] values = Own(Count);
        for (int i = 0; i < Count; i++) values[i] = (byte)((bits[i >> 3] >> (i & 7)) & 1);
    }

    private void ReadBooleans(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 4) throw new DamageException("the truth values end too early");
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (length > bytes.Length - 4) throw new DamageException("the truth values end too early");
        int[] read = new int[Count];
        RunDecoder.Read(bytes.Slice(4, (int)length), 1, 1, read);
        byte[] values = Own(Count);
        for (int i = 0; i < Count; i++) values[i] = (byte)read[i];
    }

    private void FindPlain(byte[] page, int offset, int length)
    {
        Bytes = page;
        Room(Count, length / 4);
        int at = offset, end = offset + length;
        for (int i = 0; i < Count; i++)
        {
            if (end - at < 4) throw new DamageException("the values end too early");
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(page.AsSpan(at));
            at += 4;
            if (size > (uint)(end - at)) throw new DamageException($"a value of {size} bytes, beyond the end of its page");
            _starts[i] = at;
            _lengths[i] = (int)size;
            at += (int)size;
        }
    }

    private void LookUp(ReadOnlySpan<byte> bytes, ParquetValues? dictionary)
    {
        if (dictionary == null) throw new DamageException("indices without a dictionary");
        if (Count == 0)
        {
            Own(0);
            return;
        }
        if (bytes.IsEmpty) throw new DamageException("the indices end too early");
        int[] indices = new int[Count];
        RunDecoder.Read(bytes[1..], bytes[0], dictionary.Count - 1, indices);
        if (Width > 0)
        {
            dictionary.Gather(indices, Own((long)Count * Width));
            return;
        }
        Bytes = dictionary.Bytes;
        Room(Count, int.MaxValue);
        for (int i = 0; i < indices.Length; i++)
        {
            _starts[i] = dictionary._starts[indices[i]];
            _lengths[i] = dictionary._lengths[indices[i]];
        }
    }

    private void Gather(int[] indices, Span<byte> to)
    {
        switch (Width)
        {
            case 4: Gather<int>(MemoryMarshal.Cast<byte, int>(Fixed), indices, MemoryMarshal.Cast<byte, int>(to)); break;
            case 8: Gather<long>(MemoryMarshal.Cast<byte, long>(Fixed), indices, MemoryMarshal.Cast<byte, long>(to)); break;
            default:
                for (int i = 0; i < indices.Length; i++) this[indices[i]].CopyTo(to[(i * Width)..]);
                break;
        }
    }

    private static void Gather<T>(ReadOnlySpan<T> from, int[] indices, Span<T> to)
    {
        for (int i = 0; i < indices.Length; i++) to[i] = from[indices[i]];
    }

    private void ReadDeltas(ReadOnlySpan<byte> bytes)
    {
        long[] read = DeltaDecoder.Read(bytes, Count, out _);
        RequireCount(read.Length);
        byte[] values = Own((long)Count * Width);
        if (Width == 8)
        {
            MemoryMarshal.AsBytes(read.AsSpan()).CopyTo(values);
            return;
        }
        Span<int> narrow = MemoryMarshal.Cast<byte, int>(values.AsSpan());
        for (int i = 0; i < read.Length; i++) narrow[i] = unchecked((int)read[i]);
    }

    private void FindDeltaLengths(byte[] page, int offset, int length)
    {
        long[] lengths = DeltaDecoder.Read(page.AsSpan(offset, length), Count, out int used);
        RequireCount(lengths.Length);
        Bytes = page;
        Room(Count, int.MaxValue);
        int at = offset + used, end = offset + length;
        for (int i = 0; i < lengths.Length; i++)
        {
            if (lengths[i] < 0 || lengths[i] > end - at) throw new DamageException($"a value of {lengths[i]} bytes, beyond the end of its page");
            _starts[i] = at;
            _lengths[i] = (int)lengths[i];
            at += (int)lengths[i];
        }
    }

    /// <summary>Every value starts with some bytes of the one before.</summary>
    private void ReadPrefixed(ReadOnlySpan<byte> bytes, ParquetLeaf leaf)
    {
        long[] prefixes = DeltaDecoder.Read(bytes, Count, out int used);
        bytes = bytes[used..];
        long[] suffixes = DeltaDecoder.Read(bytes, Count, out used);
        bytes = bytes[used..];
        RequireCount(prefixes.Length);
        RequireCount(suffixes.Length);
        long total = 0, before = 0;
        for (int i = 0; i < Count; i++)
        {
            if (prefixes[i] < 0 || prefixes[i] > before || suffixes[i] < 0 || suffixes[i] > int.MaxValue)
                throw new DamageException("a value that begins with more than the one before it");
            before = prefixes[i] + suffixes[i];
            if (Width > 0 && before != Width) throw new DamageException($"a value of {before} bytes in `{leaf.Column.Path}`, whose values have {Width}");
            total += before;
        }
        if (total > MaxPrefixedBytes) throw new DamageException($"{total} bytes of values in one page");
        byte[] values = Own(total);
        Room(Width > 0 ? 0 : Count, int.MaxValue);
        int at = 0, last = 0;
        for (int i = 0; i < Count; i++)
        {
            int prefix = (int)prefixes[i], suffix = (int)suffixes[i];
            if (suffix > bytes.Length) throw new DamageException("the values end too early");
            values.AsSpan(last, prefix).CopyTo(values.AsSpan(at));
            bytes[..suffix].CopyTo(values.AsSpan(at + prefix));
            bytes = bytes[suffix..];
            if (Width == 0)
            {
                _starts[i] = at;
                _lengths[i] = prefix + suffix;
            }
            last = at;
            at += prefix + suffix;
        }
    }

    private void Unsplit(ReadOnlySpan<byte> bytes)
    {
        if ((long)Count * Width > bytes.Length) throw new DamageException($"{Count} values do not fit in {bytes.Length} bytes");
        byte[] values = Own((long)Count * Width);
        for (int part = 0; part < Width; part++)
        {
            ReadOnlySpan<byte> stream = bytes.Slice(part * Count, Count);
            for (int i = 0; i < stream.Length; i++) values[i * Width + part] = stream[i];
        }
    }

    private byte[] Own(long length)
    {
        Offset = 0;
        return Bytes = GC.AllocateUninitializedArray<byte>(checked((int)length));
    }

    private void Room(int count, int most)
    {
        if (count > most) throw new DamageException($"{count} values in a page that can hold {most}");
        if (_starts.Length >= count) return;
        _starts = new int[count];
        _lengths = new int[count];
    }

    private void RequireCount(int count)
    {
        if (count != Count) throw new DamageException($"{count} values; the page says {Count}");
    }
}
