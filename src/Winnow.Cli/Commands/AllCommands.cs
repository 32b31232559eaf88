using System.CommandLine;
using Winnow.Cli.Infrastructure;

namespace Winnow.Cli.Commands;

/// <summary>The commands in the order in which the help lists them.</summary>
internal static class AllCommands
{
    /// <summary>Makes them all.</summary>
    internal static IEnumerable<Command> Create(Terminal terminal)
    {
        yield return DemoCommand.Create(terminal);
        yield return PruneCommand.Create(terminal);
        yield return ScoreCommand.Create(terminal);
        yield return ScoresCommand.Create(terminal);
        yield return SelectCommand.Create(terminal);
        yield return ExportCommand.Create(terminal);
        yield return TrainCommand.Create(terminal);
        yield return EvalCommand.Create(terminal);
        yield return GlueCommand.Create(terminal);
        yield return StudyCommand.Create(terminal);
        yield return TokenizerCommand.Create(terminal);
        yield return ModelCommand.Create(terminal);
        yield return ReportCommand.Create(terminal);
        yield return BenchCommand.Create(terminal);
        yield return RunCommand.Create(terminal);
        yield return WorkerCommand.Create(terminal);
    }
}
