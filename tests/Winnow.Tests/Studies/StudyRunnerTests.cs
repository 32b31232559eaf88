using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Kernels.Cpu;
using Winnow.Pruning.Selection;
using Winnow.Studies;
using Winnow.Studies.Execution;
using Winnow.Studies.Recipes;
using Winnow.Studies.Reports;
using Xunit;

namespace Winnow.Tests.Studies;

/// <summary>A whole study on a corpus made so that the answer is known: sentences of a small language, and a share of letter noise.</summary>
public sealed class StudyRunnerTests : IDisposable
{
    private const int Sentences = 500, Noise = 250;
    private readonly string _directory = Directory.CreateTempSubdirectory("winnow-study-").FullName;

    public StudyRunnerTests()
    {
        var random = new Random(5);
        string[] words = ["river", "stone", "walks", "sees", "the", "a", "old", "quiet", "house", "green", "under", "bird", "sings", "and", "holds"];
        using var file = new StreamWriter(Path.Combine(_directory, "corpus.jsonl"), false, new UTF8Encoding(false));
        for (int i = 0; i < Sentences + Noise; i++)
        {
            bool noise = i % 3 == 2;
            string text = noise
                ? string.Concat(Enumerable.Range(0, 90).Select(_ => (char)random.Next('!', '~')))
                : string.Join(' ', Enumerable.Range(0, 18).Select(_ => words[random.Next(words.Length)]));
            file.WriteLine(JsonSerializer.Serialize(new { id = $"{i}", source = noise ? "noise" : "text", text }));
        }
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_study_drops_the_noise_is_resumed_for_nothing_and_redone_in_part()
    {
        StudyPlan plan = Plan(lr: 0.005);
        (StudyResults results, IReadOnlyList<StepEvent> first) = await RunAsync(plan);
        Assert.All(first, step => Assert.True(step.State == StepState.Done, $"{step.Step.Id}: {step.Error}"));
        Assert.Equal(["bottom", "all", "random"], results.Results.Select(r => r.Variant.Band).Distinct().Order(BandOrder));
        Assert.True(NoiseKept(plan) < 0.1, $"{NoiseKept(plan):P0} of what is kept is noise");
        Assert.Equal(0, results.Unfinished);
        AssertKept(results);
        AssertCosts(results);
        string page = StudyPage.Render(plan, Output, results, DateTimeOffset.UnixEpoch);
        foreach (string part in new[] { "perplexity (own) bottom 60%", "bits_per_byte (own) bottom 60%", "The best of each metric", "Against no pruning", "How the scores are distributed", "What each variant keeps", "By source", "By script", "few letters", "What scoring costs", "Perplexity along the training", "Test sets" })
            Assert.Contains(part, page, StringComparison.Ordinal);
        Assert.Equal(page, StudyPage.Render(StudyRunner.Open(Output), Output, results, DateTimeOffset.UnixEpoch));

        (_, IReadOnlyList<StepEvent> again) = await RunAsync(Plan(lr: 0.005));
        Assert.All(again, step => Assert.Equal(StepState.Reused, step.State));

        (StudyResults unmeasured, IReadOnlyList<StepEvent> changed) = await RunAsync(Plan(lr: 0.004, checkpoints: "[100%]"));
        Assert.All(unmeasured.Costs, cost => Assert.True(cost is { Spent: > 0, Saved: null, With: null, BreakEven: null }, $"{cost}"));
        string[] redone = [.. changed.Where(step => step.State == StepState.Done).Select(step => step.Step.Kind).Distinct()];
        Assert.Equal(["train", "evaluate"], redone);
        Assert.All(changed.Where(step => step.Step.Id.StartsWith("reference/", StringComparison.Ordinal)), step => Assert.Equal(StepState.Reused, step.State));
    }

    /// <summary>A third of the corpus is noise, of few letters; nearly none of it is kept, whatever tells it.</summary>
    private static void AssertKept(StudyResults results)
    {
        KeptText kept = results.Kept.Single(text => text.Variant.Metric == "perplexity");
        Assert.Equal(0.6, kept.Kept.Units / (double)kept.All.Units, 0.01);
        foreach ((string column, string noise) in new[] { ("source", "noise"), ("script", "few letters") })
        {
            KeptTable table = kept.Of(column)!;
            Assert.Equal(1, table.Values.Sum(value => value.Before), 1e-9);
            Assert.Equal(1, table.Values.Sum(value => value.After), 1e-9);
            KeptShare share = table.Values.Single(value => value.Value == noise);
            Assert.True(share.Before > 0.2 && share.After < 0.1, $"{column}: {share}");
        }
    }

    private static void AssertCosts(StudyResults results)
    {
        Assert.Equal(["perplexity", "bits_per_byte"], results.Costs.Select(cost => cost.Metric));
        Assert.All(results.Costs, cost => Assert.True(cost is { ReferenceFlops: > 0, ScoringFlops: > 0, TrainingFlops: > 0, Saved: >= 0 and < 1 }, $"{cost}"));
        Assert.Equal(4, results.Curves.Count);
        Assert.All(results.Curves, curve => Assert.True(curve.Points is [{ Share: 0.5 }, { Share: 1 }] && curve.Points[0].Perplexity > curve.Points[1].Perplexity, $"{curve}"));
    }

    [Theory]
    [InlineData(120, 0.25)]         // good enough at the first point: sooner was not measured
    [InlineData(70, 0.5)]           // half-way from 80 to 60: the geometric middle of 1/4 and 1
    [InlineData(50, 1)]
    public void A_curve_says_when_a_perplexity_is_reached(double perplexity, double share)
    {
        var curve = new LearningCurve("nano", Variant.None, "own", [new CurvePoint(0.25, 100), new CurvePoint(0.25001, 80), new CurvePoint(0.99996, 60), new CurvePoint(1, 55)]);
        Assert.Equal(share, curve.ShareTo(perplexity), 1e-3);
    }

    [Fact]
    public async Task Another_study_or_another_run_in_the_directory_is_refused()
    {
        Directory.CreateDirectory(Output);
        using (StudyLock.TryTake(Output))
        {
            CorpusException busy = await Assert.ThrowsAsync<CorpusException>(() => RunAsync(Plan(lr: 0.005)));
            Assert.Equal($"{Output}: another run is at work here", busy.Message);
        }

        await File.WriteAllTextAsync(Path.Combine(Output, "study.json"), """{"name": "older"}""");
        CorpusException other = await Assert.ThrowsAsync<CorpusException>(() => RunAsync(Plan(lr: 0.005)));
        Assert.Equal($"{Output}: holds the study `older`, this recipe is `known`", other.Message);
    }

    private static Comparer<string> BandOrder => Comparer<string>.Create((a, b) => Rank(a).CompareTo(Rank(b)));

    private string Output => Path.Combine(_directory, "out");

    private static int Rank(string band) => band switch { "bottom" => 0, "all" => 1, _ => 2 };

    private StudyPlan Plan(double lr, string checkpoints = "[50%]") => StudyPlan.Of(
        RecipeReader.Parse(
            FormattableString.Invariant($$"""
            name: known
            context: 16
            unit: document
            data: {train: [corpus.jsonl], hold_out: 10%, reference_share: 25%}
            tokenizer: {vocabulary: 320}
            models:
              nano: {layers: 1, width: 32, heads: 2}
            references:
              own: {model: nano, tokens: 30k, batch_tokens: 512, lr: 0.005}
            metrics: [perplexity, bits_per_byte]
            bands: [bottom]
            fractions: [60%]
            seeds: 2
            training:
              nano: {model: nano, tokens: 10k, batch_tokens: 512, lr: {{lr}}, checkpoints: {{checkpoints}}}
            evaluation: {resamples: 200}
            """), "known.yaml", _directory),
        hashInputs: true);

    private async Task<(StudyResults Results, IReadOnlyList<StepEvent> Steps)> RunAsync(StudyPlan plan)
    {
        using CpuBackend one = new(1), other = new(1);
        return await StudyRunner.RunAsync(plan, Output, [one, other], 1);
    }

    private double NoiseKept(StudyPlan plan)
    {
        var store = new StepStore(Output);
        Step select = plan.Graph["select/perplexity-own-bottom-60%"];
        SelectionSummary summary = SelectionDirectory.Open(Path.Combine(store.DirectoryOf(select, plan.Graph.KeyOf(select)), "selection")).Summary;
        Share noise = summary.Shares.First(table => table.Column == "source").Values.First(share => share.Value == "noise");
        return noise.Kept.Units / (double)summary.Kept.Units;
    }
}
