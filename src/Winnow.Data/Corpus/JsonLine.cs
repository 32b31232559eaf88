using System.Globalization;

namespace Winnow.Data.Corpus;

/// <summary>
/// Checks that a line is one JSON object (RFC 8259, in valid UTF-8) and notes where the wanted fields are, in one pass and without
/// making objects of the rest.
/// </summary>
internal sealed class JsonLine(JsonFields fields)
{
    private const int MaxDepth = 512;

    private readonly JsonValue[] _values = new JsonValue[fields.Count];

    /// <summary>What the last line has for a field.</summary>
    internal JsonValue this[int field] => _values[field];

    /// <summary>Why the last line was refused.</summary>
    internal string? Error { get; private set; }

    /// <summary>Reads a line; false, with <see cref="Error"/>, when it is not a JSON object.</summary>
    internal bool Parse(ReadOnlySpan<byte> line)
    {
        Array.Clear(_values);
        Error = null;
        int at = SkipSpace(line, 0);
        if (at >= line.Length) return Fail("nothing but white space", at) >= 0;
        if (line[at] != '{') return Fail(line[at] == '[' ? "a JSON array; expected one JSON object a line" : "not JSON; expected one JSON object a line", at) >= 0;
        at = Properties(line, at + 1, 0, fields.All);
        if (at < 0) return false;
        at = SkipSpace(line, at);
        if (at < line.Length) return Fail("something follows the JSON object", at) >= 0;
        if (Utf8Check.IsValid(line)) return true;
        return Fail("invalid UTF-8", Utf8Check.FirstInvalid(line)) >= 0;
    }

    private int Properties(ReadOnlySpan<byte> s, int at, int depth, uint wanted)
    {
        if (depth == MaxDepth) return Fail("nested too deeply", at);
        at = SkipSpace(s, at);
        if (at < s.Length && s[at] == '}') return at + 1;
        while (true)
        {
            if (at >= s.Length || s[at] != '"') return Fail("not JSON: expected a property name in quotes", at);
            int key = at + 1;
            at = String(s, key, out JsonValue name);
            if (at < 0) return at;
            at = SkipSpace(s, at);
            if (at >= s.Length || s[at] != ':') return Fail("not JSON: expected `:`", at);
            uint below = 0;
            int field = wanted == 0 ? -1 : Match(s, name, depth, wanted, out below);
            at = SkipSpace(s, at + 1);
            at = Value(s, at, depth + 1, below, out JsonValue value);
            if (at < 0) return at;
            if (field >= 0)
            {
                if (_values[field].Kind != JsonKind.Missing)
                    return Fail($"property `{System.Text.Encoding.UTF8.GetString(s.Slice(name.Start, name.Length))}` appears twice", key);
                _values[field] = value;
            }
            at = SkipSpace(s, at);
            if (at >= s.Length) return Fail("not JSON: the line ends inside an object", at);
            if (s[at] == '}') return at + 1;
            if (s[at] != ',') return Fail("not JSON: expected `,` or `}`", at);
            at = SkipSpace(s, at + 1);
        }
    }

    private int Elements(ReadOnlySpan<byte> s, int at, int depth)
    {
        if (depth == MaxDepth) return Fail("nested too deeply", at);
        at = SkipSpace(s, at);
        if (at < s.Length && s[at] == ']') return at + 1;
        while (true)
        {
            at = Value(s, at, depth + 1, 0, out _);
            if (at < 0) return at;
            at = SkipSpace(s, at);
            if (at >= s.Length) return Fail("not JSON: the line ends inside an array", at);
            if (s[at] == ']') return at + 1;
            if (s[at] != ',') return Fail("not JSON: expected `,` or `]`", at);
            at = SkipSpace(s, at + 1);
        }
    }

