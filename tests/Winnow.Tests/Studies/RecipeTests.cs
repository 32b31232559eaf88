using Winnow.Data;
using Winnow.Studies;
using Winnow.Studies.Recipes;
using Xunit;

namespace Winnow.Tests.Studies;

public sealed class RecipeTests
{
    private const string Good = """
        name: mini
        context: 256
        data:
          train: [web.jsonl.zst]
          hold_out: 3%
          reference_share: 20%
          test: {wikipedia: wiki-test.jsonl}
          reference: {wikipedia: [wiki-a.jsonl, wiki-b.jsonl]}
        models:
          tiny: {layers: 2, width: 64, heads: 2}
        references:
          web: {model: tiny, tokens: 1.5M, checkpoints: [14%, 55%, 1]}
          wiki: {data: wikipedia, model: tiny, epochs: 2, seeds: 3, metrics: [el2n]}
          big: {directory: models/gpt2}
        metrics: [perplexity, el2n]
        fractions: [0.3, 50%]
        seeds: 2
        training:
          final: {model: tiny, tokens: 2M, lr: 0.001, schedule: linear-rise}
        evaluation: {resamples: 500}
        slurm:
          tasks: 16
          mem: 16G
          time: 4:00:00
          sbatch_arg:
            - --constraint=icelake
            - --comment=two words
        """;

    [Fact]
    public void A_recipe_reads_as_it_is_written()
    {
        Recipe recipe = RecipeReader.Parse(Good, "mini.yaml", "/corpora");
        Assert.Equal(["/corpora/web.jsonl.zst"], recipe.Data.Train);
        Assert.Equal(0.03, recipe.Data.HoldOut, 1e-12);
        Assert.Equal(["/corpora/wiki-a.jsonl", "/corpora/wiki-b.jsonl"], recipe.Data.Reference["wikipedia"]);
        Assert.Equal(1_500_000, recipe.References[0].Length.Tokens);
        Assert.Equal([0.14, 0.55, 1], recipe.References[0].Checkpoints);
        Assert.Equal([1L, 2, 3], recipe.References[1].Seeds);
        Assert.Equal(["el2n"], recipe.References[1].Metrics!);
        Assert.Equal("/corpora/models/gpt2", recipe.References[2].Directory);
        Assert.Equal([0.3, 0.5], recipe.Fractions);
        Assert.Equal([1L, 2], recipe.Seeds);
        Assert.Equal("linear-rise", recipe.Training[0].Schedule.Shape);
        Assert.Equal(500, recipe.Evaluation.Resamples);
        Assert.Equal((16, "16G", "4:00:00", null), (recipe.Slurm!.Tasks, recipe.Slurm.Memory, recipe.Slurm.Time, recipe.Slurm.Partition));
        Assert.Equal(["--constraint=icelake", "--comment=two words"], recipe.Slurm.Arguments);
    }

