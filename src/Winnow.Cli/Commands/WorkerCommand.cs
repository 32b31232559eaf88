using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Winnow.Cli.Infrastructure;
using Winnow.Work;
using Winnow.Work.Slurm;

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
        Option<string?> named = Choose.Text("--stage", "S", "Which stage: score, gather, select, export, …");
        Option<long?> task = Choose.Whole("--task", "This worker's place, from 0. Default: SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX, else 0.", 0, most: int.MaxValue);
        Option<long?> tasks = Choose.Whole("--tasks", "How many workers there are; may be left out, and may be wrong.", 1, most: int.MaxValue);
        Option<string?> after = Choose.Text("--after", "STAGE", "Refuse to begin unless this stage is complete.");
        var compute = new ComputeChoices();
        WinnowCommand command = new WinnowCommand("worker", "does the next open items of a run's stage until there are none.", "RUN --stage S [--task I --tasks N]")
        {
            Details = "Any number of workers on any number of machines that see the directory may work at once, be killed and started again. Ends with 0 when the stage is complete, 1 when items failed, 75 when it was stopped (SIGTERM, SIGUSR1) and should be started again.",
            Examples = ["winnow worker run --stage score --task 3 --tasks 8", "parallel winnow worker run --stage score --task {} --tasks 8 ::: 0 1 2 3 4 5 6 7"],
        }
        .With("Options", [run, named, task, tasks, after, .. compute.Symbols]);
        command.SetAction(async (parse, cancel) =>
        {
            WorkStore store = WorkStore.Open(Path.GetFullPath(Demand.Of(parse, run)), Demand.Of(parse, named));
            if (store.IsCancelled) return Say(terminal, store, WorkerEnd.Cancelled);
            if (parse.GetValue(after) is { } before) Expect(WorkStore.Open(store.Run, before), terminal.Time);
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
            IWorkStage stage = WorkStages.Open(store, compute.Threads(parse), terminal);
            using IDisposable? owned = stage as IDisposable;
            WorkerEnd end = await Task.Run(() => Worker.RunAsync(store, stage, options, stop.Token), CancellationToken.None);
            if (end == WorkerEnd.Stopped && !cancel.IsCancellationRequested) await RequeueAsync(terminal);
            return Say(terminal, store, end);
        });
        return command;
    }

    /// <summary>The stage before must be complete: a queue starts this one whatever became of that one's tasks.</summary>
    private static void Expect(WorkStore before, TimeProvider clock)
    {
        StageStatus status = StageStatus.Read(before, new WorkerOptions().Lease, clock);
        if (status.IsComplete) return;
        throw new WorkException(before.Run, $"stage `{status.Stage}` is not complete: {status.Done} of {status.Items} items are done, {status.Failed} failed",
            $"`winnow run status {Shell.Quote(before.Run)}` says why; the command that planned the run goes on with what is left");
    }

    /// <summary>A task of a Slurm array that is told its time is up goes back into the queue.</summary>
    private static async Task RequeueAsync(Terminal terminal)
    {
        if (Environment.GetEnvironmentVariable("SLURM_ARRAY_JOB_ID") is not { Length: > 0 } job) return;
        var client = new SlurmClient(new Relay<string>(terminal.Say), terminal.Time);
        await client.RequeueAsync($"{job}_{Environment.GetEnvironmentVariable("SLURM_ARRAY_TASK_ID")}", CancellationToken.None);
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
