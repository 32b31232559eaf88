using Winnow.Studies;
using Winnow.Studies.Recipes;
using Xunit;

namespace Winnow.Tests.Studies;

/// <summary>Which steps another recipe redoes: those whose key another field changes, and no others.</summary>
public sealed class StudyPlanTests : IDisposable
{
    private const string Recipe = """
        name: plan
        seed: 1
        context: 64
        data: {train: [a.jsonl], hold_out: 5%, reference_share: 20%, test: {far: [t.jsonl]}, reference: {wiki: [w.jsonl]}}
        tokenizer: {vocabulary: 512}
        models: {tiny: {layers: 1, width: 32, heads: 2}, wide: {layers: 2, width: 64, heads: 2}}
        references:
          own: {model: tiny, tokens: 10k, lr: 0.001, checkpoints: [50%, 100%]}
          wiki: {data: wiki, model: tiny, tokens: 10k, seeds: 2, metrics: [el2n]}
        metrics: [perplexity, el2n]
        bands: [middle]
        fractions: [0.3, 0.5]
        seeds: 2
        training:
          small: {model: tiny, tokens: 20k}
          large: {model: wide, tokens: 20k}
        evaluation: {resamples: 200, confidence: 90%, tokens: 5k}
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("winnow-plan-").FullName;

    public StudyPlanTests()
    {
        foreach (string name in new[] { "a", "t", "w" }) File.WriteAllText(Path.Combine(_directory, name + ".jsonl"), $"{{\"text\": \"{name}\"}}\n");
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>A change, and the beginnings of the ids of exactly the steps that it redoes.</summary>
    public static TheoryData<string, string, string> Changes => new()
    {
        { "name: plan", "name: other", "" },
        { "resamples: 200", "resamples: 300", "" },
        { "confidence: 90%", "confidence: 80%", "" },
        { "fractions: [0.3, 0.5]", "fractions: [0.5, 0.3]", "" },
        { "small: {model: tiny, tokens: 20k}", "small: {model: tiny, tokens: 20k, lr: 0.002}", "train/small evaluate/small" },
        { "large: {model: wide, tokens: 20k}", "large: {model: wide, tokens: 30k}", "train/large evaluate/large" },
        { "wide: {layers: 2,", "wide: {layers: 3,", "train/large evaluate/large" },
        { "wiki, model: tiny, tokens: 10k", "wiki, model: tiny, tokens: 12k", "reference/wiki score/wiki select/el2n-wiki train/small/el2n-wiki train/large/el2n-wiki evaluate/small/el2n-wiki evaluate/large/el2n-wiki" },
        { "lr: 0.001", "lr: 0.003", "reference/own score/own select/perplexity-own select/el2n-own select/random train/small/perplexity-own train/small/el2n-own train/small/random train/large/perplexity-own train/large/el2n-own train/large/random evaluate/small/perplexity-own evaluate/small/el2n-own evaluate/small/random evaluate/large/perplexity-own evaluate/large/el2n-own evaluate/large/random" },
        { "vocabulary: 512", "vocabulary: 600", "tokenizer pack reference score select train evaluate" },
        { "context: 64", "context: 32", "pack reference score select train evaluate" },
        { "seed: 1", "seed: 2", "prepare tokenizer pack reference score select train evaluate" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_changed_field_redoes_exactly_the_steps_that_depend_on_it(string right, string other, string redone)
    {
        Assert.Contains(right, Recipe, StringComparison.Ordinal);
        string[] beginnings = redone.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        AssertRedone(Plan(Recipe), Plan(Recipe.Replace(right, other, StringComparison.Ordinal)), id => beginnings.Any(id.StartsWith));
    }

    [Fact]
    public void More_fractions_seeds_and_references_add_steps_and_redo_none()
    {
        StudyPlan before = Plan(Recipe);
        StudyPlan more = Plan(Recipe.Replace("[0.3, 0.5]", "[0.3, 0.5, 0.7]", StringComparison.Ordinal).Replace("\nseeds: 2", "\nseeds: 3", StringComparison.Ordinal)
            .Replace("metrics: [perplexity, el2n]\nbands", "  third: {data: train, model: tiny, tokens: 10k}\nmetrics: [perplexity, el2n]\nbands", StringComparison.Ordinal));
        Assert.True(more.Graph.Steps.Count > before.Graph.Steps.Count + 100, $"{before.Graph.Steps.Count} and {more.Graph.Steps.Count} steps");
        AssertRedone(before, more, _ => false);
    }

    [Fact]
    public void Another_content_of_an_input_redoes_all()
    {
        StudyPlan before = Plan(Recipe);
        File.AppendAllText(Path.Combine(_directory, "w.jsonl"), "{\"text\": \"more\"}\n");
        AssertRedone(before, Plan(Recipe), _ => true);
    }

    private StudyPlan Plan(string recipe) => StudyPlan.Of(RecipeReader.Parse(recipe, "plan.yaml", _directory), hashInputs: true, TestContext.Current.CancellationToken);

    /// <summary>Steps of the earlier plan whose content is not in the later one.</summary>
    private static void AssertRedone(StudyPlan before, StudyPlan after, Func<string, bool> expected)
    {
        HashSet<string> keys = [.. after.Graph.Steps.Select(after.Graph.KeyOf)];
        string[] redone = [.. before.Graph.Steps.Where(step => !keys.Contains(before.Graph.KeyOf(step))).Select(step => step.Id)];
        Assert.Equal(before.Graph.Steps.Select(step => step.Id).Where(expected), redone);
    }
}