    [Theory]
    [InlineData("seeds: 2", "sedes: 2", "mini.yaml:17: unknown key `sedes`", "did you mean `seeds`?")]
    [InlineData("50%]", "150%]", "mini.yaml:16: `fractions`: 150% is outside [0, 1]", null)]
    [InlineData("50%]", "0]", "mini.yaml:16: `fractions`: 0 is not above 0", null)]
    [InlineData("50%]", "1]", "mini.yaml:16: `fractions`: 1 is no pruning, which is always run as a baseline", null)]
    [InlineData("lr: 0.001", "lr: fast", "mini.yaml:19: `training.final.lr`: `fast` is not a number", null)]
    [InlineData("model: tiny, tokens: 2M", "model: tinny, tokens: 2M", "mini.yaml:19: `training.final.model`: `tinny` is not under `models`", "did you mean `tiny`?")]
    [InlineData("model: tiny, tokens: 2M", "model: tiny", "mini.yaml:19: `training.final.tokens`: neither `tokens` nor `epochs` is given", null)]
    [InlineData("data: wikipedia,", "data: wikipdia,", "mini.yaml:13: `references.wiki.data`: `wikipdia` is none of `own`, `train`, `wikipedia`", "did you mean `wikipedia`?")]
    [InlineData("wiki-test.jsonl}", "web.jsonl.zst}", "mini.yaml:7: `data.test`: `wikipedia`: /corpora/web.jsonl.zst is a training input too", "a test set must not be trained on; use `hold_out` to split one corpus")]
    [InlineData("data: wikipedia,", "directory: models/gpt2, data: wikipedia,", "mini.yaml:13: `references.wiki.data`: a reference with a `directory` is not trained here", null)]
    [InlineData("context: 256", "context: 1T", "mini.yaml:2: `context`: 1T is more than 1000000", null)]
    [InlineData("seeds: 2", "seeds: \"\"", "mini.yaml:17: `seeds`: `` is not a whole number", "write 20000, 20k, 1.5M or 7.6B")]
    [InlineData("hold_out: 3%", "dedup: exakt", "mini.yaml:5: `data.dedup`: `exakt` is none of `none`, `exact`", "did you mean `exact`?")]
    [InlineData("heads: 2}", "heads: 3}", "mini.yaml:10: `models.tiny.heads`: 3 heads do not divide the width 64", null)]
    [InlineData("tokens: 1.5M", "tokens: 1.5", "mini.yaml:12: `references.web.tokens`: `1.5` is not a whole number", "write 20000, 20k, 1.5M or 7.6B")]
    [InlineData("metrics: [perplexity, el2n]", "metrics: [perplexity, eln2]", "mini.yaml:15: `metrics`: `eln2` is none of `perplexity`, `bits_per_byte`, `el2n`, `memorization`", "did you mean `el2n`?")]
    [InlineData("lr: 0.001", "only: {references: [web@15%]}", "mini.yaml:19: `training.final.only.references`: `web@15%` is none of `web@14%`, `web@55%`, `web`, `wiki`, `big`", "did you mean `web@14%`?")]
    [InlineData("lr: 0.001", "only: {fractions: [0.4]}", "mini.yaml:19: `training.final.only.fractions`: 0.4 is not among the study's `fractions`", null)]
    [InlineData("lr: 0.001", "only: {seeds: 3}", "mini.yaml:19: `training.final.only.seeds`: 3 is not among the study's `seeds`", null)]
    [InlineData("mem: 16G", "memory: 16G", "mini.yaml:23: unknown key `slurm.memory`; known here: `account`, `at_once`, `cpus_per_task`, `gres`, `mem`, `partition`, `qos`, `sbatch_arg`, `tasks`, `time`", null)]
    [InlineData("tasks: 16", "tasks: 0", "mini.yaml:22: `slurm.tasks`: 0 is less than 1", null)]
    [InlineData("mem: 16G", "mem: 16 G", "mini.yaml:23: `slurm.mem`: `16 G` is not one word", "write it as `sbatch` takes it")]
    [InlineData("--comment=two words", "comment=two words", "mini.yaml:27: `slurm.sbatch_arg`: `comment=two words` is not an option of `sbatch`", null)]
    [InlineData("name: mini", "name: [mini", "mini.yaml:1: not YAML from here on", "is a bracket or a quote left open?")]
    public void A_mistake_names_file_line_key_and_the_nearest_right_one(string right, string wrong, string message, string? hint)
    {
        Assert.Contains(right, Good, StringComparison.Ordinal);
        CorpusException e = Assert.Throws<CorpusException>(() => RecipeReader.Parse(Good.Replace(right, wrong, StringComparison.Ordinal), "mini.yaml", "/corpora"));
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
        Assert.Equal(hint, e.Hint);
    }

    [Fact]
    public void A_training_can_be_asked_for_a_part_of_the_grid_and_keeps_its_baselines()
    {
        string text = Good.Replace("lr: 0.001", "only: {metrics: [perplexity], references: [big, web@14%], bands: [middle], fractions: [0.5], seeds: [2]}", StringComparison.Ordinal);
        StudyPlan plan = StudyPlan.Of(RecipeReader.Parse(text, "mini.yaml", "/corpora"), hashInputs: false, TestContext.Current.CancellationToken);
        Assert.Equal(
            ["no pruning", "random 50%", "perplexity (web@14%) middle 50%", "perplexity (big) middle 50%"], plan.Trained.Select(t => t.Variant.ToString()));
        Assert.All(plan.Trained, t => Assert.Equal(2, t.Seed));
    }

    [Fact]
    public void A_recipe_without_a_test_set_is_refused()
    {
        string text = Good.Replace("  hold_out: 3%\n", "", StringComparison.Ordinal).Replace("  test: {wikipedia: wiki-test.jsonl}\n", "", StringComparison.Ordinal);
        CorpusException e = Assert.Throws<CorpusException>(() => RecipeReader.Parse(text, "mini.yaml", "/corpora"));
        Assert.Equal("mini.yaml:3: `data`: no test set", e.Message);
    }
}
