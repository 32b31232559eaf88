using System.Globalization;
using System.Text.RegularExpressions;

namespace Winnow.Work.Slurm;

/// <summary>A task of an array as the queue knows it.</summary>
/// <param name="Job">The array's id.</param>
/// <param name="Task">Its index; null for a job that is no array.</param>
/// <param name="State">Slurm's word: <c>PENDING</c>, <c>RUNNING</c>, …</param>
/// <param name="Reason">Why it waits or ended, or <c>None</c>.</param>
/// <param name="Node">Where it runs or ran; empty before.</param>
public sealed record SlurmTask(string Job, int? Task, string State, string Reason, string Node)
{
    private static readonly HashSet<string> Ends = new(StringComparer.Ordinal)
    {
        "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY", "REVOKED",
    };

    /// <summary>It runs, or will.</summary>
    public bool IsAlive => !Ends.Contains(State);

    /// <summary>It was told to end, or has, and its node is being cleared.</summary>
    public bool IsEnding => State == "COMPLETING";
}

/// <summary>
/// The few things that are asked of Slurm, through <c>sbatch</c>, <c>squeue</c>, <c>scontrol</c> and <c>scancel</c> in formats that are
/// the same from 22.05 to 26.05. What Slurm says is a hint; what is done stands in the run's directory.
/// </summary>
public sealed partial class SlurmClient
{
    private readonly SlurmCommand _command;

    /// <summary>A client of the commands on PATH.</summary>
    /// <param name="notes">Told when the controller does not answer and is asked again.</param>
    /// <param name="time">For the pauses.</param>
    public SlurmClient(IProgress<string>? notes, TimeProvider time) : this(null, TimeSpan.FromMinutes(10), notes, time)
    {
    }

    /// <summary>A client of the commands in a directory.</summary>
    internal SlurmClient(string? directory, TimeSpan patience, IProgress<string>? notes, TimeProvider time) =>
        _command = new SlurmCommand(directory, patience, notes, time);

    /// <summary>Indices that an array may have: the highest is one less.</summary>
    public async Task<int> MaxArraySizeAsync(CancellationToken cancel)
    {
        SlurmAnswer answer = await _command.RunAsync("scontrol", ["show", "config"], cancel).ConfigureAwait(false);
        Match match = MaxArraySizePattern().Match(answer.Output);
        return match.Success && int.TryParse(match.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int size) && size > 1 ? size : BatchScript.UsualMaxArraySize;
    }

    /// <summary>Submits a script. A name that no other job of the user has makes it safe to ask again after a lost answer.</summary>
    /// <param name="script">The script's path.</param>
    /// <param name="name">The job's name, as in the script.</param>
    /// <param name="after">Jobs that must have ended before.</param>
    /// <param name="cancel">Stops the wait for a controller that is away.</param>
    /// <returns>The job's id.</returns>
    /// <exception cref="WorkException">The cluster refuses it.</exception>
    public async Task<string> SubmitAsync(string script, string name, IReadOnlyList<string> after, CancellationToken cancel)
    {
        List<string> arguments = ["--parsable"];
        if (after.Count > 0) arguments.Add("--dependency=afterany:" + string.Join(':', after));
        arguments.Add(script);
        HashSet<string> before = [.. await JobsNamedAsync(name, cancel).ConfigureAwait(false)];
        SlurmAnswer answer = await _command.RunAsync("sbatch", arguments, cancel, async () =>
            (await JobsNamedAsync(name, cancel).ConfigureAwait(false)).FirstOrDefault(job => !before.Contains(job)) is { } job ? new SlurmAnswer(0, job, "") : null).ConfigureAwait(false);
        if (answer.Exit != 0) throw new WorkException("sbatch", answer.Complaint, Advice(answer.Complaint));
        Match id = JobIdPattern().Matches(answer.Output).LastOrDefault() ?? throw new WorkException(
            "sbatch", $"answered `{answer.Output.Trim()}`, expected a job's number", "`squeue --me` shows whether it was submitted; `scancel` takes it back");
        return id.Groups[1].Value;
    }

