using System.CommandLine;

namespace Winnow.Cli.Infrastructure;

/// <summary>Options that a command cannot do without, and places that must be free.</summary>
internal static class Demand
{
    /// <summary>The option's value, or an error that says what it is for.</summary>
    internal static T Of<T>(ParseResult parse, Option<T?> option) where T : class =>
        parse.GetValue(option) is { } value && value is not Array { Length: 0 } ? value
            : throw new RequestException(HelpPage.PathOf(parse.CommandResult.Command), $"`{option.Name} {option.HelpName}` is missing", Sentence(option.Description));

    /// <summary>The argument's value, or an error that says what it is for.</summary>
    internal static string Of(ParseResult parse, Argument<string?> argument) =>
        parse.GetValue(argument) ?? throw new RequestException(
            HelpPage.PathOf(parse.CommandResult.Command), $"`{argument.HelpName ?? argument.Name}` is missing", Sentence(argument.Description));

    /// <summary>Refuses an output directory that holds something, unless it may be overwritten.</summary>
    internal static void Free(string directory, bool force)
    {
        if (File.Exists(directory)) throw new RequestException(directory, "a file, not a directory", "name another directory");
        if (force || !Directory.Exists(directory) || !Directory.EnumerateFileSystemEntries(directory).Any()) return;
        throw new RequestException(directory, "the output directory exists and is not empty", "name another directory, or overwrite with `--force`");
    }

    private static string? Sentence(string? text) => text is { Length: > 0 } ? char.ToLowerInvariant(text[0]) + text[1..].Split(". ")[0].TrimEnd('.') : null;
}
