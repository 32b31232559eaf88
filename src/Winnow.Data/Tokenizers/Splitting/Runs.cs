using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Winnow.Data.Tokenizers;

/// <summary>Runs of characters of one class, for the hand-written forms of the known split patterns.</summary>
internal static class Runs
{
    public const byte Letter = (byte)CharacterClass.Letter;
    public const byte Number = (byte)CharacterClass.Number;
    public const byte Space = (byte)CharacterClass.Space;

    /// <summary>Classes of the ASCII characters; 0x80 for every byte of a longer character.</summary>
    public static ReadOnlySpan<byte> Ascii => AsciiClasses;

    private const byte Long = 0x80;
    private static readonly byte[] AsciiClasses = MakeAscii();

    /// <summary>Letter, number, space, or 0 for anything else.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte ClassAt(ReadOnlySpan<byte> text, int at, out int length)
    {
        byte kind = AsciiClasses[text[at]];
        if (kind != Long)
        {
            length = 1;
            return kind;
        }

        return LongClassAt(text, at, out length);
    }

    /// <summary>End of the run of letters that goes on at <paramref name="at"/>.</summary>
    public static int EndOfLetters(ReadOnlySpan<byte> text, int at)
    {
        while (true)
        {
            // Sixteen bytes at once: most words end within them.
            if (at + Vector128<byte>.Count <= text.Length)
            {
                Vector128<byte> bytes = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(text), (nuint)at);
                Vector128<byte> folded = (bytes | Vector128.Create((byte)0x20)) - Vector128.Create((byte)'a');
                uint others = ~Vector128.LessThan(folded, Vector128.Create((byte)26)).ExtractMostSignificantBits() & 0xFFFF;
                if (others == 0)
                {
                    at += Vector128<byte>.Count;
                    continue;
                }

                at += BitOperations.TrailingZeroCount(others);
                if (text[at] < 0x80) return at;
            }

            int start = at;
            while (at < text.Length && ClassAt(text, at, out int length) == Letter)
            {
                at += length;
                if (at < text.Length && text[at] < 0x80 && length > 1) break;
            }

            if (at == start || at == text.Length || AsciiClasses[text[at]] is not (Letter or Long)) return at;
        }
    }

    /// <summary>End of the run of numbers that goes on at <paramref name="at"/>, after at most <paramref name="most"/> of them.</summary>
    public static int EndOfNumbers(ReadOnlySpan<byte> text, int at, int most)
    {
        while (most-- > 0 && at < text.Length && ClassAt(text, at, out int length) == Number) at += length;
        return at;
    }

    /// <summary>End of the run of characters that are neither letter, number nor space.</summary>
    public static int EndOfOthers(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && ClassAt(text, at, out int length) == 0) at += length;
        return at;
    }

    /// <summary>End of the run of white space that goes on at <paramref name="at"/>.</summary>
    public static int EndOfSpaces(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && ClassAt(text, at, out int length) == Space) at += length;
        return at;
    }

    /// <summary>What <c>\s+(?!\S)|\s+</c> takes of a run of white space: all at the end of the text, else all but its last
    /// character, which belongs to what follows; but never nothing.</summary>
    public static int EndOfLooseSpaces(ReadOnlySpan<byte> text, int start, int end)
    {
        if (end == text.Length) return end;
        int last = Utf8.StartOfPrevious(text, end);
        return last > start ? last : end;
    }

    private static byte LongClassAt(ReadOnlySpan<byte> text, int at, out int length)
    {
        int codePoint = Utf8.Decode(text, at, out length);
        return (byte)((byte)UnicodeClass.Of(codePoint) & (Letter | Number | Space));
    }

    private static byte[] MakeAscii()
    {
        var classes = new byte[256];
        for (int i = 0; i < 256; i++)
            classes[i] = i < 0x80 ? (byte)((byte)UnicodeClass.Of(i) & (Letter | Number | Space)) : Long;
        return classes;
    }
}
