namespace Winnow.Data.Tokenizers;

/// <summary>GPT-2's pattern, by hand:
/// <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.</summary>
internal sealed class Gpt2Splitter : Splitter
{
    public const string Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public override int Split(ReadOnlySpan<byte> text, int from, Span<int> ends)
    {
        int count = 0;
        while (from < text.Length && count < ends.Length)
        {
            from = EndOfPiece(text, from);
            ends[count++] = from;
        }

        return count;
    }

    private static int EndOfPiece(ReadOnlySpan<byte> text, int start)
    {
        int at = start;
        byte kind = Runs.ClassAt(text, at, out int length);
        if (text[at] == ' ')
        {
            if (at + 1 == text.Length) return at + 1;
            kind = Runs.ClassAt(text, ++at, out length);
            if (kind == Runs.Space) return Runs.EndOfLooseSpaces(text, start, Runs.EndOfSpaces(text, at + length));
        }
        else if (text[at] == '\'')
        {
            int contraction = Contraction(text, at + 1);
            if (contraction > 0) return at + 1 + contraction;
        }

        at += length;
        return kind switch
        {
            Runs.Letter => Runs.EndOfLetters(text, at),
            Runs.Number => Runs.EndOfNumbers(text, at, int.MaxValue),
            Runs.Space => Runs.EndOfLooseSpaces(text, start, Runs.EndOfSpaces(text, at)),
            _ => Runs.EndOfOthers(text, at),
        };
    }

    /// <summary>Length of s, t, re, ve, m, ll or d at <paramref name="at"/>; 0 when none stands there.</summary>
    private static int Contraction(ReadOnlySpan<byte> text, int at)
    {
        if (at >= text.Length) return 0;
        byte second = at + 1 < text.Length ? text[at + 1] : (byte)0;
        return text[at] switch
        {
            (byte)'s' or (byte)'t' or (byte)'m' or (byte)'d' => 1,
            (byte)'r' or (byte)'v' => second == 'e' ? 2 : 0,
            (byte)'l' => second == 'l' ? 2 : 0,
            _ => 0,
        };
    }
}
