namespace Winnow.Studies.Recipes;

/// <summary>
/// The study of <c>winnow study --quick</c>: does keeping half help on this corpus? Under ten minutes on two cores, so of a large
/// corpus it looks at a sample.
/// </summary>
public static class QuickRecipe
{
    private const double MostTextBytes = 16e6;

    /// <summary>A recipe for any corpus of a few megabytes or more.</summary>
    /// <param name="inputs">Files, directories or globs.</param>
    /// <param name="seed">Of everything.</param>
    public static Recipe For(IReadOnlyList<string> inputs, long seed)
    {
        List<string> files = [.. inputs.Select(input => Winnow.Data.Storage.ObjectAddress.Is(input) ? input : Path.GetFullPath(input))];
        var schedule = new ScheduleSettings { BatchTokens = 4096, LearningRate = 2e-3 };
        return new Recipe
        {
            Name = "quick",
            Seed = seed,
            Context = 128,
            Data = new RecipeData(files, 0.05, 0.3, new Dictionary<string, IReadOnlyList<string>>(), new Dictionary<string, IReadOnlyList<string>>())
            {
                Sample = Math.Min(1, MostTextBytes / Math.Max(1, StudyEstimate.TextBytes(files))),
            },
            Vocabulary = 4096,
            Models = new Dictionary<string, ModelShape> { ["tiny"] = new("gpt2", 2, 128, 4) },
            References = [new ReferencePlan("own") { Model = "tiny", Length = new TrainingLength(1_000_000, 0), Schedule = schedule, Metrics = ["perplexity"] }],
            Fractions = [0.5],
            Seeds = [1, 2, 3],
            Training = [new TrainingPlan("tiny", "tiny", new TrainingLength(600_000, 0)) { Schedule = schedule }],
            Evaluation = new EvaluationPlan { Tokens = 60_000 },
        };
    }
}
