using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Winnow.Cli.Infrastructure;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Winnow.Pruning.Scoring;
using Winnow.Work;

namespace Winnow.Cli.Commands;

/// <summary>Who does the work of a command: this process, or workers.</summary>
/// <param name="scores">Whether the command scores: then how it is cut may be chosen.</param>
internal sealed class EngineChoices(bool scores = true)
{
    private readonly Option<string?> engine = Choose.Text("--engine", "KIND", "Who does the work: local (this process, or with `--tasks` processes of this machine), or hand (the work is planned; start `winnow worker` wherever you like). Default: local.", "local", "hand");
    private readonly Option<long?> tasks = Choose.Whole("--tasks", "Worker processes. Default: none, this process does it all.", 1, most: 4096);
    private readonly Option<long?> itemBytes = Choose.Whole("--item-bytes", "With workers: text in one work item; a large file is many. Default: a sixteenth of a worker's share, 256 kB to 64 MB.");
    private readonly Option<long?> lanes = Choose.Whole("--lanes", "With workers: SIMD lanes that all of them compute in, where machines differ: 16, 8 or 4. Default: this machine's widest.", 4, most: 16);

    /// <summary>What goes under the help's heading.</summary>
    internal Symbol[] Symbols => scores ? [engine, tasks, itemBytes, lanes] : [engine, tasks];

    /// <summary>The engine; null where this process does the work itself.</summary>
    internal IWorkEngine? Of(ParseResult parse, Terminal terminal, int threads) => parse.GetValue(engine) switch
    {
        "hand" => new HandEngine(terminal),
        _ when parse.GetValue(tasks) is { } processes => new LocalEngine(WorkerProgram.Command, (int)processes, threads, terminal.Time),
        _ => null,
    };

    /// <summary>How a scoring is cut, and what its workers compute with.</summary>
    internal ScoringSplit Split(ParseResult parse, IBackend backend)
    {
        int width = (int)(parse.GetValue(lanes) ?? CpuBackend.SupportedLanes[0]);
        if (!CpuBackend.SupportedLanes.Contains(width))
            throw new RequestException("--lanes", $"found {width}, expected one of {string.Join(", ", CpuBackend.SupportedLanes)}");
        return new ScoringSplit((int)(parse.GetValue(tasks) ?? 1), parse.GetValue(itemBytes), new WorkerDevice(backend.Precision, width).ToJson());
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
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw new ResumableException($"what is done is in {run}; the same command goes on from there");
        }
    }

    /// <summary>Whether a stage is done; says how to see it where others go on with it.</summary>
    internal static bool IsComplete(Terminal terminal, string run, string stage)
    {
        if (StageStatus.Read(WorkStore.Open(run, stage), new WorkerOptions().Lease, terminal.Time).IsComplete) return true;
        terminal.Say($"run: {run}; `winnow run status {Shell.Quote(run)}` says how far it is");
        return false;
    }

    private static ProgressState State(StageStatus status) => new(
        status.Stage, status.Done, $"of {status.Items} items, {status.Running} running", status.Items == 0 ? 1 : status.Done / (double)status.Items,
        status.TokensPerSecond > 0 ? $"{Studies.Reports.Figures.Short(status.TokensPerSecond)} tokens/s" : "", status.Remaining);
}
