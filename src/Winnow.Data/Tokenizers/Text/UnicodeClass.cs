using System.Globalization;

namespace Winnow.Data.Tokenizers;

/// <summary>What the split patterns ask of a character: \p{L}, \p{N}, \s, and the punctuation of \p{P}.</summary>
[Flags]
internal enum CharacterClass : byte
{
    None = 0,
    Letter = 1,
    Number = 2,
    Space = 4,
    Punctuation = 8,
    Mark = 16,
    DecimalNumber = 32,
    ConnectorPunctuation = 64,
}

/// <summary>Character classes by code point, in a two-stage table of 256-character pages made at start-up.</summary>
internal static class UnicodeClass
{
    private const int Pages = 0x110000 >> 8;

    private static readonly byte[] Classes = Build(out PageStarts);

    /// <summary>For each page of 256 code points, where its classes start in <see cref="Classes"/>.</summary>
    private static readonly int[] PageStarts;

    /// <summary>The classes of a code point.</summary>
    public static CharacterClass Of(int codePoint) => (CharacterClass)Classes[PageStarts[codePoint >> 8] + (codePoint & 0xFF)];

    private static byte[] Build(out int[] pageStarts)
    {
        pageStarts = new int[Pages];
        var pages = new List<byte[]>();
        var known = new Dictionary<UInt128, int>();
        for (int page = 0; page < Pages; page++)
        {
            // Planes 4 to 13 are unassigned: they share one page of zeros, whatever came first.
            byte[] classes = page is > 0x3FF and < 0xE00 ? new byte[256] : ClassesOf(page << 8);
            UInt128 hash = 0;
            foreach (byte value in classes)
            {
                hash = unchecked((hash * 0x9E3779B97F4A7C15UL) + value + 1);
            }

            if (!known.TryGetValue(hash, out int index) || !pages[index].AsSpan().SequenceEqual(classes))
            {
                index = pages.Count;
                known[hash] = index;
                pages.Add(classes);
            }

            pageStarts[page] = index << 8;
        }

        return [.. pages.SelectMany(page => page)];
    }

    private static byte[] ClassesOf(int first)
    {
        var classes = new byte[256];
        for (int i = 0; i < 256; i++)
        {
            classes[i] = (byte)(ClassOf(CharUnicodeInfo.GetUnicodeCategory(first + i)) | (IsSpace(first + i) ? CharacterClass.Space : 0));
        }

        return classes;
    }

    private static CharacterClass ClassOf(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => CharacterClass.Letter,
        UnicodeCategory.DecimalDigitNumber => CharacterClass.Number | CharacterClass.DecimalNumber,
        UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharacterClass.Number,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => CharacterClass.Mark,
        UnicodeCategory.ConnectorPunctuation => CharacterClass.Punctuation | CharacterClass.ConnectorPunctuation,
        UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation or UnicodeCategory.ClosePunctuation
            or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation
            or UnicodeCategory.OtherPunctuation => CharacterClass.Punctuation,
        _ => CharacterClass.None,
    };

    /// <summary>The White_Space property, which is what \s means to Oniguruma and to Rust.</summary>
    private static bool IsSpace(int c) => c
        is (>= 9 and <= 13) or 0x20 or 0x85 or 0xA0 or 0x1680 or (>= 0x2000 and <= 0x200A) or 0x2028 or 0x2029 or 0x202F or 0x205F or 0x3000;
}
