using System.Buffers.Binary;

namespace Winnow.Data.Corpus;

/// <summary>How a token shard lays its tokens out: nothing but tokens (nanoGPT), or behind a header of 256 int32 (llm.c): magic, version, number of tokens, zeros.</summary>
/// <param name="Name">For people.</param>
/// <param name="Magic">First number of the header; 0 where there is none.</param>
/// <param name="Version">Second number of the header.</param>
/// <param name="TokenBytes">Bytes of a token: an unsigned, little-endian number.</param>
public sealed record TokenLayout(string Name, int Magic, int Version, int TokenBytes)
{
    /// <summary>nanoGPT's: uint16 tokens.</summary>
    public static TokenLayout Raw { get; } = new("raw uint16", 0, 0, 2);

    /// <summary>llm.c's for GPT-2.</summary>
    public static TokenLayout Narrow { get; } = new("llm.c uint16", 20240520, 1, 2);

    /// <summary>llm.c's for Llama 3.</summary>
    public static TokenLayout Wide { get; } = new("llm.c uint32", 20240801, 7, 4);

    /// <summary>Bytes before the first token.</summary>
    public int HeaderBytes => Magic == 0 ? 0 : 256 * sizeof(int);

    /// <summary>Tokens that a file can hold.</summary>
    public long MostTokens => Magic == 0 ? long.MaxValue : int.MaxValue;

    /// <summary>The header with a magic number that a file begins with, or <see cref="Raw"/>; the version is not looked at.</summary>
    public static TokenLayout Of(ReadOnlySpan<byte> head)
    {
        int magic = head.Length < sizeof(int) ? 0 : BinaryPrimitives.ReadInt32LittleEndian(head);
        return magic == Narrow.Magic ? Narrow : magic == Wide.Magic ? Wide : Raw;
    }

    /// <summary>That of a file.</summary>
    public static TokenLayout OfFile(string path)
    {
        using Stream content = Compression.CompressedStream.OpenRead(path);
        byte[] head = new byte[sizeof(int)];
        return Of(head.AsSpan(0, content.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)));
    }

    /// <summary>The narrower header that has room for the ids of a vocabulary.</summary>
    public static TokenLayout For(int vocabularySize) => vocabularySize <= 1 << 16 ? Narrow : Wide;

    /// <summary>[<see cref="HeaderBytes"/>]: the header of a file.</summary>
    public byte[] Header(long tokens)
    {
        byte[] header = new byte[HeaderBytes];
        if (header.Length == 0) return header;
        BinaryPrimitives.WriteInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), checked((int)tokens));
        return header;
    }
}
