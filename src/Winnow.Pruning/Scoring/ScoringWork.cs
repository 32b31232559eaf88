using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Kernels;
using Winnow.Work;

namespace Winnow.Pruning.Scoring;

/// <summary>How a scoring is cut into items for workers.</summary>
/// <param name="Tasks">Workers that are expected.</param>
/// <param name="ItemBytes">Text in an item; null chooses: a sixteenth of a worker's share, in [256 KB, 64 MB].</param>
/// <param name="Device">What the command line needs to make the same backend on another machine; its own business.</param>
public sealed record ScoringSplit(int Tasks, long? ItemBytes, JsonElement Device);

/// <summary>What a worker has to know to score, beside the run's manifest.</summary>
/// <param name="Models">Their directories.</param>
/// <param name="Tokenizer">Its directory or file; null for the first model's.</param>
/// <param name="Limits">Documents to read of each file; null where all are read.</param>
/// <param name="Before">The cost of earlier attempts.</param>
/// <param name="Device">See <see cref="ScoringSplit"/>.</param>
public sealed record ScoringTask(IReadOnlyList<string> Models, string? Tokenizer, IReadOnlyList<long>? Limits, CostLedger Before, JsonElement Device);

/// <summary>What came of one item of a scoring.</summary>
/// <param name="Rows">Rows of the item, those of earlier attempts included.</param>
/// <param name="Documents">Documents read from the file's beginning to the item's end.</param>
/// <param name="BadRecords">Records of the file that could not be read.</param>
/// <param name="BadShards">1 where the file turned out to be damaged, else 0.</param>
/// <param name="Cost">What it cost.</param>
internal sealed record ScoredItem(long Rows, long Documents, IReadOnlyList<BadRecord> BadRecords, int BadShards, CostLedger Cost);

/// <summary>
/// A scoring as work for many processes, in two stages: <c>score</c>, whose items are ranges of rows and leave their rows under
/// <c>progress/</c>, and <c>gather</c>, whose items are files and make their parts of those rows; its last item completes the manifest.
/// </summary>
public static class ScoringWork
{
    /// <summary>The stage of ranges.</summary>
    public const string Score = "score";

    /// <summary>The stage of files.</summary>
    public const string Gather = "gather";

    private const long LeastItemBytes = 256 << 10, MostItemBytes = 64 << 20, SampleBytes = 1 << 20;
    private const int ItemsPerTask = 16;

    /// <summary>The stages, in order.</summary>
    public static IReadOnlyList<WorkStep> Steps { get; } = [new(Score, Computes: true), new(Gather, Computes: false)];

    /// <summary>Begins a run, or goes on with one, and describes what is left of it.</summary>
    /// <param name="request">What, with which models, where to.</param>
    /// <param name="backend">What the workers will compute with, for the manifest.</param>
    /// <param name="split">How it is cut; an earlier description stays as it is.</param>
    /// <param name="progress">Told while inputs are hashed.</param>
    /// <param name="cancel">Stops.</param>
    /// <returns>False where the run is complete.</returns>
    /// <exception cref="CorpusException">The input, the models or the output directory cannot be used.</exception>
    public static async Task<bool> PlanAsync(
        ScoringRequest request, IBackend backend, ScoringSplit split, IProgress<ScoringProgress>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(split);
        using ScoringSetup setup = ScoringSetup.Open(request);
        if (setup.Corpus.Shards.Any(RunIdentity.IsStandardInput))
            throw new CorpusException("standard input", "only one process can read it", "write it to a file, or score it without `--engine`");
        if (request.Runtime.Restart || request.Runtime.Force) RefuseLiving(request.Output);
        RunManifest manifest = await RunIdentity.MakeAsync(request, setup.Plan, setup.Corpus, setup.Models, backend, progress, cancel).ConfigureAwait(false);
        using RunDirectory run = RunDirectory.Open(request.Output, manifest, request.Runtime.Restart, request.Runtime.Force);
        if (run.Manifest.State == RunState.Complete) return false;
        if (WorkStore.Exists(run.Path, Gather))
        {
            foreach (WorkStep step in Steps) WorkStore.Open(run.Path, step.Stage).Retry();
            WorkStore.Resume(run.Path);
            return true;
        }

        await Scorer.FindDuplicatesAsync(request, setup, run, backend, progress, cancel).ConfigureAwait(false);
        Describe(request, setup, run, split);
        return true;
    }

