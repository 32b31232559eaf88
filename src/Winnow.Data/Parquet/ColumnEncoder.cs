using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Winnow.Data.Compression;

namespace Winnow.Data.Parquet;

/// <summary>Writes the column chunk of a row group: a dictionary page where one pays, then data pages.</summary>
internal sealed class ColumnEncoder(Stream stream, PageCodec codec, int level)
{
    private const int PageBytes = 1 << 20;
    private const int PageEntries = 1 << 18;
    private const int MaxStatisticBytes = 64;

    private long _uncompressed;
    private long _compressed;

    /// <param name="buffer">The entries.</param>
    /// <param name="offset">Where the stream stands in the file.</param>
    /// <param name="withRange">True writes the smallest and largest value.</param>
    internal ParquetChunk Write(ParquetColumnBuffer buffer, long offset, bool withRange)
    {
        ColumnPage values = new(buffer.Bytes, CollectionsMarshal.AsSpan(buffer.Ends), buffer.Leaf.Width, buffer.ValueCount);
        DictionaryBuilder dictionary = new();
        bool useDictionary = buffer.Column.Type != ParquetType.Boolean && dictionary.TryBuild(values);
        _uncompressed = _compressed = 0;
        if (useDictionary) WriteDictionary(buffer.Leaf, values, dictionary);
        long dataOffset = offset + _compressed;
        int entry = 0, value = 0;
        while (entry < buffer.EntryCount) WritePage(buffer, values, useDictionary ? dictionary : null, ref entry, ref value);
        return new ParquetChunk
        {
            Type = buffer.Column.Type,
            Codec = level > 0 ? ParquetCodec.Zstd : ParquetCodec.None,
            Encodings = useDictionary
                ? [(int)ParquetEncoding.Plain, (int)ParquetEncoding.Rle, (int)ParquetEncoding.RleDictionary]
                : [(int)ParquetEncoding.Plain, (int)ParquetEncoding.Rle],
            Values = buffer.EntryCount,
            UncompressedBytes = _uncompressed,
            CompressedBytes = _compressed,
            DataOffset = dataOffset,
            DictionaryOffset = useDictionary ? offset : null,
            Statistics = StatisticsOf(buffer, values, withRange),
        };
    }

    private void WriteDictionary(ParquetLeaf leaf, ColumnPage values, DictionaryBuilder dictionary)
    {
        List<byte> bytes = [];
        foreach (int first in dictionary.Firsts) WritePlain(leaf, values[first], bytes);
        WritePage(PageType.Dictionary, dictionary.Firsts.Length, ParquetEncoding.Plain, bytes);
    }

    private void WritePage(ParquetColumnBuffer buffer, ColumnPage values, DictionaryBuilder? dictionary, ref int entry, ref int value)
    {
        int firstEntry = entry, firstValue = value;
        AdvanceOnePage(buffer, values, ref entry, ref value);
        List<byte> bytes = [];
        WriteLevels(CollectionsMarshal.AsSpan(buffer.Repetitions), buffer.Leaf.MaxRepetition, firstEntry, entry, bytes);
        WriteLevels(CollectionsMarshal.AsSpan(buffer.Definitions), buffer.Leaf.MaxDefinition, firstEntry, entry, bytes);
        if (dictionary != null)
        {
            int bits = Math.Max(1, RunDecoder.BitsFor(dictionary.Firsts.Length - 1));
            bytes.Add((byte)bits);
            RunEncoder.Write(dictionary.Indices.AsSpan(firstValue..value), bits, bytes);
            WritePage(PageType.Data, entry - firstEntry, ParquetEncoding.RleDictionary, bytes);
            return;
        }
        if (buffer.Column.Type == ParquetType.Boolean) WriteBooleans(values, firstValue, value, bytes);
        else
            for (int i = firstValue; i < value; i++)
                WritePlain(buffer.Leaf, values[i], bytes);
        WritePage(PageType.Data, entry - firstEntry, ParquetEncoding.Plain, bytes);
    }

