namespace Winnow.Data.Tokenizers;

/// <summary>How a byte-level BPE vocabulary is learnt.</summary>
/// <param name="VocabularySize">Ids wanted in all: special tokens, the 256 bytes, and merges. The corpus may yield fewer.</param>
public sealed record BytePairOptions(int VocabularySize)
{
    /// <summary>Take the first ids, in this order; the first of them ends a text.</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = ["<|endoftext|>"];

    /// <summary>Threads that count words; the vocabulary is the same for any number.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>A pair seen fewer times than this is never merged.</summary>
    public long MinimumCount { get; init; } = 2;
}

/// <summary>How far training a vocabulary has come.</summary>
/// <param name="Documents">Documents counted so far.</param>
/// <param name="Bytes">Bytes of text counted so far.</param>
/// <param name="Merges">Merges learnt so far: 0 while words are being counted.</param>
/// <param name="MergesWanted">Merges that make the vocabulary size asked for.</param>
public sealed record BytePairProgress(long Documents, long Bytes, int Merges, int MergesWanted);
