using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Pruning.Duplicates;
using Winnow.Studies.Glue;
using Winnow.Work.Slurm;

namespace Winnow.Studies.Recipes;

/// <summary>Reads and checks a recipe: every mistake is named with its line before anything is computed.</summary>
public static class RecipeReader
{
    private static readonly string[] AllMetrics = ["perplexity", "bits_per_byte", "el2n", "memorization"], AllBands = ["bottom", "middle", "top"];

    /// <summary>Reads a recipe file. Relative paths in it are relative to the file's directory.</summary>
    public static Recipe Read(string file)
    {
        if (Directory.Exists(file)) throw new CorpusException(file, "a directory, not a recipe", "with `--quick`, a directory of text is studied without a recipe");
        if (!File.Exists(file)) throw new CorpusException(file, "no such file", "name a recipe; those that ship are in `recipes/`");
        string text;
        try
        {
            text = File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CorpusException(file, $"cannot be read: {e.Message}");
        }

        return Parse(text, file, Path.GetDirectoryName(Path.GetFullPath(file))!);
    }

    /// <summary>Reads a recipe from text.</summary>
    /// <param name="text">YAML.</param>
    /// <param name="file">Named in errors.</param>
    /// <param name="directory">What relative paths are relative to.</param>
    public static Recipe Parse(string text, string file, string directory)
    {
        RecipeNode root = RecipeNode.Parse(file, text);
        string name = root.Text("name", Path.GetFileNameWithoutExtension(file))!;
        RecipeData data = Data(root, directory);
        Dictionary<string, ModelShape> models = root.Maps("models").ToDictionary(m => m.Name, m => Shape(m.Node), StringComparer.Ordinal);
        if (models.Count == 0) throw root.Error("models", "no model shape is given", "for example `models: {small: {layers: 4, width: 256, heads: 4}}`");
        IReadOnlyList<string> metrics = root.Words("metrics", ["perplexity"], AllMetrics);
        RecipeNode? tokenizer = root.Map("tokenizer");
        IReadOnlyList<ReferencePlan> references = References(root, data, models, metrics, directory);
        var grid = new VariantFilter(
            metrics, [.. references.SelectMany(plan => plan.Checkpoints.Select(share => ScoringPlan.NameOf(plan.Name, share)))],
            root.Words("bands", AllBands, AllBands), Fractions(root), root.Seeds("seeds", [1, 2, 3]));
        var recipe = new Recipe
        {
            Name = name,
            Seed = root.Count("seed", least: 0) ?? 1,
            Unit = root.Word("unit", "sequence", "sequence", "document"),
            Context = root.Size("context", least: 8) ?? 512,
            Data = data,
            TokenizerDirectory = tokenizer?.Text("directory") is { } given ? Resolve(directory, given) : null,
            Vocabulary = tokenizer?.Size("vocabulary", least: 257) ?? 16384,
            Models = models,
            References = references,
            Metrics = metrics,
            Bands = grid.Bands!,
            Fractions = grid.Fractions!,
            Seeds = grid.Seeds!,
            Training = Training(root, models, grid),
            Evaluation = Evaluation(root.Map("evaluation"), grid, directory),
            Slurm = Slurm(root.Map("slurm")),
        };
        tokenizer?.Finish();
        root.Finish();
        return recipe;
    }

    private static RecipeData Data(RecipeNode root, string directory)
    {
        RecipeNode node = root.Map("data") ?? throw root.Error("data", "is missing", "`data: {train: [FILES…]}` names the corpus to prune");
        var data = new RecipeData(
            Resolve(directory, node.Texts("train")),
            node.Number("hold_out", 0, 0.5) ?? 0,
            node.Number("reference_share", 0, 0.5) ?? 0,
            Resolve(directory, node.NamedTexts("test")),
            Resolve(directory, node.NamedTexts("reference")))
        {
            Sample = node.Number("sample", 1e-6, 1) ?? 1,
            Dedup = node.Word("dedup", "none", "none", "exact") == "exact" ? Dedup.Exact : Dedup.None,
            Tokens = node.Map("tokens") is { } sizes ? sizes.Counts() : new Dictionary<string, long>(),
        };
        node.Finish();
        if (data.HoldOut == 0 && data.Test.Count == 0)
            throw root.Error("data", "no test set", "give `hold_out: 3%` of the training corpus, or `test: {name: [FILES…]}`");
        if (data.Test.ContainsKey("own")) throw node.Error("test", "`own` is the name of the held-out part of the training corpus");
        foreach (string name in (ReadOnlySpan<string>)["train", "own"])
            if (data.Reference.ContainsKey(name)) throw node.Error("reference", $"the name `{name}` stands for a part of the training corpus");
        foreach ((string name, IReadOnlyList<string> files) in data.Test)
        {
            string? shared = files.Intersect(data.Train, StringComparer.Ordinal).FirstOrDefault();
            if (shared is not null)
                throw node.Error("test", $"`{name}`: {shared} is a training input too", "a test set must not be trained on; use `hold_out` to split one corpus");
        }

        return data;
    }