    /// <summary>A page ends where it is full and a row ends.</summary>
    private static void AdvanceOnePage(ParquetColumnBuffer buffer, ColumnPage values, ref int entry, ref int value)
    {
        int first = entry;
        long bytes = 0;
        while (entry < buffer.EntryCount)
        {
            bool rowStarts = buffer.Leaf.MaxRepetition == 0 || buffer.Repetitions[entry] == 0;
            if (rowStarts && entry > first && (bytes >= PageBytes || entry - first >= PageEntries)) return;
            if (buffer.Leaf.MaxDefinition == 0 || buffer.Definitions[entry] == buffer.Leaf.MaxDefinition) bytes += values[value++].Length + 4;
            entry++;
        }
    }

    private static void WriteLevels(ReadOnlySpan<int> levels, int max, int from, int to, List<byte> bytes)
    {
        if (max == 0) return;
        int start = bytes.Count;
        bytes.AddRange(stackalloc byte[4]);
        RunEncoder.Write(levels[from..to], RunDecoder.BitsFor(max), bytes);
        BinaryPrimitives.WriteInt32LittleEndian(CollectionsMarshal.AsSpan(bytes)[start..], bytes.Count - start - 4);
    }

    private static void WritePlain(ParquetLeaf leaf, ReadOnlySpan<byte> value, List<byte> bytes)
    {
        if (leaf.Width == 0)
        {
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, value.Length);
            bytes.AddRange(length);
        }
        bytes.AddRange(value);
    }

    private static void WriteBooleans(ColumnPage values, int from, int to, List<byte> bytes)
    {
        for (int i = from; i < to; i += 8)
        {
            int eight = 0;
            for (int bit = 0; bit < 8 && i + bit < to; bit++) eight |= values[i + bit][0] << bit;
            bytes.Add((byte)eight);
        }
    }

    private void WritePage(PageType type, int count, ParquetEncoding encoding, List<byte> bytes)
    {
        ReadOnlySpan<byte> body = CollectionsMarshal.AsSpan(bytes);
        if (level > 0) body = codec.CompressZstd(body, level, out int length).AsSpan(0, length);
        byte[] header = PageHeaders.Write(new ParquetPage
        {
            Type = type,
            Values = count,
            Encoding = encoding,
            UncompressedBytes = bytes.Count,
            CompressedBytes = body.Length,
            Crc = Crc32.Append(0, body),
        });
        stream.Write(header);
        stream.Write(body);
        _compressed += header.Length + body.Length;
        _uncompressed += header.Length + bytes.Count;
    }

    private static ParquetStatistics StatisticsOf(ParquetColumnBuffer buffer, ColumnPage values, bool withRange)
    {
        long nulls = buffer.EntryCount - buffer.ValueCount;
        if (!withRange || values.Count == 0) return new ParquetStatistics(null, null, nulls);
        ReadOnlySpan<byte> min = default, max = default;
        bool any = false;
        for (int i = 0; i < values.Count; i++)
        {
            ReadOnlySpan<byte> value = values[i];
            if (value.Length > MaxStatisticBytes) return new ParquetStatistics(null, null, nulls);
            if (buffer.Column.Type == ParquetType.Double && double.IsNaN(MemoryMarshal.Read<double>(value))) continue;
            if (!any || Compare(buffer.Column.Type, value, min) < 0) min = value;
            if (!any || Compare(buffer.Column.Type, value, max) > 0) max = value;
            any = true;
        }
        if (!any) return new ParquetStatistics(null, null, nulls);
        return new ParquetStatistics(Signed(buffer.Column.Type, min, -0.0), Signed(buffer.Column.Type, max, 0.0), nulls);
    }

    /// <summary>Zeros of both signs are one value: a range that ends in zero takes the zero that includes both.</summary>
    private static byte[] Signed(ParquetType type, ReadOnlySpan<byte> value, double zero)
    {
        byte[] bytes = value.ToArray();
        if (type == ParquetType.Double && MemoryMarshal.Read<double>(bytes) == 0) MemoryMarshal.Write(bytes, in zero);
        return bytes;
    }

    private static int Compare(ParquetType type, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => type switch
    {
        ParquetType.Int32 => MemoryMarshal.Read<int>(a).CompareTo(MemoryMarshal.Read<int>(b)),
        ParquetType.Int64 => MemoryMarshal.Read<long>(a).CompareTo(MemoryMarshal.Read<long>(b)),
        ParquetType.Double => MemoryMarshal.Read<double>(a).CompareTo(MemoryMarshal.Read<double>(b)),
        _ => a.SequenceCompareTo(b),
    };
}
