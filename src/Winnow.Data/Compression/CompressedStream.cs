namespace Winnow.Data.Compression;

/// <summary>Opens files whatever their compression, and writes them.</summary>
public static class CompressedStream
{
    /// <summary>What the first bytes of a file say.</summary>
    public static CompressionKind Detect(ReadOnlySpan<byte> start) => throw new NotImplementedException();

    /// <summary>What a name says: <c>.gz</c>, <c>.zst</c>.</summary>
    public static CompressionKind FromName(string path) => throw new NotImplementedException();

    /// <summary>The decompressed content of a file; what it is compressed with is decided by its first bytes.</summary>
    /// <exception cref="CorpusException">While reading: the file is truncated or corrupt; says at which offset.</exception>
    public static Stream OpenRead(string path) => throw new NotImplementedException();

    /// <summary>The decompressed content of a stream.</summary>
    /// <param name="stream">The bytes as stored; disposed with the result.</param>
    /// <param name="kind">How they are compressed.</param>
    /// <param name="name">What errors call it.</param>
    public static Stream Read(Stream stream, CompressionKind kind, string name) => throw new NotImplementedException();

    /// <summary>A stream that compresses what is written to it.</summary>
    /// <param name="stream">Where the compressed bytes go; disposed with the result.</param>
    /// <param name="kind">How to compress.</param>
    /// <param name="level">zstd 1–19 (3 when null), gzip 1–9 (6 when null).</param>
    public static Stream Write(Stream stream, CompressionKind kind, int? level = null) => throw new NotImplementedException();
}
