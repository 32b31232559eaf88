using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Winnow.Cli.Infrastructure;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Winnow.Pruning.Scoring;
using Winnow.Work;
using Winnow.Work.Slurm;

namespace Winnow.Cli.Commands;

/// <summary>Who does the work of a command: this process, or workers.</summary>
/// <param name="scores">Whether the command scores: then how it is cut may be chosen.</param>
internal sealed class EngineChoices(bool scores = true)
{
    private readonly Option<string?> engine = Choose.Text("--engine", "KIND", "Who does the work: local (this process, or with `--tasks` processes of this machine), slurm (arrays of a cluster), or hand (the work is planned; start `winnow worker` wherever you like). Default: local.", "local", "slurm", "hand");
    private readonly Option<long?> tasks = Choose.Whole("--tasks", "Worker processes. Default: none, this process does it all; slurm: 8.", 1, most: 100_000);
    private readonly Option<long?> itemBytes = Choose.Whole("--item-bytes", "With workers: text in one work item; a large file is many. Default: a sixteenth of a worker's share, 256 kB to 64 MB.");
    private readonly Option<long?> lanes = Choose.Whole("--lanes", "With workers: SIMD lanes that all of them compute in, where machines differ: 16, 8 or 4. Default: this machine's widest.", 4, most: 16);
    private readonly Option<bool> detach = Choose.Flag("--detach", "slurm: submit and leave; `winnow run status` shows how far it is.");
    private readonly SlurmChoices slurm = new();

    /// <summary>What goes under the help's heading.</summary>
    internal Symbol[] Symbols => scores ? [engine, tasks, itemBytes, lanes, detach, .. slurm.Symbols] : [engine, tasks, detach, .. slurm.Symbols];

    /// <summary>The engine; null where this process does the work itself. A recipe may say what is asked of a cluster.</summary>
    internal IWorkEngine? Of(ParseResult parse, Terminal terminal, int threads, SlurmOptions? recipe = null) => parse.GetValue(engine) switch
    {
        "hand" => new HandEngine(terminal),
        "slurm" when parse.GetValue(detach) => new DetachedEngine(Slurm(parse, terminal, recipe), terminal),
        "slurm" => Slurm(parse, terminal, recipe),
        _ when parse.GetValue(tasks) is { } processes => new LocalEngine(WorkerProgram.Command, (int)processes, threads, terminal.Time),
        _ => null,
    };

    /// <summary>Prints the scripts that would be submitted, where a cluster was asked for.</summary>
    internal void Preview(ParseResult parse, Terminal terminal, string run, IReadOnlyList<WorkStep> steps, SlurmOptions? recipe = null)
    {
        if (parse.GetValue(engine) != "slurm") return;
        SlurmOptions options = slurm.Options(parse, parse.GetValue(tasks), recipe);
        foreach ((string stage, IReadOnlyList<BatchScript> scripts) in Slurm(parse, terminal, recipe).Scripts(run, [.. steps.Select(step => (step, options.Tasks))], BatchScript.UsualMaxArraySize))
        {
            foreach (BatchScript script in scripts) terminal.Out.Write($"\nwould submit  `{stage}`:\n{script.Text}");
        }
    }

    private SlurmEngine Slurm(ParseResult parse, Terminal terminal, SlurmOptions? recipe)
    {
        var notes = new Relay<string>(terminal.Say);
        return new SlurmEngine(new SlurmClient(notes, terminal.Time), slurm.Options(parse, parse.GetValue(tasks), recipe), WorkerProgram.Command, notes, terminal.Time);
    }

    private int Workers(ParseResult parse) => (int)(parse.GetValue(tasks) ?? (parse.GetValue(engine) == "slurm" ? new SlurmOptions().Tasks : 1));

    /// <summary>How a scoring is cut, and what its workers compute with.</summary>
    internal ScoringSplit Split(ParseResult parse, IBackend backend)
    {
        int width = (int)(parse.GetValue(lanes) ?? CpuBackend.SupportedLanes[0]);
        if (!CpuBackend.SupportedLanes.Contains(width))
            throw new RequestException("--lanes", $"found {width}, expected one of {string.Join(", ", CpuBackend.SupportedLanes)}");
        return new ScoringSplit(Workers(parse), parse.GetValue(itemBytes), new WorkerDevice(backend.Precision, width).ToJson());
    }
}

