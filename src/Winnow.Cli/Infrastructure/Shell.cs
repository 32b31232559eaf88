namespace Winnow.Cli.Infrastructure;

/// <summary>Commands that a user can copy.</summary>
internal static class Shell
{
    /// <summary>The word as a POSIX shell takes it whole.</summary>
    internal static string Quote(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_' or '+' or '=' or ',' or ':' or '%' or '@')
            ? word
            : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
