namespace Winnow.Data.Tokenizers;

/// <summary>Encodes one text after another on one thread, remembering the words it has seen.</summary>
public sealed class TokenEncoder
{
    private TokenEncoder() => throw new NotImplementedException();

    /// <summary>Appends the ids of a text, without the special tokens of <see cref="Tokenizer.Prefix"/> and <see cref="Tokenizer.Suffix"/>.</summary>
    /// <param name="utf8">The text. Bytes that are not UTF-8 count as U+FFFD, one for every maximal subpart.</param>
    /// <param name="ids">Receives the ids.</param>
    /// <param name="ends">Receives, for every id, the byte of the text where its token ends: never decreasing, the last is the text's
    /// length. Exact for byte-level tokenizers; where a normalizer changes text, the end of the characters a token came from.</param>
    /// <returns>Whether the text carried a special token.</returns>
    public bool Encode(ReadOnlySpan<byte> utf8, List<int> ids, List<int>? ends = null) => throw new NotImplementedException();

    /// <summary>Texts encoded so far that carried the text of a special token.</summary>
    public long TextsWithSpecial => throw new NotImplementedException();
}
