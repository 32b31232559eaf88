using System.ComponentModel;
using System.Diagnostics;

namespace Winnow.Work.Slurm;

/// <summary>What a Slurm command answered.</summary>
internal sealed record SlurmAnswer(int Exit, string Output, string Error)
{
    /// <summary>What it complained of, in one line, without its own name in front of every sentence.</summary>
    public string Complaint
    {
        get
        {
            IEnumerable<string> lines = (Error.Trim().Length > 0 ? Error : Output).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            string text = string.Join("; ", lines.Select(line => line.StartsWith("sbatch: error: ", StringComparison.Ordinal) ? line["sbatch: error: ".Length..] : line));
            return text.Length > 0 ? text : $"exit code {Exit}, no message";
        }
    }

    /// <summary>The controller did not answer; it may a little later.</summary>
    public bool IsAway => Exit != 0 && Away.Any(sign => Error.Contains(sign, StringComparison.OrdinalIgnoreCase));

    private static readonly string[] Away =
    [
        "Unable to contact slurm controller", "Socket timed out", "Connection refused", "Zero Bytes were transmitted", "Unexpected message received",
        "Resource temporarily unavailable", "temporarily unable to accept job", "slurm_persist_conn", "Slurm controller is in standby", "Transport endpoint is not connected",
    ];
}

/// <summary>Runs Slurm's commands in a clean environment and waits while the controller is away.</summary>
/// <param name="directory">Where the commands are; null finds them on PATH.</param>
/// <param name="patience">For how long a controller that does not answer is asked again.</param>
/// <param name="notes">Told when the controller does not answer.</param>
/// <param name="time">For the pauses.</param>
internal sealed class SlurmCommand(string? directory, TimeSpan patience, IProgress<string>? notes, TimeProvider time)
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Runs a command to its end, again and again while the controller is away. The answer may be a refusal.
    /// </summary>
    /// <param name="name">The command.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="cancel">Stops the wait.</param>
    /// <param name="settled">Asked before a command is run again; another answer than null ends the wait with it.</param>
    public async Task<SlurmAnswer> RunAsync(
        string name, IReadOnlyList<string> arguments, CancellationToken cancel, Func<Task<SlurmAnswer?>>? settled = null)
    {
        long start = time.GetTimestamp();
        TimeSpan pause = FirstPause;
        while (true)
        {
            SlurmAnswer answer = await RunOnceAsync(name, arguments, cancel).ConfigureAwait(false);
            if (!answer.IsAway) return answer;
            if (time.GetElapsedTime(start) > patience)
            {
                throw new WorkException(name, answer.Complaint,
                    "Slurm's controller does not answer; nothing that is done is lost: run the same command again when `sinfo` answers");
            }

            notes?.Report($"slurm: {answer.Complaint}; asking again");
            await Task.Delay(pause, time, cancel).ConfigureAwait(false);
            pause = TimeSpan.FromSeconds(Math.Min(15, pause.TotalSeconds * 2));
            if (settled is not null && await settled().ConfigureAwait(false) is { } known) return known;
        }
    }

    /// <summary>Runs a command once.</summary>
    public async Task<SlurmAnswer> RunOnceAsync(string name, IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        ProcessStartInfo start = new(directory is null ? name : Path.Combine(directory, name), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Clean(start.Environment);
        using Process process = Start(name, start);
        process.StandardInput.Close();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Longest);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token), error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return new SlurmAnswer(process.ExitCode, await output.ConfigureAwait(false), await error.ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancel.ThrowIfCancellationRequested();
            return new SlurmAnswer(1, "", $"Socket timed out: no answer within {Longest.TotalSeconds:0} s");
        }
    }

    private static Process Start(string name, ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start) ?? throw new InvalidOperationException($"{name} did not start");
        }
        catch (Win32Exception e)
        {
            throw new WorkException(name, $"cannot be run: {e.Message}",
                "`--engine slurm` needs Slurm's commands on PATH: run it on a login node of the cluster, or use `--engine local`");
        }
    }

    /// <summary>Answers must look the same everywhere, and a job that submits another must not hand its own settings on.</summary>
    private static void Clean(IDictionary<string, string?> environment)
    {
        string[] own = ["SBATCH_", "SQUEUE_", "SCONTROL_", "SCANCEL_"];
        foreach (string variable in environment.Keys.ToArray())
        {
            bool job = variable.StartsWith("SLURM_", StringComparison.Ordinal) && !variable.StartsWith("SLURM_CONF", StringComparison.Ordinal);
            if (job || own.Any(prefix => variable.StartsWith(prefix, StringComparison.Ordinal))) environment.Remove(variable);
        }

        environment["LC_ALL"] = "C";
        environment["SLURM_TIME_FORMAT"] = "%s";
    }
}
