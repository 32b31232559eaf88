using System.CommandLine;
using Winnow.Cli.Infrastructure;

namespace Winnow.Cli.Commands;

/// <summary>The commands in the order in which the help lists them.</summary>
internal static class AllCommands
{
    /// <summary>Makes them all.</summary>
    internal static IEnumerable<Command> Create(Terminal terminal)
    {
        yield return ScoreCommand.Create(terminal);
        yield return BenchCommand.Create(terminal);
    }
}
