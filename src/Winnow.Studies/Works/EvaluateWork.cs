using System.Text.Json;
using System.Text.Json.Serialization;
using Winnow.Kernels;
using Winnow.Pruning;
using Winnow.Pruning.Scoring;
using Winnow.Studies.Evaluation;
using Winnow.Studies.Execution;
using Winnow.Studies.Glue;

namespace Winnow.Studies.Works;

/// <summary>Options of the step <c>evaluate</c>.</summary>
/// <param name="Tests">Names of the test sets.</param>
/// <param name="Context">Tokens of a window.</param>
internal sealed record EvaluateOptions(IReadOnlyList<string> Tests, int Context)
{
    /// <summary>Which of the model's checkpoints; null for the finished model.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Checkpoint { get; init; }
}

/// <summary>The losses of one model on one test set, document by document: <c>losses-NAME.json</c>.</summary>
/// <param name="Nll">Σ −ln p per document, in nats.</param>
/// <param name="Tokens">Predicted tokens per document.</param>
/// <param name="Bytes">UTF-8 bytes they cover, per document.</param>
internal sealed record TestLosses(double[] Nll, long[] Tokens, long[] Bytes)
{
    /// <summary>Documents with at least one predicted token, in order.</summary>
    internal DocumentLoss[] Documents => [.. Enumerable.Range(0, Nll.Length).Select(i => new DocumentLoss(Nll[i], Tokens[i], Bytes[i]))];
}

/// <summary>Measures a trained model on every test set.</summary>
internal sealed class EvaluateWork(IBackend backend, IProgress<ScoringProgress>? progress) : IStepWork
{
    /// <inheritdoc/>
    public async Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
    {
        var options = step.Options.Deserialize<EvaluateOptions>(StudyFiles.Json)!;
        foreach (string test in options.Tests)
        {
            string run = Path.Combine(workDirectory, "run-" + test);
            await Scorer.ScoreAsync(
                new ScoringRequest
                {
                    Inputs = [StudyFiles.TestFile(inputs["prepare"], test)],
                    Models = [options.Checkpoint is { } checkpoint ? TrainWork.CheckpointOf(inputs["model"], checkpoint) : Path.Combine(inputs["model"], TrainWork.ModelFolder)],
                    Output = run,
                    Options = new ScoringOptions { Metrics = Metrics.Perplexity, Context = options.Context },
                    Runtime = new ScoringRuntime { Visible = false },
                },
                backend, progress, cancel).ConfigureAwait(false);
            StudyFiles.Write(LossesFile(workDirectory, test), Losses(ScoreTable.Open(run)));
            Directory.Delete(run, recursive: true);
        }
    }

    internal static string LossesFile(string directory, string test) => Path.Combine(directory, $"losses-{test}.json");

    private static TestLosses Losses(ScoreTable table)
    {
        int nll = table.Schema.IndexOf("nll");
        List<ScoreRow> rows = [.. table.ReadRows().Where(row => row.Tokens > 0 && double.IsFinite(row.Values[nll]))];
        return new TestLosses([.. rows.Select(row => row.Values[nll])], [.. rows.Select(row => (long)row.Tokens)], [.. rows.Select(row => row.ScoredBytes)]);
    }
}

/// <summary>Options of the step <c>glue</c>.</summary>
/// <param name="Data">Directory with a folder per task.</param>
/// <param name="Hash">Of its files.</param>
/// <param name="Tasks">Task names.</param>
/// <param name="Seeds">Fine-tuning seeds.</param>
internal sealed record GlueStepOptions(string Data, string Hash, IReadOnlyList<string> Tasks, IReadOnlyList<long> Seeds);

/// <summary>Fine-tunes a trained model on GLUE: <c>glue.json</c>.</summary>
internal sealed class GlueWork(IBackend backend, IProgress<GlueProgress>? progress) : IStepWork
{
    /// <inheritdoc/>
    public Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
    {
        var options = step.Options.Deserialize<GlueStepOptions>(StudyFiles.Json)!;
        var glue = new GlueOptions { Tasks = options.Tasks, Seeds = [.. options.Seeds.Select(seed => (ulong)seed)] };
        GlueResult result = GlueRunner.Run(Path.Combine(inputs["model"], TrainWork.ModelFolder), options.Data, glue, backend, progress, cancel);
        StudyFiles.Write(Path.Combine(workDirectory, "glue.json"), result);
        return Task.CompletedTask;
    }
}
