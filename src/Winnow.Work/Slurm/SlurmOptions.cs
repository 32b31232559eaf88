namespace Winnow.Work.Slurm;

/// <summary>What is asked of a Slurm cluster for every stage of a run. Decides nothing about the output.</summary>
public sealed record SlurmOptions
{
    /// <summary>Tasks of each stage's array; a worker each. Items are shared out as they are claimed, so any number will do.</summary>
    public int Tasks { get; init; } = 8;

    /// <summary>At most this many of them run at once; null leaves it to the cluster.</summary>
    public int? AtOnce { get; init; }

    /// <summary><c>--partition</c>.</summary>
    public string? Partition { get; init; }

    /// <summary><c>--account</c>.</summary>
    public string? Account { get; init; }

    /// <summary><c>--qos</c>.</summary>
    public string? Qos { get; init; }

    /// <summary><c>--gres</c>: <c>gpu:1</c>.</summary>
    public string? Gres { get; init; }

    /// <summary><c>--cpus-per-task</c>.</summary>
    public int? CpusPerTask { get; init; }

    /// <summary><c>--mem</c>, per node: <c>16G</c>.</summary>
    public string? Memory { get; init; }

    /// <summary><c>--time</c>, per task: <c>4:00:00</c>. A task that reaches it goes back to the queue and goes on where it stopped.</summary>
    public string? Time { get; init; }

    /// <summary>Further arguments of <c>sbatch</c>, one word each: <c>--constraint=icelake</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Seconds before the time limit at which a worker is told to finish what it has in hand.</summary>
    public int GraceSeconds { get; init; } = 120;

    /// <summary>The options, or an error that says what is wrong.</summary>
    public SlurmOptions Validated()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Tasks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(GraceSeconds, 1);
        foreach ((string name, string? value) in new[] { ("--partition", Partition), ("--account", Account), ("--qos", Qos), ("--gres", Gres), ("--mem", Memory), ("--time", Time) })
        {
            if (value is not null && (value.Length == 0 || value.Any(c => char.IsWhiteSpace(c) || c is '"' or '\'' or '\\' or '#')))
                throw new WorkException(name, $"`{value}` is not one word", $"write it as `sbatch {name}=…` takes it");
        }

        foreach (string argument in Arguments)
        {
            if (argument.StartsWith('-') && !argument.Any(char.IsControl)) continue;
            throw new WorkException("--sbatch-arg", $"`{argument}` is not an option of `sbatch`", "write option and value as one word: `--sbatch-arg=--constraint=icelake`");
        }

        return this;
    }
}
