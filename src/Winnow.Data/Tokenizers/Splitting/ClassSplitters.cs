namespace Winnow.Data.Tokenizers;

/// <summary>Cuts around the characters of a class: each alone, or run by run.</summary>
/// <param name="wanted">A character with any of these classes is cut out.</param>
/// <param name="individually">Each character is a piece of its own; else a run of them is.</param>
internal sealed class ClassSplitter(CharacterClass wanted, bool individually) : Splitter
{
    public override int Split(ReadOnlySpan<byte> text, int from, Span<int> ends)
    {
        int count = 0;
        while (from < text.Length && count < ends.Length)
        {
            bool inside = Matches(text, from, out int length);
            from += length;
            while (from < text.Length && !(inside && individually) && Matches(text, from, out length) == inside) from += length;
            ends[count++] = from;
        }

        return count;
    }

    private bool Matches(ReadOnlySpan<byte> text, int at, out int length)
    {
        int codePoint = Utf8.Decode(text, at, out length);
        // Rust's `is_ascii_punctuation` also holds for the symbols among the ASCII characters.
        return (UnicodeClass.Of(codePoint) & wanted) != 0
            || (wanted == CharacterClass.Punctuation && codePoint is (>= '!' and <= '/') or (>= ':' and <= '@') or (>= '[' and <= '`') or (>= '{' and <= '~'));
    }
}

/// <summary>Pieces between white space; the white space is thrown away.</summary>
internal sealed class WhiteSpaceSplitter : Splitter
{
    public override bool CanDrop => true;

    public override int Split(ReadOnlySpan<byte> text, int from, Span<int> ends)
    {
        int count = 0;
        while (from < text.Length && count < ends.Length)
        {
            bool space = Runs.ClassAt(text, from, out int length) == Runs.Space;
            from += length;
            while (from < text.Length && (Runs.ClassAt(text, from, out length) == Runs.Space) == space) from += length;
            ends[count++] = from;
        }

        return count;
    }

    public override bool Drops(ReadOnlySpan<byte> text, int start, int end) => Runs.ClassAt(text, start, out _) == Runs.Space;
}
