using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Kernels.Cpu;
using Winnow.Pruning;
using Winnow.Pruning.Duplicates;
using Winnow.Pruning.Scoring;
using Winnow.Work;
using Xunit;

namespace Winnow.Tests.Pruning;

/// <summary>A scoring done by workers, item by item, leaves the bytes of one that was done in one process.</summary>
public sealed class ScoringWorkTests : IDisposable
{
    private static readonly WorkerOptions Quick = new() { Lease = TimeSpan.FromMinutes(1), Beat = TimeSpan.FromMilliseconds(50), Poll = TimeSpan.FromMilliseconds(20), RetryAfter = [] };
    private static readonly string[] Folders = ["scores", "completions"];
    private readonly TemporaryDirectory directory = new();

    public ScoringWorkTests()
    {
        TinyModel.Write(directory["model"], 1);
        Directory.CreateDirectory(directory["corpus"]);
        TinyCorpus.Write(directory["corpus/a.jsonl"], 90, 1);
        TinyCorpus.Write(directory["corpus/b.jsonl"], 3, 2);
        TinyCorpus.Write(directory["corpus/c.jsonl"], 50, 1);
    }

    public static TheoryData<string> Kinds => [.. Requests.Keys];

    private static readonly Dictionary<string, Func<ScoringRequest, ScoringRequest>> Requests = new()
    {
        ["documents"] = request => request,
        ["sequences"] = request => request with { Options = request.Options with { Unit = UnitKind.Sequence, Context = 48 } },
        ["halves"] = request => request with { Models = [request.Models[0], request.Models[0]], Fold = new CorpusFold(3) },
        ["limit"] = request => request with { Corpus = new CorpusOptions { Limit = 91 } },
        ["copies"] = request => request with { Options = request.Options with { Dedup = Dedup.Exact } },
        ["fields"] = request => request with { Corpus = new CorpusOptions { Fields = ["lang"] } },
        ["bad records"] = request => request with { Corpus = new CorpusOptions { MaxBadRecords = 5 } },
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Ranges_scored_by_several_workers_make_the_files_of_one_process(string kind)
    {
        if (kind == "bad records") await DamageAsync("corpus/a.jsonl");
        if (kind == "fields")
            foreach (string file in Directory.EnumerateFiles(directory["corpus"])) await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file, Cancel)).Replace("\"source\":", "\"lang\":\"zh\",\"source\":", StringComparison.Ordinal), Cancel);
        ScoringRequest whole = Requests[kind](Request("whole")), split = Requests[kind](Request("split"));
        using (CpuBackend backend = new(2)) await Scorer.ScoreAsync(whole, backend, cancel: Cancel);
        await PlanAsync(split, itemBytes: 2000);
        Assert.InRange(WorkStore.Open(split.Output, ScoringWork.Score).Items.Count, kind == "limit" ? 3 : 8, 60);
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 3).Select(task => WorkAsync(split.Output, ScoringWork.Score, task))), end => Assert.Equal(WorkerEnd.Done, end));
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 2).Select(task => WorkAsync(split.Output, ScoringWork.Gather, task))), end => Assert.Equal(WorkerEnd.Done, end));
        Assert.Equal(Results("whole"), Results("split"));
        RunManifest expected = RunDirectory.ReadManifest(directory["whole"]), made = RunDirectory.ReadManifest(directory["split"]);
        Assert.Equal((RunState.Complete, expected.BadRecords, expected.Cost.Units, expected.Cost.PredictedTokens), (made.State, made.BadRecords, made.Cost.Units, made.Cost.PredictedTokens));
        Assert.Equal(expected.Statuses, made.Statuses);
        Assert.False(Directory.Exists(directory["split/progress"]));
        Assert.Empty(Directory.EnumerateFiles(directory["split"], "*.tmp", SearchOption.AllDirectories));
        Assert.False(await ScoringWork.PlanAsync(split, new CpuBackend(1), new ScoringSplit(1, 2000, default), cancel: Cancel));
    }

    [Theory]
    [InlineData("documents")]
    [InlineData("sequences")]
    public async Task Ranges_taken_one_after_the_other_read_the_file_once(string kind)
    {
        using ScoringSetup setup = ScoringSetup.Open(Requests[kind](Request("run")));
        using UnitCursor units = new(setup.Plan, setup.Corpus, directory["run"]);
        async Task<string[]> ReadAsync(long from, long until)
        {
            List<string> ids = [];
            await foreach (ScoringUnit unit in units.ReadAsync(0, from - 1, until, long.MaxValue, Cancel)) ids.Add(unit.Id);
            return [.. ids];
        }

        string[] whole = await ReadAsync(0, long.MaxValue);
        long once = setup.Corpus.BytesRead, rows = whole.Length;
        Assert.InRange(rows, 20, 1000);
        List<string> parts = [];
        for (long from = 0; from <= rows; from += 7) parts.AddRange(await ReadAsync(from, from + 7));
        Assert.Equal(whole, parts);
        Assert.Equal(2 * once, setup.Corpus.BytesRead);
        // Back, from the beginning; and after an end that was not reached.
        Assert.Equal(whole[3..9], await ReadAsync(3, 9));
        using CancellationTokenSource stop = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ScoringUnit unit in units.ReadAsync(0, 8, long.MaxValue, long.MaxValue, stop.Token)) stop.Cancel();
        });
        Assert.Equal(whole[10..12], await ReadAsync(10, 12));
    }

    [Fact]
    public async Task An_item_stopped_or_lost_at_any_block_goes_on_where_it_was()
    {
        ScoringRequest request = Request("run");
        using (CpuBackend backend = new(2)) await Scorer.ScoreAsync(Request("whole"), backend, cancel: Cancel);
        await PlanAsync(request, itemBytes: 1 << 20);
        WorkStore store = WorkStore.Open(request.Output, ScoringWork.Score);
        // A dead attempt leaves a journal that ends in the middle of a block.
        using (CpuBackend backend = new(1)) await Scorer.ScoreAsync(Request("other") with { Runtime = new ScoringRuntime { BlockRows = 7 }, Corpus = new CorpusOptions { Limit = 40 } }, backend, cancel: Cancel);
        string dead = Path.Combine(request.Output, "progress", "item-000000.0.journal");
        using (ScoreJournal journal = ScoreJournal.Open(dead, ScoreTable.Open(directory["other"]).Schema.Metrics.Count))
        {
            journal.Append([.. ScoreTable.Open(directory["other"]).Parts[0].ReadRows().Take(25)]);
        }

        await File.AppendAllTextAsync(dead, "half a block", Cancel);
        File.WriteAllText(Path.Combine(store.Directory, "claims", "0.0"), "dead");
        Assert.Equal(WorkerEnd.Done, await WorkAsync(request.Output, ScoringWork.Score, 0, leaseSeconds: 0.2));
        Assert.InRange(store.Outcome(0).Units, 1, 90 - 25); // the rows that were there were not scored again
        Assert.Equal(WorkerEnd.Done, await WorkAsync(request.Output, ScoringWork.Gather, 0));
        Assert.Equal(Results("whole"), Results("run"));
    }

    [Fact]
    public async Task Rows_that_are_gone_are_never_a_shorter_part()
    {
        ScoringRequest request = Request("run");
        await PlanAsync(request, itemBytes: 2000);
        Assert.Equal(WorkerEnd.Done, await WorkAsync(request.Output, ScoringWork.Score, 0));
        string last = Directory.EnumerateFiles(directory["run/progress"], "*.rows").Order(StringComparer.Ordinal).Last(path => new FileInfo(path).Length > 100);
        File.WriteAllBytes(last, (await File.ReadAllBytesAsync(last, Cancel))[..^3]);
        Assert.Equal(WorkerEnd.Failed, await WorkAsync(request.Output, ScoringWork.Gather, 0));
        WorkFailure failure = Assert.Single(WorkStore.Open(request.Output, ScoringWork.Gather).Failures());
        Assert.Contains("were scored", failure.Error, StringComparison.Ordinal);
        Assert.Equal(RunState.Running, RunDirectory.ReadManifest(request.Output).State);
    }

    [Fact]
    public async Task Workers_refuse_inputs_and_models_that_are_not_the_runs()
    {
        ScoringRequest request = Request("run");
        await PlanAsync(request, itemBytes: 2000);
        await File.AppendAllTextAsync(directory["corpus/b.jsonl"], "{\"text\":\"more\"}\n", Cancel);
        CorpusException changed = await Assert.ThrowsAsync<CorpusException>(() => WorkAsync(request.Output, ScoringWork.Score, 0));
        Assert.Contains("changed since the run began", changed.Message, StringComparison.Ordinal);
        TinyCorpus.Write(directory["corpus/b.jsonl"], 3, 2);
        TinyModel.Write(directory["model"], 2);
        changed = await Assert.ThrowsAsync<CorpusException>(() => WorkAsync(request.Output, ScoringWork.Score, 0));
        Assert.Contains("the model has changed", changed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_bad_records_than_allowed_over_all_items_stop_the_run()
    {
        await DamageAsync("corpus/a.jsonl");
        await DamageAsync("corpus/c.jsonl");
        ScoringRequest request = Request("run") with { Corpus = new CorpusOptions { MaxBadRecords = 3 } };
        await PlanAsync(request, itemBytes: 2000);
        foreach (string stage in new[] { ScoringWork.Score, ScoringWork.Gather })
        {
            // Each worker alone sees few enough.
            await Task.WhenAll(Enumerable.Range(0, 8).Select(task => WorkAsync(request.Output, stage, task)));
        }

        Assert.NotEqual(RunState.Complete, RunDirectory.ReadManifest(request.Output).State);
        Assert.NotEmpty(ScoringWork.Steps.SelectMany(step => WorkStore.Open(request.Output, step.Stage).Failures()));
    }

    private ScoringRequest Request(string run) => new()
    {
        Inputs = [directory["corpus"]],
        Models = [directory["model"]],
        Output = directory[run],
        Options = new ScoringOptions { Context = 48, Prompt = 4, Continuation = 4, Metrics = Metrics.Perplexity | Metrics.El2n | Metrics.Memorization },
    };

    private static async Task PlanAsync(ScoringRequest request, long itemBytes)
    {
        using CpuBackend backend = new(1);
        Assert.True(await ScoringWork.PlanAsync(request, backend, new ScoringSplit(3, itemBytes, JsonSerializer.SerializeToElement(1)), cancel: Cancel));
    }

    private static Task<WorkerEnd> WorkAsync(string run, string stage, int task, double leaseSeconds = 60) => Task.Run(async () =>
    {
        WorkStore store = WorkStore.Open(run, stage);
        IWorkStage does = stage == ScoringWork.Score ? new ScoreStage(store, new CpuBackend(1)) : new GatherStage(store, TimeProvider.System);
        using IDisposable? owned = does as IDisposable;
        return await Worker.RunAsync(store, does, Quick with { Task = task, Lease = TimeSpan.FromSeconds(leaseSeconds) }, Cancel);
    });

    /// <summary>Two lines that are no JSON, one of them the last.</summary>
    private async Task DamageAsync(string name)
    {
        List<string> lines = [.. await File.ReadAllLinesAsync(directory[name], Cancel)];
        lines.Insert(30, "{\"text\": 5}");
        lines.Add("not json");
        await File.WriteAllLinesAsync(directory[name], lines, Cancel);
    }

    private Dictionary<string, string> Results(string run) => Folders
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(directory[run], folder)))
        .ToDictionary(path => Path.GetRelativePath(directory[run], path), path => Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path))));
}