    /// <summary>What the workers of a stage of a scoring have to know.</summary>
    public static ScoringTask TaskOf(WorkStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.Description.Request.Deserialize<ScoringTask>(RunManifest.Json)!;
    }

    /// <summary>Refuses to score here what was described for workers.</summary>
    internal static void RefuseWorkers(string run)
    {
        if (WorkStore.Exists(run, Gather))
            throw new CorpusException(run, "its work was planned for workers", "go on with `--engine local --tasks N`, or start over with `--restart`");
    }

    private static void RefuseLiving(string run)
    {
        if (!WorkStore.StagesOf(run).Any(stage => StageStatus.Read(WorkStore.Open(run, stage), new WorkerOptions().Lease, TimeProvider.System).Workers > 0)) return;
        throw new CorpusException(run, "workers are at work here", $"send them home with `winnow run cancel {run}`");
    }

    private static void Describe(ScoringRequest request, ScoringSetup setup, RunDirectory run, ScoringSplit split)
    {
        CorpusShard[] open = [.. setup.Corpus.Shards.Where(shard => !new ScoredPart(run.Path, shard.Index, setup.Plan.Schema, request.Options.Unit).IsWritten)];
        long[]? limits = request.Corpus.Limit is { } limit ? Limits(setup, limit) : null;
        JsonElement task = JsonSerializer.SerializeToElement(
            new ScoringTask([.. request.Models.Select(Path.GetFullPath)], request.Tokenizer is null ? null : Path.GetFullPath(request.Tokenizer), limits, run.Manifest.Cost, split.Device),
            RunManifest.Json);
        long bytes = split.ItemBytes ?? (long)Math.Clamp(CorpusSize.TextBytes(open) / Math.Max(1, split.Tasks) / ItemsPerTask, LeastItemBytes, MostItemBytes);
        IEnumerable<WorkItem> items = open.SelectMany(shard => limits is null ? Cut(setup, shard, bytes) : [new WorkItem(shard.Index)]);
        string directory = Environment.CurrentDirectory;
        RunDirectory.RemoveProgress(run.Path);
        Directory.CreateDirectory(run.ProgressPath);
        WorkStore.Create(run.Path, new WorkDescription(Score, directory, task, [.. items]));
        WorkStore.Create(run.Path, new WorkDescription(Gather, directory, task, [.. open.Select(shard => new WorkItem(shard.Index)), new WorkItem(-1, Name: "manifest")]));
    }

    /// <summary>
    /// Ranges of about equal text. How many rows a file has is guessed from its beginning; the last range goes to its end, wherever that
    /// is, and a range behind it is empty, so that nothing but the evenness depends on the guess.
    /// </summary>
    private static IEnumerable<WorkItem> Cut(ScoringSetup setup, CorpusShard shard, long itemBytes)
    {
        double text = CorpusSize.TextBytes([shard]);
        int parts = (int)Math.Min(text / itemBytes, 1 << 20);
        if (parts < 2) return [new WorkItem(shard.Index)];
        long rows = Math.Max(1, (long)(RowsPerByte(setup, shard) * text / parts));
        return Enumerable.Range(0, parts).Select(part => new WorkItem(shard.Index, part * rows, part == parts - 1 ? null : (part + 1) * rows));
    }

    private static double RowsPerByte(ScoringSetup setup, CorpusShard shard)
    {
        long documents = 0, bytes = 0;
        foreach (Document document in setup.Reopen().Read(shard.Index))
        {
            documents++;
            bytes += document.Text.Length;
            if (bytes >= SampleBytes) break;
        }

        if (bytes == 0) return 0;
        // Four bytes to a token, as English and code have; only the evenness of the ranges depends on it.
        return setup.Plan.Options.Unit == UnitKind.Sequence ? 1 / (4.0 * setup.Plan.Context) : documents / (double)bytes;
    }

    /// <summary>Documents to read of each file: all, until one ends the counting, then none.</summary>
    private static long[] Limits(ScoringSetup setup, long limit)
    {
        CorpusReader corpus = setup.Reopen();
        long[] limits = new long[corpus.Shards.Count];
        for (int shard = 0; shard < limits.Length && limit > 0; shard++)
        {
            long found = corpus.Read(shard).Take((int)Math.Min(limit, int.MaxValue)).LongCount();
            limits[shard] = found == limit ? limit : long.MaxValue;
            limit -= found;
        }

        return limits;
    }
}
