namespace Winnow.Cli.Infrastructure;

/// <summary>The request itself is wrong: an option, an argument, or a place it names.</summary>
/// <param name="place">The option, argument or path.</param>
/// <param name="found">What was found and what was expected; lower case, names in backticks.</param>
/// <param name="hint">What to do about it.</param>
internal sealed class RequestException(string place, string found, string? hint = null)
    : Exception(place.Length == 0 ? found : $"{place}: {found}")
{
    /// <summary>What to do about it, or null.</summary>
    internal string? Hint { get; } = hint;
}
