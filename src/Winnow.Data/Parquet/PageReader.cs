using System.Buffers;
using System.Buffers.Binary;
using Winnow.Data.Compression;

namespace Winnow.Data.Parquet;

/// <summary>Reads the pages of one column of one row group, one at a time.</summary>
internal sealed class PageReader : IDisposable
{
    private const int MaxPageBytes = 1 << 30;
    private const int MaxPageValues = 1 << 26;
    private const int MaxHeaderBytes = 16 << 20;
    private const int MinWindowBytes = 4 << 10;

    private readonly ParquetSource _source;
    private readonly ParquetLeaf _leaf;
    private readonly ParquetChunk _chunk;
    private readonly PageCodec _codec = new();
    private readonly long _end;
    private long _at;
    private long _valuesLeft;
    // Rented: pages are too large for the young heap, and a fresh one for every row group is mostly page faults.
    private byte[] _window;
    private long _windowStart;
    private int _windowLength;
    private byte[] _page = [];
    private ParquetValues? _dictionary;

    internal PageReader(ParquetSource source, ParquetLeaf leaf, ParquetChunk chunk)
    {
        _source = source;
        _leaf = leaf;
        _chunk = chunk;
        _at = chunk.Start;
        _end = chunk.Start + chunk.CompressedBytes;
        _valuesLeft = chunk.Values;
        _window = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(chunk.CompressedBytes, MinWindowBytes, source.ReadAhead));
    }

    /// <summary>The values of the page.</summary>
    internal ParquetValues Values { get; } = new();

    /// <summary>Values and nulls in the page.</summary>
    internal int Count { get; private set; }

    /// <summary>Definition levels of the page; empty where every value is there.</summary>
    internal int[] Definitions { get; private set; } = [];

    /// <summary>Repetition levels of the page; empty where a row has one value.</summary>
    internal int[] Repetitions { get; private set; } = [];

    /// <summary>Reads the next data page; false after the last one.</summary>
    /// <param name="pass">Pages of no more values than this are passed over, and counted off.</param>
    internal bool Next(ref long pass)
    {
        while (_valuesLeft > 0)
        {
            ParquetPage page = ReadHeader();
            long body = _at;
            _at += page.CompressedBytes;
            if (page.Type is PageType.Data or PageType.DataV2)
            {
                if (page.Values < 0 || page.Values > Math.Min(_valuesLeft, MaxPageValues)) throw new DamageException($"a page of {page.Values} values");
                _valuesLeft -= page.Values;
                if (page.Values <= pass && _leaf.MaxRepetition == 0)
                {
                    pass -= page.Values;
                    continue;
                }
                Decode(page, ReadBody(page, body));
                return true;
            }
            if (page.Type == PageType.Dictionary) ReadDictionary(page, body);
        }
        return false;
    }

    public void Dispose()
    {
        _codec.Dispose();
        Values.Clear();
        Exchange(ref _window, 0);
        Exchange(ref _page, 0);
    }

    private static void Exchange(ref byte[] buffer, int length)
    {
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
        if (length > 0) buffer = ArrayPool<byte>.Shared.Rent(length);
    }

    private ParquetPage ReadHeader()
    {
        if (_at >= _end) throw new DamageException($"the pages end with {_valuesLeft} values missing");
        int want = 256;
        while (true)
        {
            ReadOnlySpan<byte> bytes = Window(_at, (int)Math.Min(want, _end - _at));
            try
            {
                ParquetPage page = PageHeaders.Read(bytes, out int length);
                _at += length;
                if (page.CompressedBytes < 0 || page.CompressedBytes > _end - _at)
                    throw new DamageException($"a page of {page.CompressedBytes} bytes, beyond the end of its column");
                if (page.UncompressedBytes is < 0 or > MaxPageBytes) throw new DamageException($"a page of {page.UncompressedBytes} uncompressed bytes; at most {MaxPageBytes} are read");
                return page;
            }
            catch (EndOfThriftException) when (want < _end - _at && want < MaxHeaderBytes)
            {
                want *= 8;
            }
        }
    }

    /// <summary>Bytes of the file, read ahead as far as the column goes.</summary>
    private ReadOnlySpan<byte> Window(long offset, int length)
    {
        if (offset < _windowStart || offset + length > _windowStart + _windowLength)
        {
            if (_window.Length < length) Exchange(ref _window, length);
            _windowStart = offset;
            _windowLength = (int)Math.Min(_window.Length, _end - offset);
            _source.Read(offset, _window.AsSpan(0, _windowLength));
        }
        return _window.AsSpan((int)(offset - _windowStart), length);
    }

    private ReadOnlySpan<byte> ReadBody(ParquetPage page, long offset)
    {
        ReadOnlySpan<byte> body = Window(offset, page.CompressedBytes);
        if (page.Crc is { } crc && Crc32.Append(0, body) != crc) throw new DamageException("the checksum of a page does not match");
        return body;
    }

    private void ReadDictionary(ParquetPage page, long offset)
    {
        if (_dictionary != null) throw new DamageException("a second dictionary");
        if (page.Values is < 0 or > MaxPageValues) throw new DamageException($"a dictionary of {page.Values} values");
        if (page.Encoding is not (ParquetEncoding.Plain or ParquetEncoding.PlainDictionary)) throw new DamageException($"a dictionary in encoding {page.Encoding}");
        byte[] bytes = GC.AllocateUninitializedArray<byte>(page.UncompressedBytes);
        _codec.Decompress(_chunk.Codec, ReadBody(page, offset), bytes);
        ParquetValues dictionary = new();
        dictionary.Decode(_leaf, ParquetEncoding.Plain, bytes, 0, bytes.Length, page.Values, null);
        _dictionary = dictionary;
    }

    private void Decode(ParquetPage page, ReadOnlySpan<byte> body)
    {
        Count = page.Values;
        if (_page.Length < page.UncompressedBytes) Exchange(ref _page, page.UncompressedBytes);
        int levels = page.Type == PageType.Data ? DecodeV1(page, body) : DecodeV2(page, body);
        int there = Definitions.Length == 0 ? Count : Definitions.AsSpan(0, Count).Count(_leaf.MaxDefinition);
        Values.Decode(_leaf, page.Encoding, _page, levels, page.UncompressedBytes - levels, there, _dictionary);
    }

    private int DecodeV1(ParquetPage page, ReadOnlySpan<byte> body)
    {
        Span<byte> bytes = _page.AsSpan(0, page.UncompressedBytes);
        _codec.Decompress(_chunk.Codec, body, bytes);
        int at = 0;
        Repetitions = ReadLevels(bytes, ref at, page.RepetitionEncoding, _leaf.MaxRepetition, Repetitions);
        Definitions = ReadLevels(bytes, ref at, page.DefinitionEncoding, _leaf.MaxDefinition, Definitions);
        return at;
    }

    private int DecodeV2(ParquetPage page, ReadOnlySpan<byte> body)
    {
        long levels = (long)page.RepetitionBytes + page.DefinitionBytes;
        if (page.RepetitionBytes < 0 || page.DefinitionBytes < 0 || levels > Math.Min(body.Length, page.UncompressedBytes))
            throw new DamageException("levels beyond the end of their page");
        ReadOnlySpan<byte> repetitions = body[..page.RepetitionBytes];
        ReadOnlySpan<byte> definitions = body.Slice(page.RepetitionBytes, page.DefinitionBytes);
        Repetitions = ReadLevels(repetitions, _leaf.MaxRepetition, Repetitions);
        Definitions = ReadLevels(definitions, _leaf.MaxDefinition, Definitions);
        Span<byte> values = _page.AsSpan((int)levels, page.UncompressedBytes - (int)levels);
        _codec.Decompress(page.IsCompressed ? _chunk.Codec : ParquetCodec.None, body[(int)levels..], values);
        return (int)levels;
    }

    private int[] ReadLevels(ReadOnlySpan<byte> bytes, ref int at, ParquetEncoding encoding, int max, int[] levels)
    {
        if (max == 0) return [];
        int bits = RunDecoder.BitsFor(max);
        if (levels.Length < Count) levels = new int[Count];
        if (encoding == ParquetEncoding.BitPacked)
        {
            int length = (int)(((long)Count * bits + 7) / 8);
            if (length > bytes.Length - at) throw new DamageException("the levels end too early");
            RunDecoder.ReadBitPacked(bytes.Slice(at, length), bits, max, levels.AsSpan(0, Count));
            at += length;
            return levels;
        }
        if (bytes.Length - at < 4) throw new DamageException("the levels end too early");
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
        at += 4;
        if (size > (uint)(bytes.Length - at)) throw new DamageException("the levels end too early");
        RunDecoder.Read(bytes.Slice(at, (int)size), bits, max, levels.AsSpan(0, Count));
        at += (int)size;
        return levels;
    }

    private int[] ReadLevels(ReadOnlySpan<byte> bytes, int max, int[] levels)
    {
        if (max == 0) return [];
        if (levels.Length < Count) levels = new int[Count];
        RunDecoder.Read(bytes, RunDecoder.BitsFor(max), max, levels.AsSpan(0, Count));
        return levels;
    }
}
