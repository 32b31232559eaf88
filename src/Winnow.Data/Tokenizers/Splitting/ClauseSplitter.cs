namespace Winnow.Data.Tokenizers;

/// <summary>The pattern of Llama 3 (up to three digits) and Qwen 2 (one digit), by hand:
/// <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+</c>.</summary>
/// <param name="digits">Digits in a piece at most.</param>
internal sealed class ClauseSplitter(int digits) : Splitter
{
    private const string Before = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|";
    private const string After = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The splitter for a pattern; null for any other pattern.</summary>
    public static ClauseSplitter? For(string pattern) => pattern switch
    {
        Before + @"\p{N}{1,3}" + After => new ClauseSplitter(3),
        Before + @"\p{N}{1,2}" + After => new ClauseSplitter(2),
        Before + @"\p{N}" + After => new ClauseSplitter(1),
        Before + @"\p{N}+" + After => new ClauseSplitter(int.MaxValue),
        _ => null,
    };

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

    private int EndOfPiece(ReadOnlySpan<byte> text, int start)
    {
        byte kind = Runs.ClassAt(text, start, out int length);
        int next = start + length;
        if (kind == Runs.Letter) return Runs.EndOfLetters(text, next);
        if (kind == Runs.Number) return Runs.EndOfNumbers(text, next, digits - 1);
        if (text[start] == '\'')
        {
            int contraction = Contraction(text, next);
            if (contraction > 0) return next + contraction;
        }

        byte nextKind = next < text.Length ? Runs.ClassAt(text, next, out int nextLength) : Runs.Space;
        if (nextKind == Runs.Letter && text[start] is not ((byte)'\r' or (byte)'\n')) return Runs.EndOfLetters(text, next);
        if (kind == 0) return EndOfLineEnds(text, Runs.EndOfOthers(text, next));
        if (text[start] == ' ' && nextKind == 0) return EndOfLineEnds(text, Runs.EndOfOthers(text, next));

        int end = Runs.EndOfSpaces(text, next);
        int lastLineEnd = text[start..end].LastIndexOfAny((byte)'\r', (byte)'\n');
        return lastLineEnd >= 0 ? start + lastLineEnd + 1 : Runs.EndOfLooseSpaces(text, start, end);
    }

    private static int EndOfLineEnds(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && text[at] is (byte)'\r' or (byte)'\n') at++;
        return at;
    }

    /// <summary>Length of s, t, re, ve, m, ll or d in either case; U+017F is an s, too, when case is ignored. 0 when none stands there.</summary>
    private static int Contraction(ReadOnlySpan<byte> text, int at)
    {
        if (at >= text.Length) return 0;
        int second = at + 1 < text.Length ? text[at + 1] | 0x20 : 0;
        return (text[at] | 0x20) switch
        {
            's' or 't' or 'm' or 'd' => 1,
            'r' or 'v' => second == 'e' ? 2 : 0,
            'l' => second == 'l' ? 2 : 0,
            _ => text[at] == 0xC5 && at + 1 < text.Length && text[at + 1] == 0xBF ? 2 : 0,
        };
    }
}