    private static ModelShape Shape(RecipeNode node)
    {
        var shape = new ModelShape(
            node.Word("arch", "gpt2", "gpt2", "llama"),
            node.Size("layers") ?? throw node.Error("layers", "is missing"),
            node.Size("width") ?? throw node.Error("width", "is missing"),
            node.Size("heads") ?? throw node.Error("heads", "is missing"));
        node.Finish();
        return shape.Width % shape.Heads == 0 ? shape : throw node.Error("heads", $"{shape.Heads} heads do not divide the width {shape.Width}");
    }

    private static List<ReferencePlan> References(
        RecipeNode root, RecipeData data, Dictionary<string, ModelShape> models, IReadOnlyList<string> metrics, string directory)
    {
        var references = new List<ReferencePlan>();
        foreach ((string name, RecipeNode node) in root.Maps("references"))
        {
            string[] corpora = data.ReferenceShare > 0 ? ["own", "train", .. data.Reference.Keys] : ["train", .. data.Reference.Keys];
            var plan = new ReferencePlan(name)
            {
                Directory = node.Text("directory") is { } path ? Resolve(directory, path) : null,
                Parameters = node.Count("parameters"),
                Data = node.Has("directory") && !node.Has("data") ? "" : node.Word("data", "own", corpora),
                Model = node.Text("model", "")!,
                Length = Length(node),
                Schedule = Schedule(node),
                Checkpoints = node.Fractions("checkpoints", [1]),
                Seeds = node.Seeds("seeds", [1]),
                Metrics = node.Has("metrics") ? node.Words("metrics", metrics, [.. metrics]) : null,
            };
            node.Finish();
            CheckReference(node, plan, models);
            references.Add(plan);
        }

        return references.Count > 0 ? references : throw root.Error("references", "no reference model is given");
    }

    private static void CheckReference(RecipeNode node, ReferencePlan plan, Dictionary<string, ModelShape> models)
    {
        if (plan.Directory is not null)
        {
            foreach (string key in (ReadOnlySpan<string>)["data", "model", "tokens", "epochs", "checkpoints", "seeds"])
                if (node.Has(key)) throw node.Error(key, "a reference with a `directory` is not trained here");
            return;
        }

        CheckModel(node, plan.Model, models);
        if (plan.Length is { Tokens: 0, Epochs: 0 }) throw node.Error("tokens", "neither `tokens` nor `epochs` is given");
    }

    private static void CheckModel(RecipeNode node, string model, Dictionary<string, ModelShape> models)
    {
        string[] names = [.. models.Keys];
        if (!models.ContainsKey(model))
            throw node.Error("model", model.Length == 0 ? "is missing" : $"`{model}` is not under `models`", RecipeNode.Nearest(model, names));
    }

    private static List<TrainingPlan> Training(RecipeNode root, Dictionary<string, ModelShape> models, VariantFilter grid)
    {
        var plans = new List<TrainingPlan>();
        foreach ((string name, RecipeNode node) in root.Maps("training"))
        {
            var plan = new TrainingPlan(name, node.RequiredText("model"), Length(node))
            {
                Equal = node.Word("equal", "tokens", "tokens", "epochs"),
                Schedule = Schedule(node),
                Checkpoints = node.Fractions("checkpoints", [1]),
                Only = Only(node, grid),
            };
            node.Finish();
            CheckModel(node, plan.Model, models);
            if (plan.Length is { Tokens: 0, Epochs: 0 }) throw node.Error("tokens", "neither `tokens` nor `epochs` is given");
            plans.Add(plan);
        }

        return plans.Count > 0 ? plans : throw root.Error("training", "no model to train is given");
    }

    /// <summary>The part of the grid that <c>only</c> names; null where it is not there.</summary>
    private static VariantFilter? Only(RecipeNode parent, VariantFilter grid)
    {
        if (parent.Map("only") is not { } node) return null;
        var only = new VariantFilter(
            node.Has("metrics") ? node.Words("metrics", [], [.. grid.Metrics!]) : null,
            node.Has("references") ? node.Words("references", [], [.. grid.References!]) : null,
            node.Has("bands") ? node.Words("bands", [], [.. grid.Bands!]) : null,
            node.Has("fractions") ? node.Fractions("fractions", []) : null,
            node.Has("seeds") ? node.Seeds("seeds", []) : null);
        node.Finish();
        if (only.Fractions?.Except(grid.Fractions!).Cast<double?>().FirstOrDefault() is { } fraction)
            throw node.Error("fractions", FormattableString.Invariant($"{fraction} is not among the study's `fractions`"));
        if (only.Seeds?.Except(grid.Seeds!).Cast<long?>().FirstOrDefault() is { } seed) throw node.Error("seeds", $"{seed} is not among the study's `seeds`");
        return only;
    }

