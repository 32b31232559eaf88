using Winnow.Data;
using Winnow.Kernels.Cpu;
using Winnow.Pruning;
using Winnow.Pruning.References;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning;

public sealed class PrunerTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly CpuBackend backend = new(2);

    public PrunerTests()
    {
        Directory.CreateDirectory(directory["corpus"]);
        TinyCorpus.Write(directory["corpus/a.jsonl"], 60, 1);
        TinyCorpus.Write(directory["corpus/b.jsonl"], 40, 2);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        backend.Dispose();
        directory.Dispose();
    }

    [Fact]
    public async Task Kept_and_rejected_together_are_the_corpus()
    {
        TinyModel.Write(directory["model"], 1);
        PruneRequest request = Request("out") with { Models = [directory["model"]], Rejected = directory["rejected"] };
        PruneResult result = await Pruner.PruneAsync(request, backend, cancel: Cancel);
        long scored = result.Run.Statuses[ScoreStatus.Ok];
        Assert.Equal((scored + 1) / 2, result.Export.KeptRecords);
        foreach (string file in new[] { "a.jsonl", "b.jsonl" })
        {
            string[] kept = File.ReadAllLines(directory["out/pruned/" + file]), rejected = File.ReadAllLines(directory["rejected/" + file]);
            string[] corpus = File.ReadAllLines(directory["corpus/" + file]);
            Assert.Equal(corpus.Order(StringComparer.Ordinal), kept.Concat(rejected).Order(StringComparer.Ordinal));
            Assert.Equal(corpus.Where(kept.Contains), kept);
        }

        PruneResult again = await Pruner.PruneAsync(request, backend, cancel: Cancel);
        Assert.Equal(result.Export.Kept, again.Export.Kept);
    }

    [Fact]
    public async Task Auto_scores_each_half_with_the_reference_of_the_other_and_keeps_the_same_share_of_each()
    {
        PruneResult result = await Pruner.PruneAsync(Request("out"), backend, cancel: Cancel);
        Assert.Equal(2, result.References!.References.Count);
        Assert.All(result.References.References, reference => Assert.True(reference.Tokens > 0 && double.IsFinite(reference.Loss)));
        Assert.Equal(["fold"], result.Selection.Options.Within);
        Assert.Equal(2, result.Selection.Rules.Count);
        Assert.All(result.Selection.Rules, rule => Assert.Equal((rule.Ranked + 1) / 2, rule.Kept));
        ScoreRow[] rows = [.. ScoreTable.Open(directory["out/run"]).ReadRows()];
        Assert.Equal(result.References.Halves.Select(half => half.Documents), [rows.Count(row => row.Fold == 0), rows.Count(row => row.Fold == 1)]);
    }

    [Fact]
    public async Task Auto_gives_the_same_corpus_for_any_number_of_threads_and_after_any_stop()
    {
        using CpuBackend one = new(1);
        await Pruner.PruneAsync(Request("one"), one, cancel: Cancel);
        foreach (string phase in new[] { "train 1/2", "train 2/2", "load", "select", "export" })
        {
            using CancellationTokenSource source = new();
            Relay<PruneProgress> stop = new(told =>
            {
                if (told.Phase == phase) source.Cancel();
            });
            try
            {
                await Pruner.PruneAsync(Request("two"), backend, stop, source.Token);
            }
            catch (OperationCanceledException)
            {
            }
        }

        await Pruner.PruneAsync(Request("two"), backend, cancel: Cancel);
        foreach (string file in new[] { "run/scores/part-00000.parquet", "run/scores/part-00001.parquet", "pruned/a.jsonl", "pruned/b.jsonl" })
        {
            Assert.Equal(File.ReadAllBytes(directory["one/" + file]), File.ReadAllBytes(directory["two/" + file]));
        }
    }

    [Fact]
    public async Task Sequences_of_a_cross_fitted_corpus_hold_one_half_only()
    {
        PruneRequest request = Request("out") with { Scoring = new ScoringOptions { Unit = UnitKind.Sequence } };
        PruneResult result = await Pruner.PruneAsync(request, backend, cancel: Cancel);
        ScoreRow[] rows = [.. ScoreTable.Open(directory["out/run"]).ReadRows()];
        Assert.True(rows.Count(row => row.Status == ScoreStatus.Ok) > 4);
        Assert.All(rows, row => Assert.NotNull(row.Fold));
        Assert.Equal(result.References!.Halves.Sum(half => half.Bytes), rows.Sum(row => row.Bytes));
    }

    [Fact]
    public async Task Another_selection_or_a_foreign_directory_is_refused()
    {
        TinyModel.Write(directory["model"], 1);
        PruneRequest request = Request("out") with { Models = [directory["model"]] };
        await Pruner.PruneAsync(request, backend, cancel: Cancel);
        PruneRequest other = request with { Selection = new SelectionOptions { Keep = [KeepRule.Parse("bottom:10%")] } };
        CorpusException selection = await Assert.ThrowsAsync<CorpusException>(() => Pruner.PruneAsync(other, backend, cancel: Cancel));
        Assert.Contains("another selection", selection.Message, StringComparison.Ordinal);
        Directory.CreateDirectory(directory["full"]);
        File.WriteAllText(directory["full/mine.txt"], "mine");
        CorpusException full = await Assert.ThrowsAsync<CorpusException>(
            () => Pruner.PruneAsync(request with { Output = directory["full"] }, backend, cancel: Cancel));
        Assert.Contains("not empty", full.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_corpus_too_small_for_two_references_says_so()
    {
        File.WriteAllText(directory["small.jsonl"], "{\"text\": \"one line\"}\n");
        CorpusException refused = await Assert.ThrowsAsync<CorpusException>(
            () => Pruner.PruneAsync(Request("out") with { Inputs = [directory["small.jsonl"]] }, backend, cancel: Cancel));
        Assert.Contains("too small", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--model", refused.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_larger_corpus_gets_a_larger_reference_and_never_one_it_cannot_feed()
    {
        long before = 0;
        for (long bytes = 1 << 20; bytes < 1L << 40; bytes *= 4)
        {
            ReferencePlan plan = ReferencePlan.Choose(new AutoReferenceOptions(), [new HalfSize(1, bytes), new HalfSize(1, bytes)]);
            long parameters = plan.Config(plan.Vocabulary).Parameters;
            Assert.True(parameters >= before, $"{parameters} parameters at {bytes} bytes, {before} before");
            before = parameters;
        }

        Assert.True(before > 2_000_000, $"{before} parameters for the largest corpus");
    }

    private PruneRequest Request(string output) => new()
    {
        Inputs = [directory["corpus"]],
        Output = directory[output],
        Auto = new AutoReferenceOptions { BudgetFlops = 1e9, Vocabulary = 300, Context = 32, Tokens = 4000 },
        Threads = 2,
    };
}
