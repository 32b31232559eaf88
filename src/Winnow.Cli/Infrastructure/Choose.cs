using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Winnow.Data;
using Winnow.Data.Tokenizers;

namespace Winnow.Cli.Infrastructure;

/// <summary>Makes options and arguments whose mistakes are said in this program's own words.</summary>
internal static class Choose
{
    /// <summary>Marks an error message that is already <c>place: found</c>, with a hint after a line feed.</summary>
    internal const char Own = '\u0001';

    /// <summary>An option that is on or off.</summary>
    internal static Option<bool> Flag(string name, string help) => new(name) { Description = help, Arity = ArgumentArity.Zero };

    /// <summary>An option with a text; <paramref name="among"/> limits what it may be.</summary>
    internal static Option<string?> Text(string name, string value, string help, params string[] among)
    {
        var option = new Option<string?>(name) { Description = help, HelpName = value };
        option.CustomParser = result => Among(result, name, among);
        return option;
    }

    /// <summary>An option with a text out of a few, which may be left out: then it is <paramref name="otherwise"/>.</summary>
    internal static Option<string?> TextOr(string name, string value, string help, string otherwise, params string[] among)
    {
        var option = new Option<string?>(name) { Description = help, HelpName = value, Arity = ArgumentArity.ZeroOrOne };
        option.CustomParser = result => result.Tokens.Count == 0 ? otherwise : Among(result, name, among);
        return option;
    }

    /// <summary>The option that says what special tokens written out in a text become.</summary>
    internal static Option<string?> SpecialInText() => Text(
        "--special-in-text", "RULE", "Special tokens written out in a text: match them, or take them as literal text. Default: match.", "match", "literal");

    /// <summary>What <see cref="SpecialInText()"/> was given.</summary>
    internal static SpecialInText SpecialInText(ParseResult parse, Option<string?> option) =>
        parse.GetValue(option) == "literal" ? Data.Tokenizers.SpecialInText.Literal : Data.Tokenizers.SpecialInText.Match;

    /// <summary>An option with a text that may be given more than once.</summary>
    internal static Option<string[]> Many(string name, string value, string help) =>
        new(name) { Description = help, HelpName = value, Arity = ArgumentArity.OneOrMore, DefaultValueFactory = _ => [] };

    /// <summary>An option with comma-separated names out of a set.</summary>
    internal static Option<string[]?> List(string name, string value, string help, params string[] among)
    {
        var option = new Option<string[]?>(name) { Description = help, HelpName = value };
        option.CustomParser = result =>
        {
            string[] parts = result.Tokens[0].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (parts.Length == 0) return Wrong<string[]>(result, name, "empty; expected names separated by commas");
            foreach (string part in parts)
            {
                if (among.Length > 0 && !among.Contains(part, StringComparer.Ordinal)) return Wrong<string[]>(result, name, NotAmong(part, among), Nearest(part, among));
            }
            return parts;
        };
        return option;
    }

    /// <summary>An option with a whole number of at least <paramref name="least"/>; <c>k</c>, <c>M</c>, <c>G</c> and <c>T</c> multiply.</summary>
    internal static Option<long?> Whole(string name, string help, long least = 1, string value = "N", long most = long.MaxValue)
    {
        var option = new Option<long?>(name) { Description = help, HelpName = value };
        option.CustomParser = result => ParseWhole(result.Tokens[0].Value) is not { } number
            ? Wrong<long?>(result, name, $"`{result.Tokens[0].Value}` is not a whole number", "for example `512`, `20k` or `1.5M`")
            : number < least ? Wrong<long?>(result, name, $"{number} is too small; expected at least {least}")
            : number > most ? Wrong<long?>(result, name, $"{number} is too large; expected at most {most}")
            : number;
        return option;
    }

    /// <summary>An option with a number in a range.</summary>
    internal static Option<double?> Number(string name, string value, string help, double least, double most)
    {
        var option = new Option<double?>(name) { Description = help, HelpName = value };
        option.CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) || !double.IsFinite(number))
                return Wrong<double?>(result, name, $"`{text}` is not a number");
            return number < least || number > most
                ? Wrong<double?>(result, name, string.Create(CultureInfo.InvariantCulture, $"{number} is outside [{least}, {most}]"))
                : number;
        };
        return option;
    }

    /// <summary>A list option's names, or null where it was not given: the parser's own answer is then an empty list.</summary>
    internal static string[]? Given(ParseResult parse, Option<string[]?> option) => parse.GetValue(option) is { Length: > 0 } names ? names : null;

    /// <summary>Reads an option's text with a library's own parser, whose complaint then names the option.</summary>
    internal static T Read<T>(string name, Func<T> parse)
    {
        try
        {
            return parse();
        }
        catch (CorpusException wrong)
        {
            throw new RequestException(name, wrong.Found, wrong.Hint);
        }
    }

    /// <summary>The inputs of a command: files, directories, globs or <c>-</c>.</summary>
    internal static Argument<string[]> Inputs() => new("INPUT")
    {
        HelpName = "INPUT…",
        Description = "Files, directories, globs or `s3://bucket/prefix`; `-` is stdin.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    /// <summary>One place: a directory or a file.</summary>
    internal static Argument<string?> Place(string name, string help) => new(name) { Description = help, Arity = ArgumentArity.ZeroOrOne };

    /// <summary>A whole number with an optional multiplier, or null.</summary>
    internal static long? ParseWhole(string text)
    {
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        double factor = digits.Length == 0 ? 1 : digits[^1] switch { 'k' or 'K' => 1e3, 'M' or 'm' => 1e6, 'G' or 'B' => 1e9, 'T' => 1e12, _ => 1 };
        if (factor == 1) return long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long plain) ? plain : null;
        if (!decimal.TryParse(digits[..^1], NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out decimal many)) return null;
        decimal product = many * (decimal)factor;
        return product == decimal.Truncate(product) && Math.Abs(product) < long.MaxValue ? (long)product : null;
    }

    private static string? Among(ArgumentResult result, string name, string[] among)
    {
        string text = result.Tokens[0].Value;
        if (among.Length == 0 || among.Contains(text, StringComparer.Ordinal)) return text;
        return Wrong<string?>(result, name, NotAmong(text, among), Nearest(text, among));
    }

    private static string NotAmong(string text, string[] among) => $"`{text}` is not known; expected {string.Join(", ", among.Select(a => $"`{a}`"))}";

    private static string? Nearest(string text, string[] among) => Spelling.Nearest(text, among) is { } near ? $"did you mean `{near}`?" : null;

    private static T? Wrong<T>(ArgumentResult result, string name, string found, string? hint = null)
    {
        result.AddError($"{Own}{name}: {found}\n{hint}");
        return default;
    }
}
