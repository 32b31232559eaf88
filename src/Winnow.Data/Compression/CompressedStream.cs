using System.IO.Compression;

namespace Winnow.Data.Compression;

/// <summary>Opens files whatever their compression, and writes them.</summary>
public static class CompressedStream
{
    /// <summary>What the first bytes of a file say; four are enough.</summary>
    public static CompressionKind Detect(ReadOnlySpan<byte> start) => start switch
    {
        [0x1F, 0x8B, ..] => CompressionKind.Gzip,
        [0x28, 0xB5, 0x2F, 0xFD, ..] => CompressionKind.Zstd,
        [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18, ..] => CompressionKind.Zstd,      // a skippable frame
        _ => CompressionKind.None,
    };

    /// <summary>What a name says: <c>.gz</c>, <c>.zst</c>.</summary>
    public static CompressionKind FromName(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".gz" or ".gzip" => CompressionKind.Gzip,
        ".zst" or ".zstd" => CompressionKind.Zstd,
        _ => CompressionKind.None,
    };

    /// <summary>The ending that says how a file is compressed: <c>.gz</c>, <c>.zst</c> or nothing.</summary>
    public static string Extension(CompressionKind kind) => kind switch
    {
        CompressionKind.None => "",
        CompressionKind.Gzip => ".gz",
        CompressionKind.Zstd => ".zst",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>The decompressed content of a file; what it is compressed with is decided by its first bytes.</summary>
    /// <exception cref="CorpusException">The file cannot be opened; while reading: it is truncated or corrupt; says at which byte.</exception>
    public static Stream OpenRead(string path)
    {
        Stream file = Storage.StoredFile.OpenRead(path);
        try
        {
            Span<byte> start = stackalloc byte[4];
            int count = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            file.Position = 0;
            CompressionKind kind = Detect(start[..count]);
            RequireSame(path, kind, count);
            return Read(file, kind, path);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The decompressed content of a stream.</summary>
    /// <param name="stream">The bytes as stored; disposed with the result.</param>
    /// <param name="kind">How they are compressed.</param>
    /// <param name="name">What errors call it.</param>
    public static Stream Read(Stream stream, CompressionKind kind, string name) => kind switch
    {
        CompressionKind.None => stream,
        CompressionKind.Gzip => new GzipReader(stream, name),
        CompressionKind.Zstd => new ZstdReader(stream, name),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>A stream that compresses what is written to it; complete when it is disposed.</summary>
    /// <param name="stream">Where the compressed bytes go; disposed with the result.</param>
    /// <param name="kind">How to compress.</param>
    /// <param name="level">zstd 1–19 (3 when null), gzip 1–9 (6 when null).</param>
    /// <param name="threads">How many compress zstd, beside the caller; the bytes are the same for any number.</param>
    public static Stream Write(Stream stream, CompressionKind kind, int? level = null, int threads = 1) => kind switch
    {
        CompressionKind.None => stream,
        CompressionKind.Gzip => new GZipStream(stream, new ZLibCompressionOptions { CompressionLevel = level ?? 6 }),
        CompressionKind.Zstd => new ZstdWriter(stream, level ?? 3, threads),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>Opens a file for reading once from start to end.</summary>
    /// <exception cref="CorpusException">It is missing, a directory, or not readable.</exception>
    /// <exception cref="IOException">Too many files are open.</exception>
    internal static FileStream OpenFile(string path)
    {
        try
        {
            return new FileStream(path, new FileStreamOptions { BufferSize = 0, Options = FileOptions.SequentialScan });
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CorpusException(path, "no such file", "name a file, a directory, a glob in quotes, or `-` for standard input", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CorpusException(path, Directory.Exists(path) ? "is a directory, not a file" : "may not be read: permission denied", inner: e);
        }
        catch (IOException e) when (!IsOutOfHandles(e))
        {
            throw new CorpusException(path, "cannot be opened: " + e.Message, inner: e);
        }
    }

    /// <summary>Whether what failed is not the file: this process, or the machine, has as many files open as it may.</summary>
    internal static bool IsOutOfHandles(Exception failure) => failure is IOException { HResult: 23 or 24 };     // ENFILE, EMFILE

    /// <summary>Throws when the name of a file promises another compression than its first bytes show.</summary>
    internal static void RequireSame(string path, CompressionKind kind, int count)
    {
        CompressionKind named = FromName(path);
        if (named == CompressionKind.None || named == kind) return;
        throw new CorpusException(
            path, count == 0 ? "the file is empty; its name promises " + named.ToString().ToLowerInvariant()
                : $"the name promises {named.ToString().ToLowerInvariant()}, but the content is not",
            "the file is damaged, or has the wrong name");
    }
}
