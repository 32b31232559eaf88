using System.CommandLine;
using System.Globalization;
using Winnow.Cli.Infrastructure;
using Winnow.Studies.Reports;
using Winnow.Work;
using Winnow.Work.Slurm;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow run</c>: how far a run is and what went wrong, from any machine that sees its directory.</summary>
internal static class RunCommand
{
    private const int LogLines = 8;
    private static readonly TimeSpan Lease = new WorkerOptions().Lease;

    internal static Command Create(Terminal terminal)
    {
        var command = new WinnowCommand("run", "says how far a run is, shows its logs, tries failed items again, or cancels it.", "status|logs|retry|cancel RUN");
        command.Subcommands.Add(Status(terminal));
        command.Subcommands.Add(Logs(terminal));
        command.Subcommands.Add(Retry(terminal));
        command.Subcommands.Add(Cancel(terminal));
        return command;
    }

    private static Argument<string?> Place() => Choose.Place("RUN", "Directory of a run, a pruning or a study.");

    private static WinnowCommand Status(Terminal terminal)
    {
        Argument<string?> run = Place();
        Option<bool> json = Choose.Flag("--json", "Print it as one JSON object.");
        WinnowCommand command = new WinnowCommand("status", "says what is done, running, failed and lost, how fast it goes and why items failed.", "RUN")
        {
            Details = "Lost are items whose worker is gone; the next worker takes them over. Changes nothing. Ends with 1 when items failed.",
            Examples = ["winnow run status run"],
        }
        .With("Options", run, json);
        command.SetAction((parse, _) => Task.Run(() => Show(terminal, Find(Demand.Of(parse, run)), parse.GetValue(json)), CancellationToken.None));
        return command;
    }

    private static WinnowCommand Logs(Terminal terminal)
    {
        Argument<string?> run = Place();
        Option<string?> stage = Choose.Text("--stage", "S", "Only this stage. Default: all.");
        Option<long?> lines = Choose.Whole("--lines", "Last lines of each worker. Default: 20.");
        WinnowCommand command = new WinnowCommand("logs", "prints the last lines of the workers' logs.", "RUN") { Examples = ["winnow run logs run --stage score --lines 5"] }.With("Options", run, stage, lines);
        command.SetAction((parse, _) => Task.Run(
            () =>
            {
                foreach (WorkStore store in Stages(Find(Demand.Of(parse, run))).Where(store => parse.GetValue(stage) is not { } only || store.Description.Stage == only))
                {
                    foreach (WorkerRecord worker in store.Workers())
                    {
                        terminal.Out.WriteLine($"{store.Description.Stage}, task {worker.Task}, {store.LogPath(worker.Name)}");
                        foreach (string line in store.LastLines(worker.Name, (int)(parse.GetValue(lines) ?? 20))) terminal.Out.WriteLine("  " + line);
                    }
                }
                return CommandLine.Done;
            },
            CancellationToken.None));
        return command;
    }

    private static WinnowCommand Retry(Terminal terminal)
    {
        Argument<string?> run = Place();
        WinnowCommand command = new WinnowCommand("retry", "makes failed items open again, and takes a cancellation back.", "RUN")
        {
            Details = "Workers that are still there take the items; where there are none, the command that planned the run starts them again. What is done stays.",
            Examples = ["winnow run retry run"],
        }
        .With("Options", run);
        command.SetAction((parse, _) => Task.Run(
            () =>
            {
                string place = Find(Demand.Of(parse, run));
                int failed = Stages(place).Sum(store => store.Retry());
                WorkStore.Resume(place);
                bool attended = Stages(place).Any(store => StageStatus.Read(store, Lease, terminal.Time).Workers > 0);
                terminal.Say($"{failed} failed items are open again; {(attended ? "the workers that are there take them" : "the command that planned the run goes on with them")}");
                return CommandLine.Done;
            },
            CancellationToken.None));
        return command;
    }

    private static WinnowCommand Cancel(Terminal terminal)
    {
        Argument<string?> run = Place();
        WinnowCommand command = new WinnowCommand("cancel", "sends a run's workers home; what is done stays.", "RUN")
        {
            Details = "Workers finish the block in hand and give their items back. The command that planned the run goes on with it.",
            Examples = ["winnow run cancel run"],
        }
        .With("Options", run);
        command.SetAction(async (parse, cancel) =>
        {
            string place = Find(Demand.Of(parse, run));
            WorkStore.Cancel(place);
            if (SlurmJobs.Read(place).Count > 0)
            {
                var notes = new Relay<string>(terminal.Say);
                await new SlurmEngine(new SlurmClient(notes, terminal.Time), new SlurmOptions(), [], notes, terminal.Time).CancelAsync(place, cancel);
            }
            terminal.Say($"cancelled; the command that planned {place} goes on with it");
            return CommandLine.Done;
        });
        return command;
    }

    private static int Show(Terminal terminal, string run, bool json)
    {
        WorkStore[] stores = [.. Stages(run)];
        StageStatus[] stages = [.. stores.Select(store => StageStatus.Read(store, Lease, terminal.Time))];
        if (json)
        {
            Answer.Print(terminal, new { run, cancelled = stores[0].IsCancelled, complete = stages.All(stage => stage.IsComplete), stages });
            return stages.Any(stage => stage.Failed > 0) ? CommandLine.No : CommandLine.Done;
        }
        var table = new PlainTable("stage", "items", "done", "running", "failed", "lost", "open", "workers", "tokens", "tokens/s", "left");
        foreach (StageStatus stage in stages)
        {
            table.Add(
                stage.Stage, Figures.Count(stage.Items), Figures.Count(stage.Done), Figures.Count(stage.Running), Figures.Count(stage.Failed), Figures.Count(stage.Lost), Figures.Count(stage.Open),
                Figures.Count(stage.Workers), stage.Tokens > 0 ? Figures.Short(stage.Tokens) : "", stage.TokensPerSecond > 0 ? Figures.Short(stage.TokensPerSecond) : "",
                stage.IsComplete ? "" : stage.Remaining is { } left ? Figures.Duration(left.TotalSeconds) : "?");
        }
        table.Write(terminal.Out);
        terminal.Out.Flush();
        if (stores[0].IsCancelled) terminal.Say("the run is cancelled; the command that planned it goes on with it");
        for (int i = 0; i < stages.Length; i++) Explain(terminal, stores[i], stages[i]);
        return stages.Any(stage => stage.Failed > 0) ? CommandLine.No : CommandLine.Done;
    }

    private static void Explain(Terminal terminal, WorkStore store, StageStatus stage)
    {
        foreach (WorkFailure failure in stage.Failures)
        {
            terminal.Fail(string.Create(CultureInfo.InvariantCulture, $"{stage.Stage}, item {failure.Item} ({store.Items[failure.Item]}): {failure.Error}"), failure.Hint);
            foreach (string line in store.LastLines(failure.Worker, LogLines)) terminal.Say("  " + line);
        }
        if (stage.Failed > 0) terminal.Say($"`winnow run retry {Shell.Quote(store.Run)}` tries them again");
    }

    private static IEnumerable<WorkStore> Stages(string run) => WorkStore.StagesOf(run).Select(stage => WorkStore.Open(run, stage));

    private static string Find(string directory)
    {
        string run = Path.GetFullPath(Runs.Find(directory));
        if (WorkStore.StagesOf(run).Count > 0) return run;
        throw new RequestException(directory, "no work was begun here", "name the directory of a run, a pruning or a study");
    }
}
