using System.Text.Json;

namespace Winnow.Work.Slurm;

/// <summary>An array that was submitted for a stage of a run.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Id">Slurm's number.</param>
/// <param name="Tasks">Its tasks.</param>
public sealed record SlurmJob(string Stage, string Id, int Tasks);

/// <summary>The jobs of a run, <c>RUN/stages/slurm.json</c>: how a later command finds them in the queue again.</summary>
public static class SlurmJobs
{
    /// <summary>All jobs that were submitted, the earliest first; none where the file is missing.</summary>
    public static IReadOnlyList<SlurmJob> Read(string run) => WorkJson.TryRead<SlurmJob[]>(PathOf(run)) ?? [];

    /// <summary>Adds a job.</summary>
    internal static void Add(string run, SlurmJob job) => Write(run, Read(run).Append(job));

    /// <summary>Takes jobs out of the list.</summary>
    internal static void Remove(string run, IReadOnlyList<string> jobs)
    {
        if (jobs.Count > 0) Write(run, Read(run).Where(job => !jobs.Contains(job.Id)));
    }

    private static void Write(string run, IEnumerable<SlurmJob> jobs)
    {
        string path = PathOf(run), beside = $"{path}.{Environment.ProcessId}.tmp";
        File.WriteAllBytes(beside, JsonSerializer.SerializeToUtf8Bytes(jobs, WorkJson.Options));
        File.Move(beside, path, overwrite: true);
    }

    private static string PathOf(string run) => Path.Combine(run, "stages", "slurm.json");
}
