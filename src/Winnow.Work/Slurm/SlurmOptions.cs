using System.Globalization;

namespace Winnow.Work.Slurm;

/// <summary>What is asked of a Slurm cluster for every stage of a run. Decides nothing about the output.</summary>
public sealed record SlurmOptions
{
    private const double ShortestSeconds = 300;

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

    /// <summary><c>--time</c>, per task: <c>4:00:00</c>; five minutes at least. A task that reaches it goes back to the queue and goes on where it stopped.</summary>
    public string? Time { get; init; }

    /// <summary>Further arguments of <c>sbatch</c>, one word each: <c>--constraint=icelake</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Seconds before the time limit at which a worker is told to finish what it has in hand: two minutes, a quarter of a shorter limit.</summary>
    public int GraceSeconds => (int)Math.Clamp(SecondsOf(Time) / 4, 1, 120);

    /// <summary>Whether a text can be the value of an option: one word, without quotes.</summary>
    public static bool IsWord(string value) => value.Length > 0 && !value.Any(c => char.IsWhiteSpace(c) || c is '"' or '\'' or '\\' or '#');

    /// <summary>Whether a text can be one of <see cref="Arguments"/>.</summary>
    public static bool IsArgument(string argument) => argument.TrimStart('-') is [var first, ..] && char.IsAsciiLetter(first) && argument[0] == '-' && !argument.Any(char.IsControl);

    /// <summary>A limit as Slurm reads it: minutes, minutes:seconds, hours:minutes:seconds, or days-hours:minutes:seconds; no limit where it is 0 or none of these.</summary>
    private static double SecondsOf(string? time)
    {
        double[] units = time?.Contains('-', StringComparison.Ordinal) == true ? [86400, 3600, 60, 1] : time?.Count(c => c == ':') == 2 ? [3600, 60, 1] : [60, 1];
        string[] parts = (time ?? "").Split('-', ':');
        bool isLimit = parts.Length <= units.Length && parts.All(part => uint.TryParse(part, CultureInfo.InvariantCulture, out _));
        double seconds = isLimit ? parts.Zip(units, (part, unit) => unit * uint.Parse(part, CultureInfo.InvariantCulture)).Sum() : 0;
        return seconds > 0 ? seconds : double.PositiveInfinity;
    }

    /// <summary>The options, or an error that says what is wrong.</summary>
    public SlurmOptions Validated()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Tasks, 1);
        foreach ((string name, string? value) in new[] { ("--partition", Partition), ("--account", Account), ("--qos", Qos), ("--gres", Gres), ("--mem", Memory), ("--time", Time) })
        {
            if (value is not null && !IsWord(value))
                throw new WorkException(name, $"`{value}` is not one word", $"write it as `sbatch {name}=…` takes it");
        }

        // Slurm may give its signal up to 60 s early (`man sbatch`, --signal): a shorter task would be sent home before it had done anything.
        if (SecondsOf(Time) < ShortestSeconds)
            throw new WorkException("--time", $"`{Time}` is under five minutes, and Slurm tells a task that its time is up as much as a minute early", "ask for five minutes or more: `--time 5`");

        foreach (string argument in Arguments)
        {
            if (IsArgument(argument)) continue;
            throw new WorkException("--sbatch-arg", $"`{argument}` is not an option of `sbatch`", "write option and value as one word: `--sbatch-arg=--constraint=icelake`");
        }

        return this;
    }
}
