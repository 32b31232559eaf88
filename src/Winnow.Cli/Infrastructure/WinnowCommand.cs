using System.CommandLine;

namespace Winnow.Cli.Infrastructure;

/// <summary>A command that knows how to explain itself: its usage line, its options in groups, and examples that run.</summary>
internal sealed class WinnowCommand(string name, string summary, string usage = "") : Command(name, summary)
{
    private readonly List<(string Title, IReadOnlyList<Symbol> Symbols)> groups = [];

    /// <summary>What follows the command's name in its usage line.</summary>
    internal string Usage { get; } = usage;

    /// <summary>A few sentences under the summary; may be empty.</summary>
    internal string Details { get; init; } = "";

    /// <summary>Commands that a user can try.</summary>
    internal IReadOnlyList<string> Examples { get; init; } = [];

    /// <summary>Options and arguments in the order they are explained.</summary>
    internal IReadOnlyList<(string Title, IReadOnlyList<Symbol> Symbols)> Groups => groups;

    /// <summary>Adds options and arguments under a heading of the help page.</summary>
    internal WinnowCommand With(string title, params Symbol[] symbols)
    {
        groups.Add((title, symbols));
        foreach (Symbol symbol in symbols)
        {
            if (symbol is Option option) Options.Add(option);
            else if (symbol is Argument argument) Arguments.Add(argument);
        }
        return this;
    }
}
