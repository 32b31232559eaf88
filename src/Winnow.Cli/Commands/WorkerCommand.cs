using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Winnow.Cli.Infrastructure;
using Winnow.Work;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow worker</c>: one of the processes that do a run's work; engines start it, and so may anybody.</summary>
internal static class WorkerCommand
{
    /// <summary>Exit code of a worker that was stopped before the end: start it again.</summary>
    internal const int Requeue = 75;

    private const PosixSignal User1 = (PosixSignal)10;

    internal static Command Create(Terminal terminal)
    {
        Argument<string?> run = Choose.Place("RUN", "Directory of a run whose work was planned with `--engine`.");
        Option<string?> stage = Choose.Text("--stage", "S", "Which stage: score, gather, select, export, …");
        Option<long?> task = Choose.Whole("--task", "This worker's place, from 0. Default: SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX, else 0.", 0, most: int.MaxValue);
        Option<long?> tasks = Choose.Whole("--tasks", "How many workers there are; may be left out, and may be wrong.", 1, most: int.MaxValue);
        var compute = new ComputeChoices();
        WinnowCommand command = new WinnowCommand("worker", "does the next open items of a run's stage until there are none.", "RUN --stage S [--task I --tasks N]")
        {
            Details = "Any number of workers on any number of machines that see the directory may work at once, be killed and started again. Ends with 0 when the stage is complete, 1 when items failed, 75 when it was stopped (SIGTERM, SIGUSR1) and should be started again.",
            Examples = ["winnow worker run --stage score --task 3 --tasks 8", "parallel winnow worker run --stage score --task {} --tasks 8 ::: 0 1 2 3 4 5 6 7"],
        }
        .With("Options", [run, stage, task, tasks, .. compute.Symbols]);
        command.SetAction(async (parse, cancel) =>
        {
            WorkStore store = WorkStore.Open(Path.GetFullPath(Demand.Of(parse, run)), Demand.Of(parse, stage));
            if (Directory.Exists(store.Description.Directory)) Environment.CurrentDirectory = store.Description.Directory;
            WorkerOptions options = new()
            {
                Task = (int)(parse.GetValue(task) ?? Number("SLURM_ARRAY_TASK_ID") ?? Number("JOB_COMPLETION_INDEX") ?? 0),
                Tasks = (int)(parse.GetValue(tasks) ?? 0),
                Hint = CommandLine.HintOf,
                Clock = terminal.Time,
            };
            using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            using PosixSignalRegistration limit = PosixSignalRegistration.Create(User1, signal =>
            {
                signal.Cancel = true;
                stop.Cancel();
            });
            using WorkStages stages = new(store, compute.Threads(parse));
            WorkerEnd end = await Task.Run(() => Worker.RunAsync(store, stages.Stage, options, stop.Token), CancellationToken.None);
            return Say(terminal, store, end);
        });
        return command;
    }

    private static int Say(Terminal terminal, WorkStore store, WorkerEnd end)
    {
        string stage = store.Description.Stage;
        switch (end)
        {
            case WorkerEnd.Done:
                terminal.Say($"stage `{stage}` is complete: {store.Items.Count} items");
                return CommandLine.Done;
            case WorkerEnd.Failed:
                terminal.Fail($"stage `{stage}`: {store.Failures().Count} items failed", $"`winnow run status {Shell.Quote(store.Run)}` says why; `winnow run retry` tries them again");
                return CommandLine.No;
            case WorkerEnd.Stopped:
                terminal.Say($"stopped; what is in hand is given back, start it again to go on");
                return Requeue;
            case WorkerEnd.Cancelled:
                terminal.Say("the run was cancelled");
                return CommandLine.Interrupted;
            default:
                throw new ArgumentOutOfRangeException(nameof(end), end, null);
        }
    }

    private static long? Number(string variable) =>
        long.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
}
