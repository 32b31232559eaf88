using System.Security.Cryptography;
using System.Text.Json;
using Winnow.Data;
using Winnow.Kernels.Cpu;
using Winnow.Pruning;
using Winnow.Pruning.Export;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;
using Winnow.Work;
using Xunit;

namespace Winnow.Tests.Pruning;

/// <summary>A pruning and an export done by workers leave the files of one process.</summary>
public sealed class PruneWorkTests : IDisposable
{
    private static readonly WorkerOptions Quick = new() { Lease = TimeSpan.FromMinutes(1), Beat = TimeSpan.FromMilliseconds(50), Poll = TimeSpan.FromMilliseconds(20), RetryAfter = [] };
    private static readonly string[] Parts = ["pruned", "rest", "selection", "run/scores", "run/completions"];
    private readonly TemporaryDirectory directory = new();

    public PruneWorkTests()
    {
        TinyModel.Write(directory["model"], 1);
        Directory.CreateDirectory(directory["corpus"]);
        TinyCorpus.Write(directory["corpus/a.jsonl"], 60, 1);
        TinyCorpus.Write(directory["corpus/b.jsonl"], 4, 2);
        TinyCorpus.Write(directory["corpus/c.jsonl"], 30, 3);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task A_pruning_by_workers_is_that_of_one_process_and_goes_on_with_what_is_left()
    {
        using CpuBackend backend = new(2);
        await Pruner.PruneAsync(Request("one"), backend, cancel: Cancel);
        PruneRequest request = Request("many");
        for (int attempt = 0; attempt < 2; attempt++)
        {
            await PruneWork.PlanAsync(request, backend, new ScoringSplit(2, 3000, JsonSerializer.SerializeToElement(1)), cancel: Cancel);
            foreach (WorkStep step in PruneWork.Steps) await WorkAsync(PruneWork.PlaceOf(request), step.Stage);
        }

        PruneResult result = PruneWork.ResultOf(request, null);
        Assert.Equal(result.Selection.Kept.Units, result.Export.KeptRecords);
        foreach (string part in Parts) Assert.Equal(Files($"one/{part}"), Files($"many/{part}"));
        Assert.Equal(await File.ReadAllBytesAsync(directory["one/prune.json"], Cancel), await File.ReadAllBytesAsync(directory["many/prune.json"], Cancel));
    }

    [Theory]
    [InlineData(null, null, false)]
    [InlineData(23L, null, false)]
    [InlineData(null, 900L, true)]
    [InlineData(23L, 900L, true)]
    public async Task An_export_by_workers_is_that_of_one_process(long? limit, long? shardBytes, bool manifest)
    {
        using CpuBackend backend = new(2);
        await Pruner.PruneAsync(Request("one"), backend, cancel: Cancel);
        ExportOptions options = new() { Output = directory["whole"], Rejected = directory["whole-rest"], Limit = limit, ShardBytes = shardBytes, Manifest = manifest };
        await Exporter.ExportAsync(directory["one/run"], directory["one/selection"], options, 1, cancel: Cancel);
        ExportOptions shared = options with { Output = directory["shared"], Rejected = directory["shared-rest"] };
        ExportWork.Plan(directory["one/run"], directory["one/run"], directory["one/selection"], shared);
        await WorkAsync(directory["one/run"], ExportWork.Name);
        Assert.Equal(Files("whole"), Files("shared"));
        Assert.Equal(Files("whole-rest"), Files("shared-rest"));
    }

    [Fact]
    public async Task What_a_dead_attempt_began_to_export_is_gone_when_the_export_is_whole()
    {
        using CpuBackend backend = new(2);
        await Pruner.PruneAsync(Request("one"), backend, cancel: Cancel);
        ExportOptions options = new() { Output = directory["whole"] };
        await Exporter.ExportAsync(directory["one/run"], directory["one/selection"], options, 1, cancel: Cancel);
        ExportWork.Plan(directory["one/run"], directory["one/run"], directory["one/selection"], options with { Output = directory["shared"] });
        File.WriteAllText(directory["shared/a.jsonl.0-0-dead.tmp"], "half");
        File.WriteAllText(directory["shared/.winnow-export.begun.0-0-dead.tmp"], "\"a.jsonl\"\n");
        await WorkAsync(directory["one/run"], ExportWork.Name);
        Assert.Equal(Files("whole"), Files("shared"));
        CorpusException refused = Assert.Throws<CorpusException>(() => ExportWork.Plan(directory["one/run"], directory["one/run"], directory["one/selection"], options with { Shuffle = 1 }));
        Assert.Contains("by one process", refused.Message, StringComparison.Ordinal);
    }

    private PruneRequest Request(string name) => new()
    {
        Inputs = [directory["corpus"]],
        Models = [directory["model"]],
        Output = directory[name],
        Rejected = directory[name + "/rest"],
        Scoring = new ScoringOptions { Context = 48 },
        Selection = new SelectionOptions { Keep = [KeepRule.Parse("middle:50%")] },
    };

    private static Task WorkAsync(string place, string stage) => Task.WhenAll(Enumerable.Range(0, 2).Select(task => Task.Run(async () =>
    {
        WorkStore store = WorkStore.Open(place, stage);
        IWorkStage does = stage switch
        {
            ScoringWork.Score => new ScoreStage(store, new CpuBackend(1)),
            ScoringWork.Gather => new GatherStage(store, TimeProvider.System),
            SelectStage.Name => new SelectStage(store, 1),
            _ => new ExportStage(store, threads: 2),
        };
        using IDisposable? owned = does as IDisposable;
        Assert.Equal(WorkerEnd.Done, await Worker.RunAsync(store, does, Quick with { Task = task }, Cancel));
    })));

    private Dictionary<string, string> Files(string folder) => Directory.EnumerateFiles(directory[folder], "*", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetRelativePath(directory[folder], path), path => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))));
}
