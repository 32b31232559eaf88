using System.Diagnostics;
using System.Globalization;

namespace Winnow.Work;

/// <summary>Has a run's stages done by processes of this machine.</summary>
/// <param name="program">How this program is run: its path, or a host and its path.</param>
/// <param name="tasks">Processes.</param>
/// <param name="threads">Threads of all of them together.</param>
/// <param name="clock">For the pauses.</param>
public sealed class LocalEngine(IReadOnlyList<string> program, int tasks, int threads, TimeProvider clock) : IWorkEngine
{
    private static readonly TimeSpan Soonest = TimeSpan.FromMilliseconds(100), Latest = TimeSpan.FromSeconds(2);
    private readonly TimeSpan _lease = new WorkerOptions().Lease;

    /// <inheritdoc/>
    public async Task RunAsync(string run, IReadOnlyList<WorkStep> steps, IProgress<StageStatus>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(steps);
        foreach (WorkStep step in steps)
        {
            WorkStore store = WorkStore.Open(run, step.Stage);
            for (int before = -1, done = store.Scan().Done.Count; done < store.Items.Count; (before, done) = (done, store.Scan().Done.Count))
            {
                // Processes that were killed are started again as long as they get anywhere.
                if (done == before) throw Stuck(store);
                await RunAsync(store, Math.Min(tasks, store.Items.Count - done), progress, cancel).ConfigureAwait(false);
                if (store.IsCancelled) throw new OperationCanceledException($"{run} was cancelled");
                if (store.Failures().Count > 0) throw Failed(store);
            }
        }
    }

    private async Task RunAsync(WorkStore store, int count, IProgress<StageStatus>? progress, CancellationToken cancel)
    {
        List<Process> workers = [];
        try
        {
            for (int task = 0; task < count; task++) workers.Add(Start(store, task, count));
            for (TimeSpan pause = Soonest; workers.Any(worker => !worker.HasExited); pause = pause * 1.1 < Latest ? pause * 1.1 : Latest)
            {
                progress?.Report(StageStatus.Read(store, _lease, clock));
                await Task.WhenAny(Task.Delay(pause, clock, cancel), Task.WhenAll(workers.Select(worker => worker.WaitForExitAsync(cancel)))).ConfigureAwait(false);
                cancel.ThrowIfCancellationRequested();
            }

            progress?.Report(StageStatus.Read(store, _lease, clock));
        }
        catch (OperationCanceledException)
        {
            WorkStore.Cancel(store.Run);
            foreach (Process worker in workers) await worker.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
            WorkStore.Resume(store.Run);
            throw;
        }
        finally
        {
            workers.ForEach(worker => worker.Dispose());
        }
    }

    private Process Start(WorkStore store, int task, int count)
    {
        string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
        ProcessStartInfo start = new(program[0])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        };
        string[] arguments =
        [
            .. program.Skip(1), "worker", store.Run, "--stage", store.Description.Stage,
            "--task", Text(task), "--tasks", Text(count), "--threads", Text(Math.Max(1, threads / count)),
        ];
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        Process process = Process.Start(start) ?? throw new WorkException(program[0], "cannot be started", "start workers by hand: `winnow worker`");
        process.StandardInput.Close();
        // What it says is in its log too; here it only must not fill the pipe.
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        return process;
    }

    private static WorkException Failed(WorkStore store)
    {
        IReadOnlyList<WorkFailure> failures = store.Failures();
        return new WorkException(
            store.Run, $"{failures.Count} of {store.Items.Count} items of `{store.Description.Stage}` failed: {failures[0].Error}",
            failures[0].Hint ?? $"`winnow run status {store.Run}` says more; `winnow run retry` tries them again");
    }

    private static WorkException Stuck(WorkStore store) => new(
        store.Run, $"the workers of `{store.Description.Stage}` end without doing anything", $"run one to see why: `winnow worker {store.Run} --stage {store.Description.Stage}`");
}
