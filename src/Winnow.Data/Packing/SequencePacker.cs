using Winnow.Data.Tokenizers;

namespace Winnow.Data.Packing;

/// <summary>Exactly <c>Context</c> tokens of one or more documents.</summary>
/// <param name="Index">0 for the first sequence of the corpus.</param>
/// <param name="Ids">[Context].</param>
/// <param name="Pieces">In order; together they cover all tokens of the sequence.</param>
public sealed record PackedSequence(long Index, int[] Ids, IReadOnlyList<PackedPiece> Pieces);

/// <summary>The part of a document that lies in a sequence.</summary>
/// <param name="Shard">The document's shard.</param>
/// <param name="Row">The document's row.</param>
/// <param name="FirstToken">Where the piece starts in the sequence.</param>
/// <param name="TokenCount">Its tokens, the end-of-text token included where it follows.</param>
/// <param name="FirstByte">Where the piece starts in the document's text.</param>
/// <param name="ByteCount">Bytes of the document's text that its tokens cover.</param>
public sealed record PackedPiece(int Shard, long Row, int FirstToken, int TokenCount, long FirstByte, long ByteCount);

/// <summary>Concatenates documents, each followed by the end-of-text token, and cuts them into sequences of one length.</summary>
/// <param name="context">Tokens in a sequence.</param>
/// <param name="endOfText">Follows every document.</param>
public sealed class SequencePacker(int context, int endOfText)
{
    /// <summary>Adds a document and returns the sequences that it completes.</summary>
    /// <param name="document">With <see cref="EncodedDocument.Ends"/>.</param>
    public IEnumerable<PackedSequence> Add(EncodedDocument document) => throw new NotImplementedException(FormattableString.Invariant($"{context}{endOfText}"));

    /// <summary>The tokens at the end that do not fill a sequence: kept aside, so that nothing is lost unseen; null when there are none.</summary>
    public PackedSequence? Remainder => throw new NotImplementedException();
}