/// <summary>What a worker computes with, so that its scores have the same bits as another machine's.</summary>
internal sealed record WorkerDevice(Precision Precision, int Lanes)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>Read back from a stage's request.</summary>
    internal static WorkerDevice Of(JsonElement json) => json.Deserialize<WorkerDevice>(Json)!;

    /// <summary>As it stands in a stage's request.</summary>
    internal JsonElement ToJson() => JsonSerializer.SerializeToElement(this, Json);

    /// <summary>A backend like that on this machine.</summary>
    internal CpuBackend Backend(int threads) => CpuBackend.SupportedLanes.Contains(Lanes)
        ? new CpuBackend(threads, Lanes, Precision)
        : throw new WorkException(
            Environment.MachineName, $"the run computes in {Lanes} lanes, this machine has registers of {string.Join(", ", CpuBackend.SupportedLanes)}",
            "start the run with `--lanes` of the least that all machines have");
}

/// <summary>Leaves the work to workers that somebody else starts.</summary>
internal sealed class HandEngine(Terminal terminal) : IWorkEngine
{
    /// <inheritdoc/>
    public Task RunAsync(string run, IReadOnlyList<WorkStep> steps, IProgress<StageStatus>? progress, CancellationToken cancel)
    {
        terminal.Say("planned; start any number of workers, on any machine that sees the directory, stage by stage:");
        foreach (WorkStep step in steps) terminal.Say($"  winnow worker {Shell.Quote(run)} --stage {step.Stage}");
        return Task.CompletedTask;
    }
}

/// <summary>Submits to a cluster and leaves.</summary>
internal sealed class DetachedEngine(SlurmEngine slurm, Terminal terminal) : IWorkEngine
{
    /// <inheritdoc/>
    public async Task RunAsync(string run, IReadOnlyList<WorkStep> steps, IProgress<StageStatus>? progress, CancellationToken cancel)
    {
        await slurm.SubmitAsync(run, steps, cancel);
        terminal.Say($"submitted; `winnow run status {Shell.Quote(run)}` shows how far it is, `winnow run cancel` stops it");
    }
}

/// <summary>How this program starts itself.</summary>
internal static class WorkerProgram
{
    /// <summary>The program's path; where it runs under the <c>dotnet</c> host, the host's and its own.</summary>
    internal static IReadOnlyList<string> Command { get; } =
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [Environment.ProcessPath!, Path.GetFullPath(Environment.GetCommandLineArgs()[0])]
            : [Environment.ProcessPath!];
}

/// <summary>Has planned work done, with the progress shown.</summary>
internal static class EngineRun
{
    internal static async Task RunAsync(Terminal terminal, IWorkEngine engine, string run, IReadOnlyList<WorkStep> steps, CancellationToken cancel)
    {
        using var display = new ProgressDisplay(terminal, steps[0].Stage, "items");
        try
        {
            await Task.Run(() => engine.RunAsync(run, steps, new Relay<StageStatus>(status => display.Show(State(status))), cancel), CancellationToken.None);
        }
        catch (OperationCanceledException)
        {
            throw new ResumableException(engine is SlurmEngine && cancel.IsCancellationRequested
                ? JobsGoOn(run)
                : $"what is done is in {run}; the same command goes on from there");
        }
    }

    /// <summary>What an interrupted command says of the jobs that it watched.</summary>
    internal static string JobsGoOn(string run) => $"the jobs go on without this command; the same command watches them again, `winnow run cancel {Shell.Quote(run)}` stops them";

    /// <summary>Whether a stage is done; says how to see it where others go on with it.</summary>
    internal static bool IsComplete(Terminal terminal, string run, string stage)
    {
        if (StageStatus.Read(WorkStore.Open(run, stage), new WorkerOptions().Lease, terminal.Time).IsComplete) return true;
        terminal.Say($"run: {run}; `winnow run status {Shell.Quote(run)}` says how far it is");
        return false;
    }

    /// <summary>How far a stage is, as the display shows it.</summary>
    internal static ProgressState State(StageStatus status) => new(
        status.Stage, status.Done, $"of {status.Items} items, {status.Running} running", status.Items == 0 ? 1 : status.Done / (double)status.Items,
        status.TokensPerSecond > 0 ? $"{Studies.Reports.Figures.Short(status.TokensPerSecond)} tokens/s" : "", status.Remaining);
}
