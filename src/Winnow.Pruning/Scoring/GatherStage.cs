using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Work;

namespace Winnow.Pruning.Scoring;

/// <summary>Makes a file's part of the rows of its items; the last item completes the manifest.</summary>
public sealed class GatherStage : IWorkStage
{
    private readonly WorkStore store;
    private readonly WorkStore scores;
    private readonly ScoringTask task;
    private readonly RunManifest manifest;
    private readonly CorpusOptions corpus;
    private readonly TimeProvider clock;
    private readonly ScoreSchema schema;
    private readonly ILookup<int, int> items;

    /// <summary>Opens the stage.</summary>
    /// <param name="store">The stage <see cref="ScoringWork.Gather"/>.</param>
    /// <param name="clock">The clock of the manifest.</param>
    public GatherStage(WorkStore store, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(store);
        (this.store, this.clock) = (store, clock);
        scores = WorkStore.Open(store.Run, ScoringWork.Score);
        task = ScoringWork.TaskOf(store);
        manifest = RunDirectory.ReadManifest(store.Run);
        corpus = manifest.Corpus.Deserialize<CorpusOptions>(RunManifest.Json)!;
        schema = ScoreSchema.For(
            manifest.Options.Metrics, manifest.FoldSeed is null ? manifest.Models.Count : 1, manifest.FoldSeed is not null, manifest.Options.Unit == UnitKind.Sequence) with
        { Fields = corpus.Fields ?? [] };
        items = Enumerable.Range(0, scores.Items.Count).ToLookup(item => scores.Items[item].Shard);
    }

    private int Last => store.Items.Count - 1;

    /// <inheritdoc/>
    public bool IsReady(int item, WorkStore store) => item != Last || Enumerable.Range(0, Last).All(store.IsDone);

    /// <inheritdoc/>
    public async Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(claim);
        if (claim.Index != Last) return await GatherAsync(claim, stop).ConfigureAwait(false);
        Complete(claim);
        return new WorkOutcome();
    }

    private async Task<WorkOutcome> GatherAsync(WorkClaim claim, CancellationToken stop)
    {
        int shard = claim.Item.Shard;
        ScoredItem[] made = [.. items[shard].Select(item => scores.Outcome(item).Detail!.Value.Deserialize<ScoredItem>(RunManifest.Json)!)];
        ScoredPart part = new(store.Run, shard, schema, manifest.Options.Unit);
        if (!part.IsWritten)
        {
            BadRecord[] bad = [.. made.SelectMany(item => item.BadRecords).DistinctBy(record => record.Line).OrderBy(record => record.Line)];
            long rows = made.Sum(item => item.Rows);
            await part.WriteAsync(items[shard].SelectMany(Rows), rows, made.Max(item => item.Documents), bad, claim.PrivateSuffix, null, stop).ConfigureAwait(false);
        }

        CostLedger cost = made.Aggregate(new CostLedger(), (sum, item) => sum.Plus(item.Cost));
        return new WorkOutcome(cost.Units, 0, JsonSerializer.SerializeToElement(new ScoredItem(0, 0, [], made.Max(item => item.BadShards), cost), RunManifest.Json));
    }

    private IEnumerable<ScoreRow> Rows(int item)
    {
        string path = ScoreStage.RowsPath(store.Run, item);
        if (!File.Exists(path)) throw new CorpusException(path, $"the rows of {scores.Items[item]} are gone", "score again with `--restart`");
        using ScoreJournal journal = ScoreJournal.OpenFinished(path, schema.Metrics.Count, schema.Fields.Count);
        foreach (ScoreRow row in journal.ReadRows()) yield return row;
    }

    private void Complete(WorkClaim claim)
    {
        ScoredItem[] parts = [.. Enumerable.Range(0, Last).Select(item => store.Outcome(item).Detail!.Value.Deserialize<ScoredItem>(RunManifest.Json)!)];
        RunManifest complete = RunCompletion.Of(store.Run, manifest, clock);
        if (complete.BadRecords > corpus.MaxBadRecords)
            throw new CorpusException(store.Run, $"{complete.BadRecords} records could not be read, {corpus.MaxBadRecords} may be skipped", "start over with a larger `--max-bad-records`");
        if (parts.Sum(part => part.BadShards) is int damaged && damaged > corpus.MaxBadShards)
            throw new CorpusException(store.Run, $"{damaged} files are damaged, of {corpus.MaxBadShards} the records before the damage may be used", "start over with a larger `--max-bad-shards`");
        CostLedger cost = parts.Aggregate(task.Before.Plus(new CostLedger { Attempts = 1 }), (sum, part) => sum.Plus(part.Cost));
        RunDirectory.WriteManifest(store.Run, complete with { Cost = cost }, null, claim.PrivateSuffix);
        RunDirectory.RemoveProgress(store.Run);
        RunDirectory.RemoveUnfinished(store.Run);
    }
}
