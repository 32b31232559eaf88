namespace Winnow.Data.Tokenizers;

/// <summary>What becomes of the text that a split pattern matches.</summary>
internal enum SplitBehavior
{
    /// <summary>It is thrown away.</summary>
    Removed,

    /// <summary>Each match is a piece.</summary>
    Isolated,

    /// <summary>It ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>It starts the piece after it.</summary>
    MergedWithNext,

    /// <summary>Matches that touch are one piece.</summary>
    Contiguous,
}

/// <summary>Cuts at every occurrence of a text.</summary>
internal sealed class LiteralSplitter(byte[] literal, SplitBehavior behavior) : Splitter
{
    public override bool CanDrop => behavior == SplitBehavior.Removed;

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

    public override bool Drops(ReadOnlySpan<byte> text, int start, int end) => text[start..end].SequenceEqual(literal);

    private int EndOfPiece(ReadOnlySpan<byte> text, int start)
    {
        bool matches = text[start..].StartsWith(literal);
        switch (behavior)
        {
            case SplitBehavior.Removed or SplitBehavior.Isolated:
                return matches ? start + literal.Length : NextMatch(text, start);
            case SplitBehavior.MergedWithPrevious:
                int next = NextMatch(text, start);
                return Math.Min(next + literal.Length, text.Length);
            case SplitBehavior.MergedWithNext:
                return NextMatch(text, matches ? start + literal.Length : start);
            case SplitBehavior.Contiguous:
                if (!matches) return NextMatch(text, start);
                while (text[start..].StartsWith(literal)) start += literal.Length;
                return start;
            default:
                throw new InvalidOperationException($"unknown behaviour {behavior}");
        }
    }

    private int NextMatch(ReadOnlySpan<byte> text, int from)
    {
        int found = text[from..].IndexOf(literal);
        return found < 0 ? text.Length : from + found;
    }
}
