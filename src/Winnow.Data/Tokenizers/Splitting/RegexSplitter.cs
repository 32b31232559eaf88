using System.Text.RegularExpressions;

namespace Winnow.Data.Tokenizers;

/// <summary>Matches of a pattern in UTF-8 text, by way of .NET's engine.</summary>
/// <param name="regex">Made by <see cref="RegexTranslator"/>.</param>
internal sealed class Utf8Pattern(Regex regex)
{
    /// <summary>Bytes where matches start and end, in order: start, end, start, end, …</summary>
    public List<int> Find(ReadOnlySpan<byte> text)
    {
        var characters = new char[text.Length];
        var starts = new int[text.Length + 1];
        int count = 0;
        for (int at = 0; at < text.Length;)
        {
            int codePoint = Utf8.Decode(text, at, out int length);
            characters[count] = codePoint < 0x10000 ? (char)codePoint : StandIns.For(codePoint);
            starts[count++] = at;
            at += length;
        }

        starts[count] = text.Length;
        var found = new List<int>();
        foreach (ValueMatch match in regex.EnumerateMatches(characters.AsSpan(0, count)))
        {
            if (match.Length == 0) continue;
            found.Add(starts[match.Index]);
            found.Add(starts[match.Index + match.Length]);
        }

        return found;
    }
}

/// <summary>Cuts by any pattern that <see cref="RegexTranslator"/> can translate: slower than the hand-written ones.</summary>
/// <param name="pattern">What is matched.</param>
/// <param name="behavior">What becomes of matches.</param>
/// <param name="invert">Treats what lies between the matches as the matches.</param>
internal sealed class RegexSplitter(Utf8Pattern pattern, SplitBehavior behavior, bool invert)
{
    /// <summary>Pieces of a text, in order: start, end, start, end, …</summary>
    public List<int> Split(ReadOnlySpan<byte> text)
    {
        List<int> found = pattern.Find(text);
        var parts = new List<(int Start, int End, bool Match)>();
        int last = 0;
        for (int i = 0; i < found.Count; i += 2)
        {
            if (found[i] > last) parts.Add((last, found[i], invert));
            parts.Add((found[i], found[i + 1], !invert));
            last = found[i + 1];
        }

        if (last < text.Length) parts.Add((last, text.Length, invert));
        return Join(parts);
    }

    private List<int> Join(List<(int Start, int End, bool Match)> parts)
    {
        var pieces = new List<int>();
        for (int i = 0; i < parts.Count; i++)
        {
            (int start, int end, bool match) = parts[i];
            bool afterMatch = i > 0 && parts[i - 1].Match;
            bool joinsLast = behavior switch
            {
                SplitBehavior.Isolated or SplitBehavior.Removed => false,
                SplitBehavior.Contiguous => i > 0 && match == afterMatch,
                SplitBehavior.MergedWithPrevious => i > 0 && match && !afterMatch,
                SplitBehavior.MergedWithNext => afterMatch && !match,
                _ => throw new InvalidOperationException($"unknown behaviour {behavior}"),
            };
            if (behavior == SplitBehavior.Removed && match) continue;
            if (joinsLast)
            {
                pieces[^1] = end;
            }
            else
            {
                pieces.Add(start);
                pieces.Add(end);
            }
        }

        return pieces;
    }
}
