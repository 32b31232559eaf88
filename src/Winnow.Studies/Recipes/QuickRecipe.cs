namespace Winnow.Studies.Recipes;

/// <summary>The study of <c>winnow study --quick</c>: does keeping half help on this corpus? Under ten minutes on two cores.</summary>
public static class QuickRecipe
{
    /// <summary>A recipe for any corpus of a few megabytes or more.</summary>
    /// <param name="inputs">Files, directories or globs.</param>
    /// <param name="seed">Of everything.</param>
    public static Recipe For(IReadOnlyList<string> inputs, long seed)
    {
        var schedule = new ScheduleSettings { BatchTokens = 8192, LearningRate = 2e-3 };
        return new Recipe
        {
            Name = "quick",
            Seed = seed,
            Context = 128,
            Data = new RecipeData([.. inputs.Select(input => Winnow.Data.Storage.ObjectAddress.Is(input) ? input : Path.GetFullPath(input))], 0.05, 0.3, new Dictionary<string, IReadOnlyList<string>>(), new Dictionary<string, IReadOnlyList<string>>()),
            Vocabulary = 4096,
            Models = new Dictionary<string, ModelShape> { ["tiny"] = new("gpt2", 4, 128, 4) },
            References = [new ReferencePlan("own") { Model = "tiny", Length = new TrainingLength(1_000_000, 0), Schedule = schedule, Metrics = ["perplexity"] }],
            Fractions = [0.5],
            Seeds = [1, 2, 3],
            Training = [new TrainingPlan("tiny", "tiny", new TrainingLength(600_000, 0)) { Schedule = schedule }],
            Evaluation = new EvaluationPlan { Tokens = 100_000 },
        };
    }
}
