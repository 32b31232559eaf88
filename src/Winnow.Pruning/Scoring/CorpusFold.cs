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
    public int Of(ReadOnlySpan<byte> text) => (int)(Hash(text, 0) >> 63);

    /// <summary>Whether a text is in a sample of the given share of the corpus; independent of its half.</summary>
    internal bool IsSampled(ReadOnlySpan<byte> text, double share) => share >= 1 || Hash(text, 1) * (1.0 / 18446744073709551616.0) < share;

    private ulong Hash(ReadOnlySpan<byte> text, int word)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        return Mix(BinaryPrimitives.ReadUInt64LittleEndian(hash[(8 * word)..]) ^ Mix(Seed));
    }

    /// <summary>SplitMix64's finaliser (Steele, Lea and Flood 2014).</summary>
    private static ulong Mix(ulong word)
    {
        word += 0x9e3779b97f4a7c15;
        word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
        word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
        return word ^ (word >> 31);
    }
}
