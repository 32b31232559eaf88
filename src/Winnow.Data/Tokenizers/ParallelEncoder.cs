using Winnow.Data.Corpus;

namespace Winnow.Data.Tokenizers;

/// <summary>A document with its ids.</summary>
/// <param name="Document">The document that was encoded.</param>
/// <param name="Ids">Its ids, without prefix and suffix.</param>
/// <param name="Ends">For every id the byte where its token ends; empty unless asked for.</param>
/// <param name="CarriedSpecial">Whether the text of a special token stood in the document.</param>
public sealed record EncodedDocument(Document Document, int[] Ids, int[] Ends, bool CarriedSpecial);

/// <summary>How documents are encoded.</summary>
public sealed record EncodingOptions
{
    /// <summary>Threads that encode; the result is the same for any number.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Also computes where every token ends.</summary>
    public bool Ends { get; init; }

    /// <summary>What special tokens inside a document become.</summary>
    public SpecialInText SpecialInText { get; init; } = SpecialInText.Match;
}

/// <summary>Encodes documents on several threads and hands them out in their order.</summary>
public static class ParallelEncoder
{
    /// <summary>Reads ahead only as far as keeps the threads busy.</summary>
    public static IAsyncEnumerable<EncodedDocument> EncodeAsync(
        Tokenizer tokenizer,
        IAsyncEnumerable<Document> documents,
        EncodingOptions options,
        CancellationToken cancel = default) => throw new NotImplementedException();
}
