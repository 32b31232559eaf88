using System.Globalization;
using System.Text;

namespace Winnow.Work.Slurm;

/// <summary>One array of a stage: as many scripts as the cluster's limit on array indices makes of the stage's tasks.</summary>
/// <param name="Name">The job's name.</param>
/// <param name="FirstTask">The stage's task that the array's index 0 is.</param>
/// <param name="Tasks">Tasks of this array.</param>
/// <param name="Text">The script, as <c>sbatch</c> takes it.</param>
public sealed record BatchScript(string Name, int FirstTask, int Tasks, string Text)
{
    /// <summary>Slurm's own <c>MaxArraySize</c> where a cluster sets none.</summary>
    public const int UsualMaxArraySize = 1001;

    /// <summary>The scripts of one stage.</summary>
    /// <param name="name">The job's name: <c>winnow-score</c>.</param>
    /// <param name="worker">The worker's command line without its place: program and arguments.</param>
    /// <param name="logs">Directory of the logs, absolute.</param>
    /// <param name="tasks">Tasks of the stage: 1 for a stage that is one small step.</param>
    /// <param name="options">What is asked of the cluster.</param>
    /// <param name="maxArraySize">The cluster's <c>MaxArraySize</c>: the highest index is one less.</param>
    public static IReadOnlyList<BatchScript> ForStage(
        string name, IReadOnlyList<string> worker, string logs, int tasks, SlurmOptions options, int maxArraySize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tasks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxArraySize, 1);
        _ = options.Validated();
        List<BatchScript> scripts = [];
        int arrays = ((tasks - 1) / maxArraySize) + 1;
        SlurmOptions share = options.AtOnce is { } most ? options with { AtOnce = Math.Max(1, most / arrays) } : options;
        for (int first = 0; first < tasks; first += maxArraySize)
        {
            int count = Math.Min(maxArraySize, tasks - first);
            scripts.Add(new BatchScript(name, first, count, Write(name, worker, logs, first, count, tasks, share)));
        }

        return scripts;
    }

    private static string Write(string name, IReadOnlyList<string> worker, string logs, int first, int count, int tasks, SlurmOptions options)
    {
        StringBuilder text = new("#!/bin/bash\n");
        void Ask(string option) => text.Append("#SBATCH ").Append(option).Append('\n');
        void AskFor(string option, object? value)
        {
            if (value is not null) Ask(string.Create(CultureInfo.InvariantCulture, $"{option}={value}"));
        }

        Ask($"--job-name={name}");
        Ask(string.Create(CultureInfo.InvariantCulture, $"--array=0-{count - 1}{(options.AtOnce is { } most ? $"%{most}" : "")}"));
        Ask($"--output={Quoted(logs.Replace("%", "%%", StringComparison.Ordinal) + "/%x-%A_%a.log")}");
        // A task that is requeued goes on in the same log.
        Ask("--open-mode=append");
        Ask("--requeue");
        Ask("--kill-on-invalid-dep=yes");
        // B: the shell below, which has become the worker by then.
        Ask(string.Create(CultureInfo.InvariantCulture, $"--signal=B:USR1@{options.GraceSeconds}"));
        Ask("--nodes=1");
        Ask("--ntasks=1");
        AskFor("--partition", options.Partition);
        AskFor("--account", options.Account);
        AskFor("--qos", options.Qos);
        AskFor("--gres", options.Gres);
        AskFor("--cpus-per-task", options.CpusPerTask);
        AskFor("--mem", options.Memory);
        AskFor("--time", options.Time);
        foreach (string argument in options.Arguments) Ask(Quoted(argument));
        string place = first == 0 ? "$SLURM_ARRAY_TASK_ID" : string.Create(CultureInfo.InvariantCulture, $"$(({first} + SLURM_ARRAY_TASK_ID))");
        text.Append("exec ").AppendJoin(' ', worker.Select(Word));
        text.Append(CultureInfo.InvariantCulture, $" --task {place} --tasks {tasks}\n");
        return text.ToString();
    }

    /// <summary>A word of a <c>#SBATCH</c> line.</summary>
    private static string Quoted(string word) =>
        word.Any(c => char.IsWhiteSpace(c) || c is '"' or '\'' or '\\' or '#')
            ? "\"" + word.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\""
            : word;

    /// <summary>A word of a shell's command line.</summary>
    private static string Word(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "/.-_+=,:@".Contains(c, StringComparison.Ordinal))
            ? word
            : "'" + word.Replace("'", "'\\''", StringComparison.Ordinal) + "'";
}
