using System.IO.Compression;
using IronSnappy;
using Winnow.Data.Compression;

namespace Winnow.Data.Parquet;

/// <summary>Compresses and decompresses pages. Holds the zstd contexts, so that a page does not make its own. One thread at a time.</summary>
internal sealed unsafe class PageCodec : IDisposable
{
    private IntPtr _decompressor;
    private IntPtr _compressor;
    private int _level;

    /// <summary>Fills all of <paramref name="to"/>.</summary>
    internal void Decompress(ParquetCodec codec, ReadOnlySpan<byte> from, Span<byte> to)
    {
        if (to.IsEmpty) return;
        switch (codec)
        {
            case ParquetCodec.None: RequireLength(from.Length, to.Length); from.CopyTo(to); break;
            case ParquetCodec.Snappy: DecompressSnappy(from, to); break;
            case ParquetCodec.Gzip: DecompressGzip(from, to); break;
            case ParquetCodec.Brotli:
                if (!BrotliDecoder.TryDecompress(from, to, out int written)) throw new DamageException("brotli: corrupt");
                RequireLength(written, to.Length);
                break;
            case ParquetCodec.Zstd: DecompressZstd(from, to); break;
            case ParquetCodec.Lz4Raw: Lz4.Decompress(from, to); break;
            case ParquetCodec.Lz4Hadoop:
                if (!Lz4.TryDecompressFramed(from, to)) Lz4.Decompress(from, to);
                break;
            default: throw new DamageException($"the compression is {codec}, which Winnow does not read");
        }
    }

    /// <summary>Compresses with zstd.</summary>
    internal byte[] CompressZstd(ReadOnlySpan<byte> from, int level, out int length)
    {
        if (_compressor == IntPtr.Zero)
        {
            ZstdLibrary.Require();
            _compressor = ZstdLibrary.CreateCompressor();
        }
        if (_level != level) ZstdLibrary.SetCompressionParameter(_compressor, ZstdLibrary.LevelParameter, _level = level);
        byte[] to = GC.AllocateUninitializedArray<byte>(checked((int)ZstdLibrary.CompressBound((nuint)from.Length)));
        fixed (byte* source = from, target = to)
        {
            nuint result = ZstdLibrary.Compress(_compressor, target, (nuint)to.Length, source, (nuint)from.Length);
            if (ZstdLibrary.IsError(result)) throw new IOException("zstd: " + ZstdLibrary.ErrorName(result));
            length = (int)result;
        }
        return to;
    }

    public void Dispose()
    {
        if (_decompressor != IntPtr.Zero) ZstdLibrary.FreeDecompressor(_decompressor);
        if (_compressor != IntPtr.Zero) ZstdLibrary.FreeCompressor(_compressor);
        _decompressor = _compressor = IntPtr.Zero;
    }

    private void DecompressZstd(ReadOnlySpan<byte> from, Span<byte> to)
    {
        if (_decompressor == IntPtr.Zero)
        {
            ZstdLibrary.Require();
            _decompressor = ZstdLibrary.CreateDecompressor();
        }
        fixed (byte* source = from, target = to)
        {
            nuint result = ZstdLibrary.Decompress(_decompressor, target, (nuint)to.Length, source, (nuint)from.Length);
            if (ZstdLibrary.IsError(result)) throw new DamageException("zstd: " + ZstdLibrary.ErrorName(result));
            RequireLength((int)result, to.Length);
        }
    }

    private static void DecompressGzip(ReadOnlySpan<byte> from, Span<byte> to)
    {
        using Stream stream = CompressedStream.Read(new MemoryStream(from.ToArray()), CompressionKind.Gzip, "gzip");
        try
        {
            RequireLength(stream.ReadAtLeast(to, to.Length, throwOnEndOfStream: false), to.Length);
            if (stream.ReadByte() >= 0) throw new DamageException($"gzip: more than the {to.Length} bytes expected");
        }
        catch (CorpusException e)
        {
            throw new DamageException(e.Message);
        }
    }

    private static void DecompressSnappy(ReadOnlySpan<byte> from, Span<byte> to)
    {
        // The size stands in front, and is allocated: it is looked at first.
        long size = 0;
        for (int i = 0; i < Math.Min(from.Length, 5); i++)
        {
            size |= (long)(from[i] & 0x7F) << (7 * i);
            if (from[i] < 0x80) break;
        }
        RequireLength(size, to.Length);
        try
        {
            Snappy.Decode(from).AsSpan().CopyTo(to);
        }
        catch (Exception e) when (e is IOException or ArgumentException or IndexOutOfRangeException or InvalidOperationException or InvalidDataException)
        {
            throw new DamageException("snappy: corrupt");
        }
    }

    private static void RequireLength(long length, int expected)
    {
        if (length != expected) throw new DamageException($"a page of {length} bytes; its header says {expected}");
    }
}
