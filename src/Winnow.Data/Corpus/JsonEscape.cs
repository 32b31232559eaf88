using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>The escapes of JSON strings.</summary>
internal static class JsonEscape
{
    private const int Block = 32;      // Vector256<byte>.Count

    /// <summary>What stands behind the backslash of an escape of two bytes, and the character that it means.</summary>
    private static readonly byte[] s_short = Shorts("\"\\/bfnrt"u8, "\"\\/\b\f\n\r\t"u8);

    /// <summary>Reads the escape at the start; both halves of a surrogate pair together.</summary>
    /// <param name="s">Starts with a backslash.</param>
    /// <param name="rune">The character; −1 for half of a surrogate pair.</param>
    /// <returns>Bytes read; 0 when this is no escape.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Read(ReadOnlySpan<byte> s, out int rune)
    {
        rune = s.Length < 2 ? 0 : s_short[s[1]];
        return rune != 0 ? 2 : ReadHex(s, out rune);
    }

    /// <summary>Bytes of a character in UTF-8; half of a pair counts as the replacement character.</summary>
    internal static int Utf8Length(int rune) => rune < 0 ? 3 : rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;

    /// <summary>Index of the first quote, backslash or control character; negative when there is none.</summary>
    // This and unescaping are what reading JSON spends its time in: optimized at the first call, without the slow tiers in between.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int IndexOfStop(ReadOnlySpan<byte> s)
    {
        ref byte start = ref MemoryMarshal.GetReference(s);
        int at = 0;
        for (; at <= s.Length - Block; at += Block)
        {
            uint stops = Stops(Vector256.LoadUnsafe(ref start, (nuint)at));
            if (stops != 0) return at + BitOperations.TrailingZeroCount(stops);
        }
        for (; at < s.Length; at++)
            if (s[at] is (byte)'"' or (byte)'\\' or < (byte)' ') return at;
        return -1;
    }

    /// <summary>Unescapes a string that was read before.</summary>
    /// <param name="raw">Without quotes.</param>
    /// <param name="text">Exactly as long as the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Unescape(ReadOnlySpan<byte> raw, Span<byte> text)
    {
        int from = 0, to = 0;
        while (from < raw.Length)
        {
            // Whole blocks are copied, and what stands behind a backslash is written over.
            if (raw.Length - from >= Block && text.Length - to >= Block)
            {
                Vector256<byte> block = Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(raw), (nuint)from);
                block.StoreUnsafe(ref MemoryMarshal.GetReference(text), (nuint)to);
                uint escapes = Vector256.Equals(block, Vector256.Create((byte)'\\')).ExtractMostSignificantBits();
                int plain = escapes == 0 ? Block : BitOperations.TrailingZeroCount(escapes);
                from += plain;
                to += plain;
                if (escapes == 0) continue;
            }
            else if (raw[from] != '\\')
            {
                text[to++] = raw[from++];
                continue;
            }
            from += Read(raw[from..], out int rune);
            if ((uint)rune < 0x80) text[to++] = (byte)rune;
            else to += (rune < 0 ? Rune.ReplacementChar : new Rune(rune)).EncodeToUtf8(text[to..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Stops(Vector256<byte> block) =>
        (Vector256.Equals(block, Vector256.Create((byte)'"')) | Vector256.Equals(block, Vector256.Create((byte)'\\')) | Vector256.LessThan(block, Vector256.Create((byte)' ')))
        .ExtractMostSignificantBits();

    private static int ReadHex(ReadOnlySpan<byte> s, out int rune)
    {
        rune = 0;
        int high = s.Length > 1 && s[1] == 'u' ? Hex(s) : -1;
        if (high < 0) return 0;
        rune = high;
        if (high is < 0xD800 or > 0xDFFF) return 6;
        rune = -1;
        if (high > 0xDBFF) return 6;
        int low = s.Length >= 12 && s[6] == '\\' && s[7] == 'u' ? Hex(s[6..]) : -1;
        if (low is < 0xDC00 or > 0xDFFF) return 6;
        rune = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        return 12;
    }

    private static byte[] Shorts(ReadOnlySpan<byte> names, ReadOnlySpan<byte> characters)
    {
        byte[] table = new byte[256];
        for (int i = 0; i < names.Length; i++) table[names[i]] = characters[i];
        return table;
    }

    private static int Hex(ReadOnlySpan<byte> s)
    {
        if (s.Length < 6) return -1;
        int value = 0;
        for (int i = 2; i < 6; i++)
        {
            int digit = s[i] switch
            {
                >= (byte)'0' and <= (byte)'9' => s[i] - '0',
                >= (byte)'a' and <= (byte)'f' => s[i] - 'a' + 10,
                >= (byte)'A' and <= (byte)'F' => s[i] - 'A' + 10,
                _ => -1,
            };
            if (digit < 0) return -1;
            value = (value << 4) | digit;
        }
        return value;
    }
}
