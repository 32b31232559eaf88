using System.CommandLine;
using Winnow.Cli.Infrastructure;
using Winnow.Studies;
using Winnow.Studies.Execution;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow report</c>: one self-contained HTML file about a run.</summary>
internal static class ReportCommand
{
    internal static Command Create(Terminal terminal)
    {
        Argument<string?> directory = Choose.Place("DIR", "Directory that `winnow prune`, `winnow demo`, `winnow score` or `winnow study` made.");
        Option<string?> selection = Choose.Text("--selection", "SELECTION", "Directory that `winnow select` made. Default: `selection/` in or beside DIR, if there.");
        Option<string?> metric = Choose.Text("--metric", "M", "The score that the pictures show. Default: the selection's, or perplexity.");
        Option<string?> file = Choose.Text("-o", "FILE", "Where to. Default: `report.html` in DIR.");
        WinnowCommand command = new WinnowCommand("report", "draws what was scored and kept: one HTML file, pictures included.", "DIR [--selection SELECTION] [-o FILE]")
        {
            Examples = ["winnow report pruned", "winnow report run --selection selection -o report.html", "winnow report study -o so-far.html"],
        }
        .With("Options", directory, selection, metric, file);
        command.SetAction(async (parse, cancel) =>
        {
            string named = Demand.Of(parse, directory);
            string to = parse.GetValue(file) ?? Path.Combine(named, "report.html");
            if (StudyRunner.IsStudy(named))
            {
                StudyPlan plan = StudyRunner.Open(named, cancel);
                await WriteAsync(StudyPage.Render(plan, named, StudyResults.Gather(plan, new StepStore(named)), terminal.Time.GetUtcNow()), to, ".partial");
                terminal.Say($"report: {to}");
                return CommandLine.Done;
            }

            var report = new RunReport(Runs.Find(named), parse.GetValue(selection) ?? Runs.SelectionOf(named)) { Metric = parse.GetValue(metric) };
            await WriteAsync(terminal, report, to, ".partial", cancel);
            terminal.Say($"report: {to}");
            return CommandLine.Done;
        });
        return command;
    }

    /// <summary>Builds the report and writes it beside, then renames.</summary>
    internal static async Task WriteAsync(Terminal terminal, RunReport report, string to, string suffix, CancellationToken cancel)
    {
        using var display = new ProgressDisplay(terminal, "report", "");
        ReportData data = await Task.Run(() => report.BuildAsync(terminal.Time.GetUtcNow(), cancel), CancellationToken.None);
        await WriteAsync(ReportPage.Render(data), to, suffix);
    }

    private static async Task WriteAsync(string page, string to, string suffix)
    {
        string beside = to + suffix;
        await File.WriteAllTextAsync(beside, page, CancellationToken.None);
        File.Move(beside, to, overwrite: true);
    }
}
