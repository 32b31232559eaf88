using System.Globalization;

namespace Winnow.Data.Tokenizers;

/// <summary>A text as ids that were given with it.</summary>
/// <param name="Ids">Its ids, without prefix and suffix.</param>
/// <param name="Ends">[ids]: the byte of the text where each token ends.</param>
public sealed record TokenizedText(int[] Ids, int[] Ends);

/// <summary>What every token adds to a text, so that ids become a text of which it is known where each token ends. Shared by all threads.</summary>
/// <remarks>
/// Tokens may hold part of a character, and a stretch of ids need not be a text: bytes that are no UTF-8 become <c>?</c>, one for one.
/// </remarks>
public sealed class TokenTexts
{
    private readonly Tokenizer _tokenizer;
    private readonly byte[]?[] _first;     // at the start of a text, where a decoder may take a space away
    private readonly byte[]?[] _later;
    private readonly int[] _anchor;        // a token that is one letter: what follows it is in the midst of a text

    internal TokenTexts(Tokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        _first = new byte[]?[tokenizer.VocabularySize];
        _later = new byte[]?[tokenizer.VocabularySize];
        int anchor = Enumerable.Range(0, tokenizer.VocabularySize).FirstOrDefault(
            id => Has(id) && tokenizer.Decode([id]) is [>= (byte)'a' and <= (byte)'z'], -1);
        _anchor = anchor < 0 ? [] : [anchor];
    }

    /// <summary>Whether the vocabulary has an id.</summary>
    public bool Has(int id) => _tokenizer.TokenOf(id) is not null;

    /// <summary>The text of ids that the vocabulary has.</summary>
    public TokenizedText Decode(ReadOnlySpan<int> ids, out byte[] text)
    {
        int[] ends = new int[ids.Length];
        int length = 0;
        for (int i = 0; i < ids.Length; i++) ends[i] = length += Of(ids[i], i == 0).Length;
        text = new byte[length];
        for (int i = 0; i < ids.Length; i++)
        {
            byte[] token = Of(ids[i], i == 0);
            token.CopyTo(text, ends[i] - token.Length);
        }

        Repair(text);
        return new TokenizedText(ids.ToArray(), ends);
    }

    private byte[] Of(int id, bool isFirst)
    {
        byte[]?[] known = isFirst ? _first : _later;
        return known[id] ??= ByteOf(id) ?? (isFirst ? _tokenizer.Decode([id]) : Later(id));
    }

    private byte[] Later(int id) => _tokenizer.Decode([.. _anchor, id])[_anchor.Length..];

    /// <summary>The byte of a token <c>&lt;0xNN&gt;</c> that stands for it.</summary>
    private byte[]? ByteOf(int id)
    {
        string token = _tokenizer.TokenOf(id)!;
        if (token.Length != 6 || !token.StartsWith("<0x", StringComparison.Ordinal) || token[5] != '>') return null;
        if (!byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)) return null;
        return _tokenizer.Decode([id]).AsSpan().SequenceEqual(System.Text.Encoding.UTF8.GetBytes(token)) ? null : [value];
    }

    private static void Repair(Span<byte> text)
    {
        while (!System.Text.Unicode.Utf8.IsValid(text))
        {
            int bad = Corpus.Utf8Check.FirstInvalid(text);
            text[bad] = (byte)'?';
            text = text[bad..];
        }
    }
}