    private int Value(ReadOnlySpan<byte> s, int at, int depth, uint wanted, out JsonValue value)
    {
        value = default;
        if (at >= s.Length) return Fail("not JSON: the line ends where a value is expected", at);
        int start = at;
        switch (s[at])
        {
            case (byte)'"':
                return String(s, at + 1, out value);
            case (byte)'{':
                value = new JsonValue(JsonKind.Object, start, 0, 0, false);
                return Properties(s, at + 1, depth, wanted);
            case (byte)'[':
                value = new JsonValue(JsonKind.Array, start, 0, 0, false);
                return Elements(s, at + 1, depth);
            case (byte)'t':
                value = new JsonValue(JsonKind.Boolean, start, 4, 4, false);
                return Literal(s, at, "true"u8);
            case (byte)'f':
                value = new JsonValue(JsonKind.Boolean, start, 5, 5, false);
                return Literal(s, at, "false"u8);
            case (byte)'n':
                value = new JsonValue(JsonKind.Null, start, 4, 4, false);
                return Literal(s, at, "null"u8);
            default:
                at = Number(s, at);
                value = new JsonValue(JsonKind.Number, start, at - start, at - start, false);
                return at;
        }
    }

    private int Literal(ReadOnlySpan<byte> s, int at, ReadOnlySpan<byte> word) =>
        s[at..].StartsWith(word) ? at + word.Length : Fail("not JSON: unknown value", at);

    private int Number(ReadOnlySpan<byte> s, int at)
    {
        int start = at;
        if (at < s.Length && s[at] == '-') at++;
        int whole = Digits(s, at);
        if (whole == at || (s[at] == '0' && whole > at + 1)) return Fail("not JSON: unknown value", start);
        at = whole;
        if (at < s.Length && s[at] == '.')
        {
            int fraction = Digits(s, at + 1);
            if (fraction == at + 1) return Fail("not JSON: a number without digits after its point", start);
            at = fraction;
        }
        if (at < s.Length && (s[at] | 0x20) == 'e')
        {
            at++;
            if (at < s.Length && s[at] is (byte)'+' or (byte)'-') at++;
            int exponent = Digits(s, at);
            if (exponent == at) return Fail("not JSON: a number without digits in its exponent", start);
            at = exponent;
        }
        return at;
    }

    private static int Digits(ReadOnlySpan<byte> s, int at)
    {
        while (at < s.Length && (uint)(s[at] - '0') <= 9) at++;
        return at;
    }

    /// <summary>Reads a string from after its opening quote.</summary>
    private int String(ReadOnlySpan<byte> s, int at, out JsonValue value)
    {
        int start = at;
        int saved = 0;             // bytes that unescaping takes away
        bool lone = false;
        value = default;
        while (true)
        {
            int run = JsonEscape.IndexOfStop(s[at..]);
            if (run < 0) return Fail("not JSON: the line ends inside a string", s.Length);
            at += run;
            if (s[at] == '"')
            {
                value = new JsonValue(JsonKind.String, start, at - start, at - start - saved, lone);
                return at + 1;
            }
            if (s[at] != '\\') return Fail("not JSON: a control character inside a string", at);
            int length = JsonEscape.Read(s[at..], out int rune);
            if (length == 0) return Fail("not JSON: unknown escape in a string", at);
            lone |= rune < 0;
            saved += length - JsonEscape.Utf8Length(rune);
            at += length;
        }
    }

    private int Match(ReadOnlySpan<byte> s, JsonValue name, int depth, uint wanted, out uint below)
    {
        ReadOnlySpan<byte> raw = s.Slice(name.Start, name.Length);
        if (name.TextLength == name.Length) return fields.Match(raw, depth, wanted, out below);
        byte[] key = new byte[name.TextLength];
        JsonEscape.Unescape(raw, key);
        return fields.Match(key, depth, wanted, out below);
    }

    private static int SkipSpace(ReadOnlySpan<byte> s, int at)
    {
        while (at < s.Length && s[at] <= ' ' && s[at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') at++;
        return at;
    }

    private int Fail(string why, int at)
    {
        Error = string.Create(CultureInfo.InvariantCulture, $"{why} (byte {at + 1} of the line)");
        return -1;
    }
}