    /// <summary>The tasks of some jobs, ended ones as long as Slurm remembers them; jobs that it does not know are left out.</summary>
    public async Task<IReadOnlyList<SlurmTask>> TasksAsync(IReadOnlyList<string> jobs, CancellationToken cancel)
    {
        if (jobs.Count == 0) return [];
        SlurmAnswer answer = await _command.RunAsync("squeue", ["-h", "-r", "-t", "all", "-j", string.Join(',', jobs), "-o", "%F|%K|%A|%T|%r|%N"], cancel).ConfigureAwait(false);
        if (answer.Exit != 0)
        {
            if (IsUnknown(answer)) return [];
            throw new WorkException("squeue", answer.Complaint, "the run goes on without it; `winnow run status` reads the run's directory");
        }

        return [.. answer.Output.Split('\n').Select(ParseTask).OfType<SlurmTask>()];
    }

    /// <summary>Takes jobs out of the queue and stops what runs of them; jobs that have ended or are unknown are left alone.</summary>
    public async Task CancelAsync(IReadOnlyList<string> jobs, CancellationToken cancel)
    {
        foreach (string job in jobs)
        {
            SlurmAnswer answer = await _command.RunAsync("scancel", [job], cancel).ConfigureAwait(false);
            if (answer.Exit != 0 && !IsUnknown(answer)) throw new WorkException("scancel", answer.Complaint, $"`scancel {job}` by hand");
        }
    }

    /// <summary>Puts a running task back into the queue, which ends it here: the way of a worker that is told its time is up.</summary>
    public async Task RequeueAsync(string job, CancellationToken cancel)
    {
        SlurmAnswer answer = await _command.RunAsync("scontrol", ["requeue", job], cancel).ConfigureAwait(false);
        if (answer.Exit != 0) throw new WorkException("scontrol requeue", answer.Complaint, "`winnow run retry` starts workers for what is left");
    }

    private async Task<IEnumerable<string>> JobsNamedAsync(string name, CancellationToken cancel)
    {
        SlurmAnswer answer = await _command.RunAsync("squeue", ["-h", "-n", name, "-o", "%F"], cancel).ConfigureAwait(false);
        return answer.Exit != 0 ? [] : answer.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct();
    }

    private static bool IsUnknown(SlurmAnswer answer) => answer.Error.Contains("Invalid job id", StringComparison.OrdinalIgnoreCase);

    /// <summary>A row of the queue; null for a line that is none (a site's banner, a cluster's name).</summary>
    private static SlurmTask? ParseTask(string line)
    {
        string[] fields = line.Trim().Split('|');
        if (fields.Length != 6 || fields[0].Length == 0 || !fields[0].All(char.IsAsciiDigit)) return null;
        int? index = int.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out int task) ? task : null;
        return new SlurmTask(fields[0], index, fields[3], fields[4], fields[5]);
    }

    private static string Advice(string complaint)
    {
        bool Says(params string[] words) => words.Any(word => complaint.Contains(word, StringComparison.OrdinalIgnoreCase));
        return 0 switch
        {
            _ when Says("policy", "job submit limit") => "the cluster limits what you may have in the queue: ask for fewer `--tasks` or a shorter `--time`, or wait until other jobs have ended",
            _ when Says("partition") => "`sinfo` lists the partitions; name one with `--partition`",
            _ when Says("account") => "name an account that may use this partition with `--account`; `sacctmgr show associations user=$USER` lists yours",
            _ when Says("qos") => "name a quality of service that you may use with `--qos`",
            _ when Says("array") => "the cluster takes no array of this size: ask for fewer `--tasks`",
            _ when Says("gres", "generic resource") => "no such resource: `sinfo -o '%n %G'` shows what the nodes have; change `--gres`",
            _ when Says("node configuration", "memory specification", "cpu count", "node count") => "no node has what is asked: lower `--mem`, `--cpus-per-task` or `--gres`; `sinfo -o '%n %c %m %G'` shows the nodes",
            _ when Says("time") => "write the time limit as `--time 4:00:00`, within the partition's limit (`sinfo -o '%P %l'`)",
            _ => "these are Slurm's own words; `--dry-run` prints the scripts, and `--sbatch-arg` hands any option to `sbatch`",
        };
    }

    [GeneratedRegex(@"^\s*MaxArraySize\s*=\s*(\d+)", RegexOptions.Multiline)]
    private static partial Regex MaxArraySizePattern();

    // `ID`, or `ID;cluster`; a site's wrapper may have written lines of its own before.
    [GeneratedRegex(@"^\s*(\d+)(?:;\S+)?\s*$", RegexOptions.Multiline)]
    private static partial Regex JobIdPattern();
}
