using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Kernels;
using Winnow.Models.Checkpoints;
using Winnow.Work;

namespace Winnow.Pruning.Scoring;

/// <summary>
/// Scores ranges of rows. An attempt appends its rows to a journal of its own, which begins with what dead attempts before it made
/// durable; the finished journal is renamed to the item's rows.
/// </summary>
public sealed class ScoreStage : IWorkStage, IDisposable
{
    private readonly WorkStore store;
    private readonly IBackend backend;
    private readonly ScoringTask task;
    private readonly ScoringRequest request;
    private readonly ScoringSetup setup;
    private readonly UnitCursor units;
    private readonly double? peak;
    private LoadedModels? models;

    /// <summary>Opens what all items share; weights are loaded with the first of them.</summary>
    /// <param name="store">The stage <see cref="ScoringWork.Score"/>.</param>
    /// <param name="backend">Computes; disposed of with the stage.</param>
    /// <param name="peakGflops">Its measured peak, for the cost ledger; null where nobody measured it.</param>
    /// <exception cref="CorpusException">Files or models are not those of the run.</exception>
    public ScoreStage(WorkStore store, IBackend backend, double? peakGflops = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(backend);
        (this.store, this.backend, peak) = (store, backend, peakGflops);
        RunManifest manifest = RunDirectory.ReadManifest(store.Run);
        task = ScoringWork.TaskOf(store);
        CorpusOptions options = manifest.Corpus.Deserialize<CorpusOptions>(RunManifest.Json)! with { Limit = null, KeepRecords = false };
        request = new ScoringRequest
        {
            Inputs = [.. manifest.Inputs.Select(input => input.Path)],
            Corpus = options,
            Models = task.Models,
            Tokenizer = task.Tokenizer,
            Fold = manifest.FoldSeed is { } seed ? new CorpusFold(seed) : null,
            Output = store.Run,
            Options = manifest.Options,
        };
        setup = ScoringSetup.Open(request, CorpusReader.Reopen([.. manifest.Inputs.Select(input => (input.Path, input.Name))], options));
        try
        {
            Check(manifest);
        }
        catch
        {
            setup.Dispose();
            throw;
        }

        units = new UnitCursor(setup.Plan, setup.Corpus, store.Run);
    }

    /// <inheritdoc/>
    public async Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(claim);
        long began = Stopwatch.GetTimestamp();
        models ??= setup.Load(backend);
        WorkItem item = claim.Item;
        string path = Adopt(claim);
        RowBlocks blocks = new(request.Runtime);
        using ScoringPipeline pipeline = new(setup.Plan, units, models.Decoders, backend.Workers);
        long? documents = null;
        long rowsThere = 0;
        using (ScoreJournal journal = ScoreJournal.Open(path, setup.Plan.Schema.Metrics.Count, fields: setup.Plan.Fields.Count))
        {
            blocks.Journal = journal;
            ShardWork rows = new(item.Shard, Math.Max(journal.LastRow, item.From - 1), IsComplete: false, 0, item.To ?? long.MaxValue);
            double bytes = CorpusSize.TextBytes([setup.Corpus.Shards[item.Shard]]), read = 0;
            try
            {
                await foreach (ScoringEvent due in pipeline.RunAsync([rows], task.Limits?[item.Shard] ?? long.MaxValue, stop).ConfigureAwait(false))
                {
                    if (due.Row is { } row)
                    {
                        blocks.Add(row);
                        read += row.Bytes;
                        double share = item.To is { } to ? (row.Row + 1.0 - item.From) / (to - item.From) : Math.Min(0.99, read / Math.Max(1, bytes));
                        claim.Report(blocks.Durable, pipeline.Meter.Tokens, share);
                    }
                    else
                    {
                        documents = due.Documents;
                    }
                }
            }
            finally
            {
                blocks.Flush();
                rowsThere = journal.Rows;
            }
        }

