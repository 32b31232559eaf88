using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Winnow.Data.Tokenizers;

/// <summary>Turns a pattern written for Oniguruma into one for .NET that means the same, or refuses it by name.</summary>
/// <remarks>
/// .NET matches UTF-16 units, so text is given to it with every character outside the basic plane replaced by a stand-in of the
/// same category (<see cref="StandIns"/>); a pattern that names such characters, or scripts, is refused. Where case is ignored,
/// .NET leaves out U+017F (s) and U+212A (k), so they are written out.
/// </remarks>
internal sealed class RegexTranslator
{
    private static readonly HashSet<string> Categories = new(StringComparer.Ordinal)
    {
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co",
    };

    private const string SpaceSet = @"\t-\r\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000";

    private readonly string _pattern;
    private readonly string _place;
    private readonly StringBuilder _output = new();
    private int _at;
    private int _lastAtom = -1;

    private RegexTranslator(string pattern, string place)
    {
        _pattern = pattern;
        _place = place;
    }

    /// <summary>The .NET form of a pattern.</summary>
    /// <exception cref="TokenizerException">It uses something that has no exact .NET form.</exception>
    public static Regex Translate(string pattern, string place)
    {
        var translator = new RegexTranslator(pattern, place);
        translator.Alternatives(ignoresCase: false, depth: 0);
        if (translator._at < pattern.Length) throw translator.Refuse("an unmatched `)`");
        try
        {
            return new Regex(translator._output.ToString(), RegexOptions.CultureInvariant | RegexOptions.Compiled);
        }
        catch (ArgumentException e)
        {
            throw translator.Refuse(e.Message);
        }
    }

    private TokenizerException Refuse(string what) => new(
        _place,
        $"pattern `{_pattern}` uses {what}, which Winnow does not translate",
        "the tokenizer is refused rather than read differently; report its pattern");

    private void Alternatives(bool ignoresCase, int depth)
    {
        if (depth > 100) throw Refuse("groups more than 100 deep");
        while (_at < _pattern.Length && _pattern[_at] != ')')
        {
            if (_pattern[_at] == '|')
            {
                _at++;
                _lastAtom = -1;
                _output.Append('|');
                continue;
            }

            Element(ref ignoresCase, depth);
        }
    }

    private void Element(ref bool ignoresCase, int depth)
    {
        char c = _pattern[_at];
        switch (c)
        {
            case '(':
                Group(ref ignoresCase, depth);
                break;
            case '[':
                StartAtom();
                Set(ignoresCase);
                break;
            case '?' or '*' or '+' or '{':
                Quantifier();
                break;
            case '\\':
                StartAtom();
                _output.Append(Escape(inSet: false));
                break;
            case '.':
                throw Refuse("`.`");
            case '^' or '$':
                throw Refuse($"the anchor `{c}`");
            default:
                StartAtom();
                _at++;
                Literal(c, ignoresCase, inSet: false);
                break;
        }
    }

    private void StartAtom() => _lastAtom = _output.Length;

    private void Group(ref bool ignoresCase, int depth)
    {
        int start = _output.Length;
        string rest = _pattern[_at..];
        string? opening = Array.Find(["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"], o => rest.StartsWith(o, StringComparison.Ordinal));
        bool inner = ignoresCase;
        if (opening is null && rest.StartsWith("(?i:", StringComparison.Ordinal))
        {
            (opening, inner) = ("(?:", true);
            _at++;
        }
        else if (opening is null && rest.StartsWith("(?i)", StringComparison.Ordinal))
        {
            ignoresCase = true;
            _at += 4;
            return;
        }
        else if (opening is null && rest.StartsWith("(?", StringComparison.Ordinal))
        {
            throw Refuse($"the group `{rest[..Math.Min(4, rest.Length)]}`");
        }

        _at += opening?.Length ?? 1;
        _output.Append(opening ?? "(?:");
        Alternatives(inner, depth + 1);
        if (_at >= _pattern.Length) throw Refuse("an unclosed group");
        _at++;
        _output.Append(')');
        _lastAtom = start;
    }

    private void Quantifier()
    {
        if (_lastAtom < 0) throw Refuse("a quantifier with nothing before it");
        int start = _at;
        if (_pattern[_at] == '{')
        {
            int close = _pattern.IndexOf('}', _at);
            string inside = close < 0 ? "" : _pattern[(_at + 1)..close];
            bool counts = inside.Length > 0 && char.IsAsciiDigit(inside[0]) && inside.All(c => char.IsAsciiDigit(c) || c == ',')
                && inside.Count(c => c == ',') <= 1;
            if (!counts) throw Refuse("an unusual `{`");
            _at = close + 1;
            if (_at < _pattern.Length && _pattern[_at] is '+' or '?') throw Refuse("`{…}` with a second quantifier");
            _output.Append(_pattern, start, _at - start);
            _lastAtom = -1;
            return;
        }

        _at++;
        _output.Append(_pattern[start]);
        if (_at < _pattern.Length && _pattern[_at] == '?')
        {
            _at++;
            _output.Append('?');
        }
        else if (_at < _pattern.Length && _pattern[_at] == '+')
        {
            _at++;
            _output.Insert(_lastAtom, "(?>").Append(')');
        }

        _lastAtom = -1;
        if (_at < _pattern.Length && _pattern[_at] is '?' or '*' or '+' or '{') throw Refuse("a quantifier after a quantifier");
    }

