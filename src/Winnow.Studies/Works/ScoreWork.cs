using System.Text.Json;
using Winnow.Kernels;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;
using Winnow.Studies.Execution;

namespace Winnow.Studies.Works;

/// <summary>Options of the step <c>score</c>.</summary>
/// <param name="Metrics">Any of <c>perplexity</c>, <c>bits_per_byte</c>, <c>el2n</c>, <c>memorization</c>.</param>
/// <param name="Unit"><c>sequence</c> or <c>document</c>.</param>
/// <param name="Context">Tokens of a window.</param>
/// <param name="Checkpoint">Which of each reference's checkpoints scores.</param>
/// <param name="Directory">A checkpoint that exists, or null where the inputs <c>model1</c>, <c>model2</c>, … are trained ones.</param>
/// <param name="Hash">Of the existing checkpoint.</param>
internal sealed record ScoreOptions(IReadOnlyList<string> Metrics, string Unit, int Context, int Checkpoint, string? Directory, string? Hash);

/// <summary>Scores the training corpus with a reference, or with several whose scores are averaged.</summary>
internal sealed class ScoreWork(IBackend backend, IProgress<ScoringProgress>? progress) : IStepWork
{
    /// <summary>The run's directory within the step's output.</summary>
    internal const string Folder = "run";

    /// <inheritdoc/>
    public Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
    {
        var options = step.Options.Deserialize<ScoreOptions>(StudyFiles.Json)!;
        List<string> models = options.Directory is { } directory
            ? [directory]
            : [.. inputs.Where(input => input.Key.StartsWith("model", StringComparison.Ordinal)).OrderBy(input => input.Key, StringComparer.Ordinal).Select(input => TrainWork.CheckpointOf(input.Value, options.Checkpoint))];
        return Scorer.ScoreAsync(
            new ScoringRequest
            {
                Inputs = [StudyFiles.CorpusInput(inputs["prepare"], "train")],
                Models = models,
                Output = Path.Combine(workDirectory, Folder),
                Options = new ScoringOptions
                {
                    Metrics = options.Metrics.Aggregate(Metrics.None, (all, name) => all | Named(name)),
                    Unit = options.Unit == "sequence" ? UnitKind.Sequence : UnitKind.Document,
                    Context = options.Context,
                },
                Runtime = new ScoringRuntime { Visible = false },
            },
            backend, progress, cancel);
    }

    private static Metrics Named(string metric) => metric switch
    {
        "perplexity" or "bits_per_byte" => Metrics.Perplexity,
        "el2n" => Metrics.El2n,
        "memorization" => Metrics.Memorization,
        _ => throw new ArgumentOutOfRangeException(nameof(metric), metric, "unknown metric"),
    };
}

/// <summary>Options of the step <c>select</c>.</summary>
/// <param name="Rule">As <see cref="KeepRule.Parse"/> reads it.</param>
/// <param name="Seed">Of a random band.</param>
internal sealed record SelectOptions(string Rule, long Seed);

/// <summary>Keeps a band of a scored corpus.</summary>
internal sealed class SelectWork(int threads) : IStepWork
{
    /// <summary>The selection's directory within the step's output.</summary>
    internal const string Folder = "selection";

    /// <inheritdoc/>
    public Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
    {
        var options = step.Options.Deserialize<SelectOptions>(StudyFiles.Json)!;
        SelectionDirectory.Create(
            Path.Combine(workDirectory, Folder), ParquetScores.Open(Path.Combine(inputs["score"], ScoreWork.Folder)),
            new SelectionOptions { Keep = [KeepRule.Parse(options.Rule)], Seed = options.Seed }, threads, force: true, cancel: cancel);
        return Task.CompletedTask;
    }
}
