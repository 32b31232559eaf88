using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;

namespace Winnow.Data.Packing;

/// <summary>Exactly <c>Context</c> tokens of one or more documents; fewer only in <see cref="SequencePacker.Remainder"/>.</summary>
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
/// <remarks>No token is lost: those at the end that fill no sequence stay in <see cref="Remainder"/>, to be counted by whoever packs.</remarks>
public sealed class SequencePacker
{
    private readonly int _context;
    private readonly int _endOfText;
    private int[] _ids;
    private List<PackedPiece> _pieces = [];
    private int _count;
    private long _sequences;

    /// <summary>An empty packer.</summary>
    /// <param name="context">Tokens in a sequence.</param>
    /// <param name="endOfText">Follows every document.</param>
    public SequencePacker(int context, int endOfText)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(context, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(endOfText);
        (_context, _endOfText, _ids) = (context, endOfText, new int[context]);
    }

    /// <summary>Tokens taken in so far, end-of-text tokens included.</summary>
    public long Tokens => (_sequences * _context) + _count;

    /// <summary>Adds a document and returns the sequences that it completes.</summary>
    /// <param name="document">With <see cref="EncodedDocument.Ends"/>.</param>
    public IReadOnlyList<PackedSequence> Add(EncodedDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        if (document.Ends.Length != document.Ids.Length)
            throw new ArgumentException("the document was encoded without the ends of its tokens", nameof(document));
        var complete = new List<PackedSequence>();
        int total = document.Ids.Length + 1;
        for (int at = 0; at < total;)
        {
            int length = Math.Min(_context - _count, total - at);
            Append(document, at, length);
            at += length;
            if (_count < _context) continue;
            complete.Add(new PackedSequence(_sequences++, _ids, _pieces));
            (_ids, _pieces, _count) = (new int[_context], [], 0);
        }

        return complete;
    }

    /// <summary>The tokens at the end that do not fill a sequence; null when there are none.</summary>
    public PackedSequence? Remainder => _count == 0 ? null : new PackedSequence(_sequences, _ids[.._count], [.. _pieces]);

    private void Append(EncodedDocument document, int start, int length)
    {
        int ofText = Math.Min(length, document.Ids.Length - start);
        document.Ids.AsSpan(start, ofText).CopyTo(_ids.AsSpan(_count));
        if (ofText < length) _ids[_count + ofText] = _endOfText;
        long firstByte = start == 0 ? 0 : document.Ends[start - 1];
        long endByte = start + ofText == 0 ? 0 : document.Ends[start + ofText - 1];
        Document source = document.Document;
        _pieces.Add(new PackedPiece(source.Shard, source.Row, _count, length, firstByte, endByte - firstByte));
        _count += length;
    }
}