    private void Set(bool ignoresCase)
    {
        _output.Append('[');
        _at++;
        if (_at < _pattern.Length && _pattern[_at] == '^')
        {
            _at++;
            _output.Append('^');
        }

        bool first = true;
        while (true)
        {
            if (_at >= _pattern.Length) throw Refuse("an unclosed `[`");
            char c = _pattern[_at];
            if (c == ']' && !first) break;
            if (c == '[') throw Refuse("a set inside a set");
            if (c == '&' && _at + 1 < _pattern.Length && _pattern[_at + 1] == '&') throw Refuse("`&&`");
            first = false;
            bool isRange = _at + 2 < _pattern.Length && _pattern[_at + 1] == '-' && _pattern[_at + 2] != ']';
            if (c == '\\')
            {
                _output.Append(Escape(inSet: true));
            }
            else
            {
                _at++;
                if (isRange && ignoresCase) throw Refuse("a range where case is ignored");
                Literal(c, ignoresCase, inSet: true);
            }

            if (_at < _pattern.Length - 1 && _pattern[_at] == '-' && _pattern[_at + 1] != ']')
            {
                _at++;
                _output.Append('-');
                if (_pattern[_at] == '[') throw Refuse("a set inside a set");
            }
        }

        _at++;
        _output.Append(']');
    }

    /// <summary>The .NET form of the escape at the cursor, which moves past it.</summary>
    private string Escape(bool inSet)
    {
        if (_at + 1 >= _pattern.Length) throw Refuse("a `\\` at the end");
        char c = _pattern[_at + 1];
        _at += 2;
        switch (c)
        {
            case 's':
                return inSet ? SpaceSet : $"[{SpaceSet}]";
            case 'S' when !inSet:
                return $"[^{SpaceSet}]";
            case 'd':
                return @"\p{Nd}";
            case 'D':
                return @"\P{Nd}";
            case 'r' or 'n' or 't' or 'f' or 'v':
                return "\\" + c;
            case 'p' or 'P':
                return Property(c);
            case 'u':
                return UnicodeEscape();
            default:
                if (char.IsAsciiLetterOrDigit(c) || c > 0x7F) throw Refuse($"`\\{c}`");
                return Regex.Escape(c.ToString()) is { Length: 2 } escaped ? escaped : inSet ? "\\" + c : c.ToString();
        }
    }

    private string Property(char letter)
    {
        int close = _at < _pattern.Length && _pattern[_at] == '{' ? _pattern.IndexOf('}', _at) : -1;
        string name = close < 0 ? "" : _pattern[(_at + 1)..close];
        if (!Categories.Contains(name)) throw Refuse($"`\\{letter}{{{name}}}`");
        _at = close + 1;
        return $"\\{letter}{{{name}}}";
    }

    private string UnicodeEscape()
    {
        if (_at + 4 > _pattern.Length
            || !ushort.TryParse(_pattern.AsSpan(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort value)
            || char.IsSurrogate((char)value))
        {
            throw Refuse("an unusual `\\u`");
        }

        _at += 4;
        return $"\\u{value:X4}";
    }

    private void Literal(char c, bool ignoresCase, bool inSet)
    {
        if (char.IsSurrogate(c)) throw Refuse("a character outside the basic plane");
        if (StandIns.All.Contains(c)) throw Refuse($"U+{(int)c:X4}, which Winnow needs as a stand-in");
        string written = inSet && c is '-' or '[' or '^' or ']' or '\\' ? "\\" + c : inSet ? c.ToString() : Regex.Escape(c.ToString());
        if (ignoresCase && char.IsLetter(c))
        {
            if (!char.IsAsciiLetter(c)) throw Refuse($"`{c}` where case is ignored");
            string either = $"{char.ToLowerInvariant(c)}{char.ToUpperInvariant(c)}" + char.ToLowerInvariant(c) switch
            {
                's' => "\u017F",
                'k' => "\u212A",
                _ => "",
            };
            written = inSet ? either : $"[{either}]";
        }

        _output.Append(written);
    }
}

/// <summary>For each category a character of the basic plane that stands in for those outside it.</summary>
internal static class StandIns
{
    private static readonly char[] ByCategory = Make();

    /// <summary>All stand-ins.</summary>
    public static IReadOnlySet<char> All { get; } = new HashSet<char>(ByCategory);

    /// <summary>A character of the basic plane with the category of <paramref name="codePoint"/>.</summary>
    public static char For(int codePoint) => ByCategory[(int)CharUnicodeInfo.GetUnicodeCategory(codePoint)];

    private static char[] Make()
    {
        // Rarely used characters, so that no pattern is likely to name one of them: the last of each category in the plane.
        var stands = new char[30];
        for (int c = 0; c < 0x10000; c++)
        {
            if (!char.IsSurrogate((char)c) && c is not ((>= 0xFF00 and <= 0xFFEF) or (>= 0x4E00 and <= 0x9FFF)))
                stands[(int)CharUnicodeInfo.GetUnicodeCategory(c)] = (char)c;
        }

        return stands;
    }
}
