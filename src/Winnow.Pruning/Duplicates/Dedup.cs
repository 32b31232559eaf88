namespace Winnow.Pruning.Duplicates;

/// <summary>Which documents are left out because others say the same.</summary>
public enum Dedup
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those whose text equals an earlier document's byte for byte, told by 128 bits of SHA-256. The first of the corpus stays.</summary>
    Exact,
}

/// <summary>What <see cref="Dedup"/> left out of a run.</summary>
/// <param name="Documents">Copies of an earlier document.</param>
/// <param name="Bytes">Bytes of their texts.</param>
public sealed record DuplicateCount(long Documents, long Bytes);
