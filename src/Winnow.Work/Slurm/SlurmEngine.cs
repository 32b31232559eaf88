using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Winnow.Work.Slurm;

/// <summary>
/// Has a run's stages done by arrays of a Slurm cluster, all submitted at once, each waiting for the one before. What is done stands in
/// the run's directory; the queue is only asked whether somebody is still there to do the rest. The jobs need nobody who watches.
/// </summary>
/// <param name="client">The cluster.</param>
/// <param name="options">What is asked of it.</param>
/// <param name="program">How a node runs this program: its path, or a host and its path.</param>
/// <param name="notes">Told what a user wants to know of the queue.</param>
/// <param name="clock">For the pauses.</param>
public sealed class SlurmEngine(SlurmClient client, SlurmOptions options, IReadOnlyList<string> program, IProgress<string>? notes, TimeProvider clock) : IWorkEngine
{
    private const int MostSubmissions = 3, MostCancellations = 10;

    /// <summary>How often the run's directory is looked at.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often the queue is asked.</summary>
    internal TimeSpan Ask { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a worker may be silent; as the workers have it.</summary>
    internal TimeSpan Lease { get; init; } = new WorkerOptions().Lease;

    /// <summary>The scripts of the stages, in order.</summary>
    /// <param name="run">The run's directory.</param>
    /// <param name="steps">The stages, and how many items of each are to be done.</param>
    /// <param name="maxArraySize">Of the cluster.</param>
    public IReadOnlyList<(string Stage, IReadOnlyList<BatchScript> Scripts)> Scripts(string run, IReadOnlyList<(WorkStep Step, int Items)> steps, int maxArraySize)
    {
        string place = Path.GetFullPath(run);
        List<(string, IReadOnlyList<BatchScript>)> all = [];
        for (int i = 0; i < steps.Count; i++)
        {
            (WorkStep step, int items) = steps[i];
            List<string> worker = [.. program, "worker", place, "--stage", step.Stage];
            if (i > 0) worker.AddRange(["--after", steps[i - 1].Step.Stage]);
            SlurmOptions asked = step.Computes ? options : options with { Gres = null };
            all.Add((step.Stage, BatchScript.ForStage(
                JobName(place, step.Stage), worker, LogsOf(place, step.Stage), Math.Clamp(items, 1, options.Tasks), asked, maxArraySize)));
        }

        return all;
    }

    /// <summary>Submits what is not complete and not in the queue already. The jobs then need nobody.</summary>
    /// <exception cref="WorkException">The cluster refuses a job; what was submitted before it is taken back.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled meanwhile; what was submitted is taken back.</exception>
    public async Task SubmitAsync(string run, IReadOnlyList<WorkStep> steps, CancellationToken cancel)
    {
        List<(WorkStep Step, int Items)> open = [.. steps.Select(step => (step, Read(run, step))).Select(s => (s.step, s.Item2.Items - s.Item2.Done))];
        HashSet<string> alive = await AliveAsync(run, cancel).ConfigureAwait(false);
        IReadOnlyList<SlurmJob> known = SlurmJobs.Read(run);
        int maxArraySize = await client.MaxArraySizeAsync(cancel).ConfigureAwait(false);
        List<string> submitted = [], before = [];
        try
        {
            foreach ((string stage, IReadOnlyList<BatchScript> scripts) in Scripts(run, open, maxArraySize))
            {
                if (open.First(step => step.Step.Stage == stage).Items == 0) continue;
                List<string> jobs = [.. known.Where(job => job.Stage == stage && alive.Contains(job.Id)).Select(job => job.Id)];
                if (jobs.Count == 0)
                {
                    foreach (BatchScript script in scripts)
                    {
                        string id = await client.SubmitAsync(Write(run, stage, script), script.Name, before, cancel).ConfigureAwait(false);
                        jobs.Add(id);
                        submitted.Add(id);
                        SlurmJobs.Add(run, new SlurmJob(stage, id, script.Tasks));
                        // Whoever cancels writes that down before reading the jobs: one of the two sees the other.
                        ThrowIfCancelled(run);
                    }

                    notes?.Report(string.Create(CultureInfo.InvariantCulture, $"slurm: job {string.Join(", ", jobs)}: `{stage}`, {scripts.Sum(script => script.Tasks)} tasks"));
                }

                before = jobs;
            }
        }
        catch (Exception error) when (submitted.Count > 0 && (error is WorkException || WorkStore.IsRunCancelled(run)))
        {
            await TakeBackAsync(run, submitted, cancel).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task RunAsync(string run, IReadOnlyList<WorkStep> steps, IProgress<StageStatus>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(steps);
        await SubmitAsync(run, steps, cancel).ConfigureAwait(false);
        int submissions = 1, doneBefore = steps.Sum(step => Read(run, step).Done);
        for (int i = 0; i < steps.Count;)
        {
            if (await WatchAsync(run, steps[i], progress, cancel).ConfigureAwait(false) is not { } ended)
            {
                i++;
                continue;
            }

            // The queue has no task of the stage any more, and it is not complete.
            await CancelAsync(run, cancel).ConfigureAwait(false);
            StageStatus status = Read(run, steps[i]);
            if (status.IsComplete) continue;
            if (status.Failed > 0) throw Failed(run, status);
            int done = steps.Sum(step => Read(run, step).Done);
            submissions = done > doneBefore ? 1 : submissions + 1;
            doneBefore = done;
            if (submissions > MostSubmissions) throw Deserted(run, status, ended);
            notes?.Report(string.Create(CultureInfo.InvariantCulture, $"slurm: {status.Items - status.Done} items of `{status.Stage}` are open and its tasks are gone{ended}: submitting it again"));
            await SubmitAsync(run, [.. steps.Skip(i)], cancel).ConfigureAwait(false);
        }

        // A task that waits or begins only now has nothing to do; in a directory that was removed meanwhile it would wait for it to come back.
        await CancelAsync(run, cancel).ConfigureAwait(false);
    }

    /// <summary>Takes a run's jobs out of the queue.</summary>
    public async Task CancelAsync(string run, CancellationToken cancel)
    {
        HashSet<string> alive = await AliveAsync(run, cancel).ConfigureAwait(false);
        await TakeBackAsync(run, [.. SlurmJobs.Read(run).Select(job => job.Id).Where(alive.Contains)], cancel).ConfigureAwait(false);
    }

    /// <summary>
    /// Cancels jobs, the last first, so that the end of one stage does not begin the next; and looks whether they are gone, as a task
    /// that is just being started, or put back into the queue, may be missed.
    /// </summary>
    private async Task TakeBackAsync(string run, IReadOnlyList<string> jobs, CancellationToken cancel)
    {
        HashSet<string> there = [.. jobs];
        for (int tries = 0; there.Count > 0 && tries < MostCancellations; tries++)
        {
            if (tries > 0) await Task.Delay(Poll, clock, cancel).ConfigureAwait(false);
            await client.CancelAsync([.. jobs.Reverse().Where(there.Contains)], cancel).ConfigureAwait(false);
            there = [.. (await client.TasksAsync(jobs, cancel).ConfigureAwait(false)).Where(task => task.IsAlive && !task.IsEnding).Select(task => task.Job)];
        }

        // The queue knows them for a while; who goes on with the run submits again.
        SlurmJobs.Remove(run, jobs);
    }

    /// <summary>Waits for a stage; null when it is complete, else how its tasks ended, in words.</summary>
    private async Task<string?> WatchAsync(string run, WorkStep step, IProgress<StageStatus>? progress, CancellationToken cancel)
    {
        string seen = "";
        long asked = clock.GetTimestamp();
        bool missed = false;
        while (true)
        {
            ThrowIfCancelled(run);
            StageStatus status = Read(run, step);
            progress?.Report(status);
            if (status.IsComplete) return null;
            if (status.Done + status.Failed == status.Items) return "";
            if (missed || clock.GetElapsedTime(asked) >= Ask)
            {
                asked = clock.GetTimestamp();
                SlurmTask[] tasks = await TasksOfAsync(run, step.Stage, cancel).ConfigureAwait(false);
                bool gone = !tasks.Any(task => task.IsAlive);
                // Asked again at once: the last task may have ended since the directory was read.
                if (gone && missed) return Ends(tasks);
                missed = gone;
                if (Describe(tasks) is { Length: > 0 } now && now != seen) notes?.Report($"slurm: `{step.Stage}`: {seen = now}");
            }

            await Task.Delay(Poll, clock, cancel).ConfigureAwait(false);
        }
    }

    private StageStatus Read(string run, WorkStep step) => StageStatus.Read(WorkStore.Open(run, step.Stage), Lease, clock);

    private async Task<HashSet<string>> AliveAsync(string run, CancellationToken cancel)
    {
        string[] jobs = [.. SlurmJobs.Read(run).Select(job => job.Id)];
        IReadOnlyList<SlurmTask> tasks = await client.TasksAsync(jobs, cancel).ConfigureAwait(false);
        return [.. tasks.Where(task => task.IsAlive).Select(task => task.Job)];
    }

    private async Task<SlurmTask[]> TasksOfAsync(string run, string stage, CancellationToken cancel) =>
        [.. await client.TasksAsync([.. SlurmJobs.Read(run).Where(job => job.Stage == stage).Select(job => job.Id)], cancel).ConfigureAwait(false)];

    private static void ThrowIfCancelled(string run)
    {
        if (WorkStore.IsRunCancelled(run)) throw new OperationCanceledException($"{run} was cancelled");
    }

    private static string Write(string run, string stage, BatchScript script)
    {
        string logs = LogsOf(Path.GetFullPath(run), stage);
        Directory.CreateDirectory(logs);
        string path = Path.Combine(logs, string.Create(CultureInfo.InvariantCulture, $"{stage}-{script.FirstTask}.sbatch"));
        File.WriteAllText(path, script.Text);
        return path;
    }

    private static string LogsOf(string run, string stage) => Path.Combine(WorkStore.DirectoryOf(run, stage), "slurm");

    /// <summary>Readable, and the run's own.</summary>
    private static string JobName(string run, string stage) =>
        $"winnow-{stage}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(run)))[..8]}";

    private static string Describe(SlurmTask[] tasks)
    {
        SlurmTask[] waiting = [.. tasks.Where(task => task.State == "PENDING")];
        if (waiting.Length == 0) return "";
        string reasons = string.Join(", ", waiting.Select(task => task.Reason).Where(reason => reason != "None").Distinct());
        return string.Create(CultureInfo.InvariantCulture, $"{waiting.Length} tasks wait{(reasons.Length > 0 ? $" ({reasons})" : "")}, {tasks.Count(task => task.State == "RUNNING")} run");
    }

    private static string Ends(SlurmTask[] tasks)
    {
        string[] ends = [.. tasks.Where(task => task.State != "COMPLETED").Select(task => $"{task.State} {task.Reason} on {task.Node}".Trim()).Distinct().Take(3)];
        return ends.Length > 0 ? $" ({string.Join("; ", ends)})" : "";
    }

    private static WorkException Failed(string run, StageStatus status)
    {
        WorkFailure? first = status.Failures.Count > 0 ? status.Failures[0] : null;
        string why = first is null ? "" : $": {first.Error}";
        return new WorkException(run, string.Create(CultureInfo.InvariantCulture, $"{status.Failed} of {status.Items} items of `{status.Stage}` failed{why}"),
            first?.Hint ?? "`winnow run status` and `winnow run logs` say why; `winnow run retry` tries them again");
    }

    private static WorkException Deserted(string run, StageStatus status, string ended) => new(
        run, string.Create(CultureInfo.InvariantCulture, $"{status.Items - status.Done} of {status.Items} items of `{status.Stage}` are open, and its tasks ended without doing one{ended}"),
        $"what they said stands in {LogsOf(run, status.Stage)}; the same command goes on with what is left");
}
