using System.Buffers;

namespace Winnow.Data.Tokenizers;

/// <summary>A token matched in text before anything else happens to it.</summary>
internal sealed record AddedToken(int Id, string Content, bool Special, bool Normalized, bool SingleWord, bool StripsLeft, bool StripsRight);

/// <summary>Where an added token stands: [<see cref="Start"/>, <see cref="End"/>) with the white space it strips.</summary>
internal readonly record struct AddedMatch(AddedToken Token, int Start, int End);

/// <summary>Finds added tokens in text: leftmost first, the longest of those that start there, none overlapping.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly Dictionary<(int Node, byte Next), int> _children = [];
    private readonly List<AddedToken?> _tokens = [null];
    private readonly SearchValues<byte> _firstBytes;

    /// <summary>Whether some token starts with these two bytes.</summary>
    private readonly bool[] _firstTwo = new bool[65536];

    /// <param name="patterns">The bytes to look for, and the token each stands for; the first of equal ones wins.</param>
    public AddedTokenMatcher(IReadOnlyList<(byte[] Pattern, AddedToken Token)> patterns)
    {
        foreach ((byte[] pattern, AddedToken token) in patterns)
        {
            if (pattern.Length == 0) continue;
            int node = 0;
            foreach (byte b in pattern)
            {
                if (!_children.TryGetValue((node, b), out int child))
                {
                    child = _tokens.Count;
                    _tokens.Add(null);
                    _children[(node, b)] = child;
                }

                node = child;
            }

            _tokens[node] ??= token;
            int first = pattern[0] << 8;
            if (pattern.Length == 1) _firstTwo.AsSpan(first, 256).Fill(true);
            else _firstTwo[first | pattern[1]] = true;
        }

        _firstBytes = SearchValues.Create([.. patterns.Where(p => p.Pattern.Length > 0).Select(p => p.Pattern[0]).Distinct()]);
        IsEmpty = _tokens.Count == 1;
    }

    /// <summary>Whether there is nothing to find.</summary>
    public bool IsEmpty { get; }

    /// <summary>Whether any token may stand in the text: a quick look that never misses one.</summary>
    public bool MayMatch(ReadOnlySpan<byte> text) => !IsEmpty && NextCandidate(text, 0) >= 0;

    /// <summary>The matches of a text.</summary>
    /// <param name="text">Valid UTF-8.</param>
    /// <param name="skipsSpecial">Special tokens are left as text.</param>
    /// <param name="matches">Receives the matches, in order.</param>
    /// <param name="sawSpecial">Set when the text of a special token stands there.</param>
    public void Find(ReadOnlySpan<byte> text, bool skipsSpecial, List<AddedMatch> matches, ref bool sawSpecial)
    {
        if (IsEmpty) return;
        int taken = 0;
        int at = 0;
        while ((at = NextCandidate(text, at)) >= 0)
        {
            AddedToken? token = Longest(text, at, out int length);
            if (token is null)
            {
                at++;
                continue;
            }

            int start = at, end = at + length;
            at = end;
            sawSpecial |= token.Special;
            if (skipsSpecial && token.Special) continue;
            if (token.SingleWord && (WordEndsAt(text, start) || WordStartsAt(text, end))) continue;
            if (token.StripsLeft) start = Math.Max(StartOfSpaces(text, start), taken);
            if (token.StripsRight) end = Runs.EndOfSpaces(text, end);
            matches.Add(new AddedMatch(token, start, end));
            taken = end;
        }
    }

    private int NextCandidate(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length)
        {
            int found = text[at..].IndexOfAny(_firstBytes);
            if (found < 0) return -1;
            at += found;
            if (_firstTwo[(text[at] << 8) | (at + 1 < text.Length ? text[at + 1] : 0)]) return at;
            at++;
        }

        return -1;
    }

    private AddedToken? Longest(ReadOnlySpan<byte> text, int at, out int length)
    {
        AddedToken? longest = null;
        length = 0;
        int node = 0;
        for (int i = at; i < text.Length && _children.TryGetValue((node, text[i]), out node); i++)
        {
            if (_tokens[node] is not AddedToken token) continue;
            longest = token;
            length = i + 1 - at;
        }

        return longest;
    }

    private static int StartOfSpaces(ReadOnlySpan<byte> text, int end)
    {
        while (end > 0)
        {
            int previous = Utf8.StartOfPrevious(text, end);
            if (Runs.ClassAt(text, previous, out _) != Runs.Space) break;
            end = previous;
        }

        return end;
    }

    private static bool WordEndsAt(ReadOnlySpan<byte> text, int at) => at > 0 && IsWord(Utf8.Decode(text, Utf8.StartOfPrevious(text, at), out _));

    private static bool WordStartsAt(ReadOnlySpan<byte> text, int at) => at < text.Length && IsWord(Utf8.Decode(text, at, out _));

    /// <summary>\w: letters, marks, decimal digits, connectors, and the two joiners.</summary>
    private static bool IsWord(int codePoint)
    {
        const CharacterClass word = CharacterClass.Letter | CharacterClass.Mark | CharacterClass.DecimalNumber | CharacterClass.ConnectorPunctuation;
        return (UnicodeClass.Of(codePoint) & word) != 0 || codePoint is 0x200C or 0x200D;
    }
}
