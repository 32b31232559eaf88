using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Winnow.Pruning.Scoring;

/// <summary>
/// A split of the corpus into two halves by a seeded hash of each document's text, so that a document and its exact copies are
/// always in the same half and no model ever scores a text that it was trained on.
/// </summary>
public sealed record CorpusFold(ulong Seed)
{
    /// <summary>The half, 0 or 1, that a text belongs to.</summary>
    public int Of(ReadOnlySpan<byte> text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        return (int)(((BinaryPrimitives.ReadUInt64LittleEndian(hash) ^ Seed) * 0x9e3779b97f4a7c15) >> 63);
    }
}