    private static TrainingLength Length(RecipeNode node)
    {
        var length = new TrainingLength(node.Count("tokens") ?? 0, node.Number("epochs", 0.001, 1000) ?? 0);
        return length is { Tokens: > 0, Epochs: > 0 } ? throw node.Error("epochs", "give `tokens` or `epochs`, not both") : length;
    }

    private static ScheduleSettings Schedule(RecipeNode node)
    {
        var defaults = new ScheduleSettings();
        return new ScheduleSettings
        {
            BatchTokens = node.Count("batch_tokens") ?? defaults.BatchTokens,
            LearningRate = node.Number("lr", 1e-8, 1) ?? defaults.LearningRate,
            WarmUp = node.Number("warm_up", 0, 1) ?? defaults.WarmUp,
            Shape = node.Word("schedule", defaults.Shape, "cosine", "linear-rise"),
            WeightDecay = node.Number("weight_decay", 0, 10) ?? defaults.WeightDecay,
        };
    }

    private static IReadOnlyList<double> Fractions(RecipeNode root)
    {
        IReadOnlyList<double> fractions = root.Fractions("fractions", [0.1, 0.3, 0.5, 0.7]);
        return fractions.All(f => f < 1) ? fractions : throw root.Error("fractions", "1 is no pruning, which is always run as a baseline");
    }

    private static EvaluationPlan Evaluation(RecipeNode? node, VariantFilter grid, string directory)
    {
        var plan = new EvaluationPlan();
        if (node is null) return plan;
        plan = new EvaluationPlan
        {
            Resamples = node.Size("resamples", least: 100) ?? plan.Resamples,
            Confidence = node.Number("confidence", 0.5, 0.999) ?? plan.Confidence,
            Tokens = node.Count("tokens"),
            Glue = node.Map("glue") is { } glue ? Glue(glue, grid, directory) : null,
        };
        node.Finish();
        return plan;
    }

    private static GluePlan Glue(RecipeNode node, VariantFilter grid, string directory)
    {
        string[] all = [.. GlueTask.All.Select(task => task.Name)];
        var plan = new GluePlan(Resolve(directory, node.RequiredText("data")), node.Words("tasks", all, all), node.Seeds("seeds", [1, 2, 3]), Only(node, grid));
        node.Finish();
        return plan;
    }

    private static SlurmOptions? Slurm(RecipeNode? node)
    {
        if (node is null) return null;
        string? Word(string key) => node.Text(key) is not { } word || SlurmOptions.IsWord(word) ? node.Text(key) : throw node.Error(key, $"`{word}` is not one word", "write it as `sbatch` takes it");
        var defaults = new SlurmOptions();
        SlurmOptions options = new()
        {
            Tasks = (int?)node.Count("tasks", most: 100_000) ?? defaults.Tasks,
            AtOnce = node.Size("at_once"),
            Partition = Word("partition"),
            Account = Word("account"),
            Qos = Word("qos"),
            Gres = Word("gres"),
            CpusPerTask = (int?)node.Count("cpus_per_task", most: 65_536),
            Memory = Word("mem"),
            Time = Word("time"),
            Arguments = node.Texts("sbatch_arg", [], argument => SlurmOptions.IsArgument(argument) ? null : $"`{argument}` is not an option of `sbatch`; write option and value as one word, `--constraint=icelake`"),
        };
        node.Finish();
        return options;
    }

    private static string Resolve(string directory, string path) => Winnow.Data.Storage.ObjectAddress.Is(path) ? path : Path.GetFullPath(path, directory);

    /// <summary>Paths relative to the recipe; the word <c>dotnet-docs</c> stands for the documentation that every .NET SDK carries.</summary>
    private static List<string> Resolve(string directory, IReadOnlyList<string> paths) =>
        [.. paths.SelectMany(path => path == "dotnet-docs" ? DotnetDocumentation.Find() : [Resolve(directory, path)])];

    private static Dictionary<string, IReadOnlyList<string>> Resolve(string directory, IReadOnlyDictionary<string, IReadOnlyList<string>> named) =>
        named.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<string>)Resolve(directory, pair.Value), StringComparer.Ordinal);
}
