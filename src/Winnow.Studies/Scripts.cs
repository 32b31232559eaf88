using System.Globalization;
using System.Text;

namespace Winnow.Studies;

/// <summary>
/// The script that most letters of a text are in: what can be said of its language without a model of languages. English and French
/// are one (Latin), Chinese and Japanese are told apart by kana.
/// </summary>
internal static class Scripts
{
    private const int Latin = 0, Han = 1, Kana = 2, Other = 10;

    private static readonly string[] Names = ["Latin", "Han", "Kana and Han", "Hangul", "Cyrillic", "Greek", "Arabic", "Hebrew", "Indic", "Thai", "other scripts"];

    // Blocks of Unicode by first and last code point; letters elsewhere count as others.
    private static readonly (int First, int Last, int Script)[] Blocks =
    [
        (0x41, 0x24f, Latin), (0x370, 0x3ff, 5), (0x400, 0x52f, 4), (0x590, 0x5ff, 7), (0x600, 0x77f, 6), (0x8a0, 0x8ff, 6), (0x900, 0xdff, 8), (0xe00, 0xe7f, 9),
        (0x1100, 0x11ff, 3), (0x1e00, 0x1eff, Latin), (0x1f00, 0x1fff, 5), (0x3005, 0x3007, Han), (0x3040, 0x30ff, Kana), (0x3130, 0x318f, 3), (0x3400, 0x9fff, Han), (0xac00, 0xd7af, 3),
        (0xf900, 0xfaff, Han), (0xfb50, 0xfdff, 6), (0xff21, 0xff5a, Latin), (0xff66, 0xff9f, Kana), (0x20000, 0x3ffff, Han),
    ];

    /// <summary>The script's name; <c>few letters</c> where more than two fifths of what is seen are digits, signs or broken text.</summary>
    internal static string Of(ReadOnlySpan<byte> text)
    {
        Span<int> letters = stackalloc int[Names.Length];
        int others = 0;
        while (!text.IsEmpty)
        {
            Rune.DecodeFromUtf8(text, out Rune rune, out int bytes);
            text = text[bytes..];
            if (Rune.IsLetter(rune)) letters[ScriptOf(rune.Value)]++;
            else if (Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark) && !Rune.IsWhiteSpace(rune)) others++;
        }

        int all = 0, most = 0;
        foreach (int count in letters) all += count;
        if (all == 0 || 3 * others > 2 * all) return "few letters";
        (letters[Han], int kana, letters[Kana]) = (letters[Han] + letters[Kana], letters[Kana], 0);
        for (int script = 1; script < letters.Length; script++) if (letters[script] > letters[most]) most = script;
        return Names[most == Han && 10 * kana >= letters[Han] ? Kana : most];
    }

    private static int ScriptOf(int value)
    {
        foreach ((int first, int last, int script) in Blocks) if (value >= first && value <= last) return script;
        return Other;
    }
}
