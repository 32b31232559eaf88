using System.Text;

namespace Winnow.Studies.Works;

/// <summary>
/// Hashes of the 13-grams of a text: the usual unit of contamination checks (Brown et al., arXiv 2005.14165, appendix C). Words are
/// runs of letters and digits, lower-cased; a character of a script without spaces is a word.
/// </summary>
internal static class WordGrams
{
    internal const int Length = 13;

    /// <summary>Calls back with the hash of every 13-gram, in order.</summary>
    internal static void Visit(ReadOnlySpan<byte> text, Action<ulong> visit)
    {
        Span<ulong> window = stackalloc ulong[Length];
        long words = 0;
        ulong word = 0;
        while (!text.IsEmpty)
        {
            Rune.DecodeFromUtf8(text, out Rune rune, out int bytes);
            text = text[bytes..];
            bool alone = IsIdeographic(rune.Value);
            bool inside = !alone && Rune.IsLetterOrDigit(rune);
            if (inside) word = Mix(word + (ulong)Rune.ToLowerInvariant(rune).Value + 1);
            if (word != 0 && (!inside || text.IsEmpty))
            {
                Push(window, ref words, word, visit);
                word = 0;
            }

            if (alone) Push(window, ref words, Mix((ulong)rune.Value), visit);
        }
    }

    private static void Push(Span<ulong> window, ref long words, ulong word, Action<ulong> visit)
    {
        window[(int)(words++ % Length)] = word;
        if (words < Length) return;
        ulong hash = 0;
        for (int i = 0; i < Length; i++) hash = Mix(hash + window[(int)((words + i) % Length)]);
        visit(hash);
    }

    private static bool IsIdeographic(int value) => value is >= 0x3040 and <= 0x30ff or >= 0x3400 and <= 0x9fff or >= 0xf900 and <= 0xfaff or >= 0x20000 and <= 0x3ffff;

    /// <summary>SplitMix64's finaliser.</summary>
    private static ulong Mix(ulong word)
    {
        word += 0x9e3779b97f4a7c15;
        word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
        word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
        return word ^ (word >> 31);
    }
}
