using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>The escapes of JSON strings.</summary>
internal static class JsonEscape
{
    /// <summary>Reads the escape at the start; both halves of a surrogate pair together.</summary>
    /// <param name="s">Starts with a backslash.</param>
    /// <param name="rune">The character; −1 for half of a surrogate pair.</param>
    /// <returns>Bytes read; 0 when this is no escape.</returns>
    internal static int Read(ReadOnlySpan<byte> s, out int rune)
    {
        rune = 0;
        if (s.Length < 2) return 0;
        switch (s[1])
        {
            case (byte)'n': rune = '\n'; return 2;
            case (byte)'"': rune = '"'; return 2;
            case (byte)'\\': rune = '\\'; return 2;
            case (byte)'/': rune = '/'; return 2;
            case (byte)'t': rune = '\t'; return 2;
            case (byte)'r': rune = '\r'; return 2;
            case (byte)'b': rune = '\b'; return 2;
            case (byte)'f': rune = '\f'; return 2;
            case (byte)'u': break;
            default: return 0;
        }
        int high = Hex(s);
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

    /// <summary>Bytes of a character in UTF-8; half of a pair counts as the replacement character.</summary>
    internal static int Utf8Length(int rune) => rune < 0 ? 3 : rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;

    /// <summary>Unescapes a string that was read before.</summary>
    /// <param name="raw">Without quotes.</param>
    /// <param name="text">Exactly as long as the result.</param>
    internal static void Unescape(ReadOnlySpan<byte> raw, Span<byte> text)
    {
        while (true)
        {
            int run = raw.IndexOf((byte)'\\');
            if (run < 0) break;
            raw[..run].CopyTo(text);
            text = text[run..];
            raw = raw[run..];
            int length = Read(raw, out int rune);
            raw = raw[length..];
            if ((uint)rune < 0x80)
            {
                text[0] = (byte)rune;
                text = text[1..];
            }
            else
            {
                text = text[(rune < 0 ? Rune.ReplacementChar : new Rune(rune)).EncodeToUtf8(text)..];
            }
        }
        raw.CopyTo(text);
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