        if (documents is null) throw new OperationCanceledException(stop);
        File.Move(path, RowsPath(store.Run, claim.Index), overwrite: true);
        return Outcome(item.Shard, rowsThere, documents.Value, pipeline, blocks, Stopwatch.GetElapsedTime(began));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        units.Dispose();
        models?.Dispose();
        setup.Dispose();
        backend.Dispose();
    }

    /// <summary>Where the rows of a finished item lie.</summary>
    internal static string RowsPath(string run, int item) => Path.Combine(run, "progress", string.Create(CultureInfo.InvariantCulture, $"item-{item:D6}.rows"));

    /// <summary>The attempt's journal; of an earlier attempt, a copy, because nobody can be sure that it is dead.</summary>
    private string Adopt(WorkClaim claim)
    {
        string Journal(int attempt) => Path.Combine(store.Run, "progress", string.Create(CultureInfo.InvariantCulture, $"item-{claim.Index:D6}.{attempt}.journal"));
        string own = Journal(claim.Attempt);
        if (File.Exists(own)) return own;
        IEnumerable<string> earlier = Enumerable.Range(0, claim.Attempt).Reverse().Select(Journal).Prepend(RowsPath(store.Run, claim.Index));
        if (earlier.FirstOrDefault(File.Exists) is { } best) File.Copy(best, own, overwrite: true);
        return own;
    }

    private WorkOutcome Outcome(int shard, long rows, long documents, ScoringPipeline pipeline, RowBlocks blocks, TimeSpan wall)
    {
        CostLedger cost = new()
        {
            Units = blocks.Durable,
            DocumentsWithSpecial = pipeline.WithSpecial,
            Tokens = pipeline.Meter.Tokens,
            PredictedTokens = pipeline.Meter.Predicted,
            Flops = pipeline.Meter.Flops,
            WallSeconds = wall.TotalSeconds,
            PeakGflops = peak,
            Seconds = new Dictionary<string, double>
            {
                ["read"] = pipeline.Reading.TotalSeconds,
                ["tokenize"] = pipeline.Tokenizing.TotalSeconds,
                ["forward"] = pipeline.Meter.Forward.TotalSeconds,
                ["generate"] = pipeline.Meter.Generate.TotalSeconds,
                ["write"] = blocks.Writing.TotalSeconds,
            },
        };
        ScoredItem made = new(
            rows, documents, [.. setup.Corpus.BadRecords.Where(record => record.Shard == shard)], setup.Corpus.BadShards.Count(record => record.Shard == shard), cost);
        return new WorkOutcome(cost.Units, cost.Tokens, JsonSerializer.SerializeToElement(made, RunManifest.Json));
    }

    /// <summary>What lies there now must be what the run began with.</summary>
    private void Check(RunManifest manifest)
    {
        foreach (RunInput input in manifest.Inputs)
        {
            if (setup.Corpus.Shards[input.Shard].Bytes != input.Bytes)
                throw new CorpusException(input.Path, "the file has changed since the run began", "start over with `--restart`");
        }

        if (setup.Plan.Tokenizer.Hash != manifest.Tokenizer.Sha256)
            throw new CorpusException(task.Tokenizer ?? task.Models[0], "the tokenizer has changed since the run began", "start over with `--restart`");
        if (backend.Precision != manifest.Precision)
            throw new CorpusException(store.Run, $"the run computes in {manifest.Precision}, this machine in {backend.Precision}", "use machines with the same instructions");
        for (int i = 0; i < setup.Models.Count; i++)
        {
            ModelDirectory model = setup.Models[i];
            string hash = ContentHash.OfFilesAsync([Path.Combine(model.Path, "config.json"), .. model.Files], CancellationToken.None).GetAwaiter().GetResult();
            if (hash != manifest.Models[i].Sha256) throw new CorpusException(model.Path, "the model has changed since the run began", "start over with `--restart`");
        }
    }
}
