using System.Globalization;
using System.Text.Json;
using Winnow.Work;

namespace Winnow.Pruning.Selection;

/// <summary>
/// A selection made by all workers of a stage together: the same passes, rules and bytes as in one process. Each pass is a stage under
/// the same directory (<c>select-1-ranking</c>, …) whose findings are small files; the stage itself has one item, <c>selection.json</c>.
/// </summary>
public sealed class SelectStage : IWorkStage
{
    /// <summary>The stage's name.</summary>
    public const string Name = "select";

    /// <summary>The stage, for an engine.</summary>
    public static WorkStep Step { get; } = new(Name, Computes: false);

    private readonly WorkStore _store;
    private readonly int _threads;
    private readonly SelectRequest _request;
    private readonly IScoreSource? _scores;
    private SelectionSummary? _summary;

    /// <summary>For one worker.</summary>
    /// <param name="store">The planned stage.</param>
    /// <param name="threads">Readers at work.</param>
    /// <param name="scores">The score table; null opens that of the planned run.</param>
    public SelectStage(WorkStore store, int threads, IScoreSource? scores = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        (_store, _threads, _scores) = (store, threads, scores);
        _request = store.Description.Request.Deserialize<SelectRequest>(SelectionDirectory.Json)!;
    }

    /// <summary>Plans the stage. The scores need not be there yet.</summary>
    /// <param name="run">The directory under whose <c>stages/</c> it is done.</param>
    /// <param name="scores">The run whose scores are ranked.</param>
    /// <param name="output">Directory for the selection: new, empty, or with <paramref name="force"/> an older selection.</param>
    /// <param name="options">The rules.</param>
    /// <param name="force">Whether an older selection may be replaced.</param>
    public static WorkStore Plan(string run, string scores, string output, SelectionOptions options, bool force = false)
    {
        ArgumentNullException.ThrowIfNull(options);
        SelectRequest request = new(Path.GetFullPath(scores), Path.GetFullPath(output), options.Validated());
        JsonElement described = JsonSerializer.SerializeToElement(request, SelectionDirectory.Json);
        if (Directory.Exists(request.Output) && WorkStore.TryContinue(run, Name, described)) return WorkStore.Open(run, Name);
        SelectionDirectory.Prepare(request.Output, force);
        foreach (string pass in WorkStore.StagesOf(run).Where(stage => stage.StartsWith(Name + "-", StringComparison.Ordinal)))
            Directory.Delete(WorkStore.DirectoryOf(run, pass), recursive: true);
        return WorkStore.Create(run, new WorkDescription(
            Name, Environment.CurrentDirectory, described, [new WorkItem(-1, Name: "selection")]));
    }

    /// <inheritdoc/>
    public async Task<WorkerEnd> PrepareAsync(WorkerOptions options, CancellationToken stop)
    {
        string suffix = string.Create(CultureInfo.InvariantCulture, $".{Environment.MachineName}-{Environment.ProcessId}.partial");
        IScoreSource scores = _scores ?? ParquetScores.Open(_request.Scores);
        try
        {
            _summary = await Task.Run(() => RankSelector.Select(
                scores, _request.Options, (shard, mask) => mask.Write(Path.Combine(_request.Output, MaskWriter.MaskName(shard)), suffix), RankSelector.MostCandidates,
                open => new SharedScan(scores, _store.Run, Name, open, _threads, options, stop)), CancellationToken.None).ConfigureAwait(false);
            return WorkerEnd.Done;
        }
        catch (PassEndedException pass)
        {
            return pass.End;
        }
    }

    /// <inheritdoc/>
    public Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(claim);
        SelectionSummary summary = _summary ?? throw new InvalidOperationException("the passes were not made");
        SelectionDirectory.WriteSummary(_request.Output, summary, claim.PrivateSuffix);
        foreach (string left in Directory.EnumerateFiles(_request.Output, "mask-*.partial")) File.Delete(left);
        return Task.FromResult(new WorkOutcome(summary.All.Units));
    }

    private sealed record SelectRequest(string Scores, string Output, SelectionOptions Options);
}
