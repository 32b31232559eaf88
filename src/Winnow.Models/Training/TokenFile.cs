using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Winnow.Models.Training;

/// <summary>
/// A stream of token ids on disk, mapped into memory and cut into sequences: sequence i reads tokens [i·Context, i·Context +
/// Context], so that every token but the first is predicted once per epoch.
/// </summary>
/// <remarks>The file: 8 bytes <c>WNTOKEN1</c>, the number of tokens (int64, little-endian), then one int32 per token.</remarks>
public sealed class TokenFile : ITokenSource, IDisposable
{
    private const int HeaderBytes = 16;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    private TokenFile(string path, int context, long tokens, MemoryMappedFile file)
    {
        (Path, Context, Tokens, _file) = (path, context, tokens, file);
        _view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        Identity = Hash();
    }

    private static ReadOnlySpan<byte> Magic => "WNTOKEN1"u8;

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Tokens in the file.</summary>
    public long Tokens { get; }

    /// <inheritdoc/>
    public int Context { get; }

    /// <inheritdoc/>
    public long Sequences => (Tokens - 1) / Context;

    /// <inheritdoc/>
    public string Identity { get; }

    /// <summary>Opens a token file.</summary>
    /// <exception cref="ModelException">It is not one, is truncated, or holds less than one sequence.</exception>
    public static TokenFile Open(string path, int context)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(context);
        long length = new FileInfo(path).Length;
        Span<byte> header = stackalloc byte[HeaderBytes];
        using (FileStream stream = File.OpenRead(path))
        {
            if (stream.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes || !header[..8].SequenceEqual(Magic))
                throw new ModelException(path, "not a token file");
        }

        long tokens = BinaryPrimitives.ReadInt64LittleEndian(header[8..]);
        if (length != HeaderBytes + (tokens * sizeof(int)))
            throw new ModelException(path, $"{length} bytes, the header says {tokens} tokens", "the file was not written to its end");
        if (tokens <= context)
            throw new ModelException(path, $"{tokens} tokens, one sequence needs {context + 1}", "use more text or a shorter context");
        return new TokenFile(path, context, tokens, MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read));
    }

    /// <inheritdoc/>
    public void Read(long sequence, Span<int> ids)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)sequence, (ulong)Sequences, nameof(sequence));
        ArgumentOutOfRangeException.ThrowIfNotEqual(ids.Length, Context + 1);
        long start = HeaderBytes + (sequence * Context * sizeof(int));
        _view.SafeMemoryMappedViewHandle.ReadSpan((ulong)start, ids);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }

    /// <summary>Of the length and of some thousand places: enough to notice other data without reading all of it.</summary>
    private string Hash()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(BitConverter.GetBytes(Tokens));
        Span<int> ids = stackalloc int[16];
        long places = Math.Min(4096, Tokens / ids.Length);
        for (long place = 0; place < places; place++)
        {
            long first = (Tokens - ids.Length) / Math.Max(1, places - 1) * place;
            _view.SafeMemoryMappedViewHandle.ReadSpan((ulong)(HeaderBytes + (Math.Min(first, Tokens - ids.Length) * sizeof(int))), ids);
            hash.AppendData(MemoryMarshal.AsBytes(ids));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Writes a token file as the ids come.</summary>
    public sealed class Writer : IDisposable
    {
        private readonly string _path;
        private readonly FileStream _stream;

        /// <summary>Starts a file beside <paramref name="path"/>.</summary>
        public Writer(string path)
        {
            _path = path;
            _stream = new FileStream(path + ".partial", FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
            _stream.Write(new byte[HeaderBytes]);
        }

        /// <summary>Tokens written.</summary>
        public long Tokens { get; private set; }

        /// <summary>Appends ids.</summary>
        public void Add(ReadOnlySpan<int> ids)
        {
            _stream.Write(MemoryMarshal.AsBytes(ids));
            Tokens += ids.Length;
        }

        /// <summary>Completes the file and gives it its name.</summary>
        public void Finish()
        {
            Span<byte> header = stackalloc byte[HeaderBytes];
            Magic.CopyTo(header);
            BinaryPrimitives.WriteInt64LittleEndian(header[8..], Tokens);
            _stream.Position = 0;
            _stream.Write(header);
            _stream.Flush(flushToDisk: true);
            _stream.Dispose();
            File.Move(_path + ".partial", _path, overwrite: true);
        }

        /// <inheritdoc/>
        public void Dispose() => _stream.Dispose();
    }
}
