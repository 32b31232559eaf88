using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Pruning.Duplicates;
using Winnow.Studies.Execution;
using Winnow.Studies.Glue;
using Winnow.Studies.Recipes;
using Winnow.Studies.Works;

namespace Winnow.Studies;

/// <summary>One scoring of the corpus: a reference at one of its checkpoints.</summary>
/// <param name="Reference">The reference's name.</param>
/// <param name="Share">Share of its training done; 1 for the finished model and for existing checkpoints.</param>
/// <param name="Metrics">Metrics it gives.</param>
/// <param name="Step">Id of the step <c>score</c>.</param>
public sealed record ScoringPlan(string Reference, double Share, IReadOnlyList<string> Metrics, string Step)
{
    /// <summary><c>web</c>, or <c>web@14%</c>.</summary>
    public string Name => NameOf(Reference, Share);

    /// <summary>How a reference at a share of its training is called.</summary>
    internal static string NameOf(string reference, double share) =>
        share >= 1 ? reference : reference + "@" + (share * 100).ToString("0.##", CultureInfo.InvariantCulture) + "%";
}

/// <summary>One way to prune: what is trained on.</summary>
/// <param name="Metric"><c>none</c> (no pruning), <c>random</c>, or a metric.</param>
/// <param name="Scoring">The scoring's name; empty for <c>none</c> and <c>random</c>.</param>
/// <param name="Band"><c>bottom</c>, <c>middle</c>, <c>top</c>; <c>all</c> for no pruning, <c>random</c> for random.</param>
/// <param name="Fraction">Share of the units kept.</param>
public sealed record Variant(string Metric, string Scoring, string Band, double Fraction)
{
    /// <summary>No pruning.</summary>
    public static Variant None { get; } = new("none", "", "all", 1);

    /// <summary>For people: <c>perplexity (web) middle 50%</c>.</summary>
    public override string ToString() => Metric switch
    {
        "none" => "no pruning",
        "random" => $"random {Percent}",
        _ => $"{Metric} ({Scoring}) {Band} {Percent}",
    };

    /// <summary>The fraction as a percentage.</summary>
    public string Percent => (Fraction * 100).ToString("0.##", CultureInfo.InvariantCulture) + "%";
}

/// <summary>One trained model of the study.</summary>
/// <param name="Variant">What it was trained on.</param>
/// <param name="Training">Name of the training plan.</param>
/// <param name="Seed">Training seed.</param>
/// <param name="Train">Id of the step <c>train</c>.</param>
/// <param name="Select">Id of the step <c>select</c>; null for no pruning.</param>
/// <param name="Evaluate">Id of the step <c>evaluate</c>.</param>
/// <param name="Glue">Id of the step <c>glue</c>, or null.</param>
public sealed record TrainedVariant(Variant Variant, string Training, long Seed, string Train, string? Select, string Evaluate, string? Glue)
{
    /// <summary>Its checkpoints that are measured too.</summary>
    public IReadOnlyList<MeasuredCheckpoint> Earlier { get; init; } = [];
}

/// <summary>A trained model at a share of its training.</summary>
/// <param name="Share">In (0, 1).</param>
/// <param name="Evaluate">Id of the step <c>evaluate</c>.</param>
public sealed record MeasuredCheckpoint(double Share, string Evaluate);

/// <summary>A recipe as a graph of steps, and what its steps stand for.</summary>
public sealed class StudyPlan
{
    private readonly List<ScoringPlan> _scorings = [];
    private readonly List<TrainedVariant> _trained = [];

    private readonly bool _hashes;

    private StudyPlan(Recipe recipe, bool hashes) => (Recipe, _hashes) = (recipe, hashes);

    /// <summary>The recipe.</summary>
    public Recipe Recipe { get; }

    /// <summary>The steps.</summary>
    public StepGraph Graph { get; } = new();

    /// <summary>Scorings in the recipe's order.</summary>
    public IReadOnlyList<ScoringPlan> Scorings => _scorings;

    /// <summary>Every model that is trained and measured.</summary>
    public IReadOnlyList<TrainedVariant> Trained => _trained;

    /// <summary>Names of the test sets, the corpus's own first.</summary>
    public IReadOnlyList<string> Tests => [.. Recipe.Data.HoldOut > 0 ? ["own"] : Array.Empty<string>(), .. Recipe.Data.Test.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Plans a recipe.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="hashInputs">Reads every input file once, to hash it; without, the plan serves for an estimate only, and no input need exist.</param>
    /// <param name="cancel">Stops the reading.</param>
    /// <exception cref="Data.CorpusException">An input cannot be read.</exception>
    public static StudyPlan Of(Recipe recipe, bool hashInputs, CancellationToken cancel = default)
    {
        var plan = new StudyPlan(recipe, hashInputs);
        plan.AddPreparation(cancel);
        foreach (ReferencePlan reference in recipe.References) plan.AddReference(reference);
        foreach (Variant variant in plan.Variants()) plan.AddVariant(variant);
        return plan;
    }

    /// <summary>Every way to prune, the baselines first.</summary>
    public IEnumerable<Variant> Variants()
    {
        yield return Variant.None;
        foreach (double fraction in Recipe.Fractions) yield return new Variant("random", "", "random", fraction);
        foreach (ScoringPlan scoring in Scorings)
            foreach (string metric in scoring.Metrics)
                foreach (string band in Recipe.Bands)
                    foreach (double fraction in Recipe.Fractions)
                        yield return new Variant(metric, scoring.Name, band, fraction);
    }

    private void AddPreparation(CancellationToken cancel)
    {
        RecipeData data = Recipe.Data;
        if (_hashes) CheckInputs(data);
        var options = new PrepareOptions(
            Input(data.Train, cancel), data.HoldOut, data.ReferenceShare, Recipe.Evaluation.Tokens is { } tokens ? 4 * tokens : long.MaxValue, Recipe.Seed,
            data.Test.ToDictionary(set => set.Key, set => Input(set.Value, cancel)), data.Reference.ToDictionary(set => set.Key, set => Input(set.Value, cancel)))
        {
            Sample = data.Sample < 1 ? data.Sample : null,
            Dedup = data.Dedup == Dedup.Exact ? "exact" : null,
        };
        Add("prepare", "prepare", options);
        string? hash = _hashes && Recipe.TokenizerDirectory is { } given ? Tokenizer.Load(given).Hash : null;
        Add("tokenizer", "tokenizer", new TokenizerOptions(Recipe.TokenizerDirectory, hash, Recipe.Vocabulary), ("prepare", "prepare"));
        AddPack("train", Recipe.Unit);
    }

    /// <summary>Refuses what would come out only after hours: a test set's file that is trained on, under whatever path, and GLUE tasks that are not there.</summary>
    private void CheckInputs(RecipeData data)
    {
        static IEnumerable<string> Files(IReadOnlyList<string> inputs) => CorpusReader.Open(inputs, new CorpusOptions()).Shards.Select(shard => shard.Path);
        HashSet<string> train = [.. Files(data.Train)];
        foreach ((string name, IReadOnlyList<string> inputs) in data.Test)
            if (Files(inputs).FirstOrDefault(train.Contains) is { } shared)
                throw new Data.CorpusException($"test set `{name}`", $"{shared} is a training input too", "a test set must not be trained on; use `hold_out` to split one corpus");
        if (Recipe.Evaluation.Glue is not { } glue) return;
        HashSet<string> available = [.. GlueReader.Available(glue.Data).Select(task => task.Name)];
        if (glue.Tasks.FirstOrDefault(task => !available.Contains(task)) is { } missing)
            throw new Data.CorpusException(glue.Data, $"no train and dev set of `{missing}`" + (available.Count > 0 ? $"; there are {string.Join(", ", available.Select(task => $"`{task}`"))}" : ""), "name the directory with a folder per task under `evaluation.glue.data`, and what to take of it under `tasks`");
    }

    /// <summary>References are always trained on whole sequences; the corpus that is scored is packed into its units.</summary>
    private string AddPack(string corpus, string unit)
    {
        string id = $"pack/{corpus}";
        Add(id, "pack", new PackOptions(corpus, unit, Recipe.Context), ("prepare", "prepare"), ("tokenizer", "tokenizer"));
        return id;
    }

    private void AddReference(ReferencePlan reference)
    {
        IReadOnlyList<string> metrics = reference.Metrics ?? Recipe.Metrics;
        if (reference.Directory is { } directory)
        {
            AddScoring(reference.Name, 1, 0, metrics, directory, []);
            return;
        }

        string pack = AddPack(reference.Data, reference.Data == "train" ? Recipe.Unit : "sequence");
        var models = new List<string>();
        foreach (long seed in reference.Seeds)
        {
            string id = $"reference/{reference.Name}/seed-{seed}";
            Add(id, "train",
                new TrainOptions(Recipe.Models[reference.Model], Recipe.Context, reference.Length.Tokens, reference.Length.Epochs, "epochs", reference.Schedule, reference.Checkpoints, seed),
                ("pack", pack), ("tokenizer", "tokenizer"));
            models.Add(id);
        }

        for (int i = 0; i < reference.Checkpoints.Count; i++) AddScoring(reference.Name, reference.Checkpoints[i], i, metrics, null, models);
    }

    private void AddScoring(string reference, double share, int checkpoint, IReadOnlyList<string> metrics, string? directory, List<string> models)
    {
        var scoring = new ScoringPlan(reference, share, metrics, "");
        string id = $"score/{scoring.Name}";
        string? hash = directory is not null && Directory.Exists(directory) ? HashOf([.. Directory.EnumerateFiles(directory)], CancellationToken.None) : null;
        (string, string)[] inputs = [("prepare", "prepare"), .. models.Select((model, i) => ($"model{i + 1:D3}", model))];
        Add(id, "score", new ScoreOptions(metrics, Recipe.Unit, Recipe.Context, checkpoint, directory, hash), inputs);
        _scorings.Add(scoring with { Step = id });
    }

    private void AddVariant(Variant variant)
    {
        foreach (TrainingPlan training in Recipe.Training)
        {
            foreach (long seed in Recipe.Seeds.Where(seed => VariantFilter.Passes(training.Only, variant, seed)))
            {
                string? select = AddSelection(variant, seed);
                string name = Id(variant), train = $"train/{training.Name}/{name}/seed-{seed}";
                (string, string)[] inputs = [("pack", "pack/train"), ("tokenizer", "tokenizer"), .. select is null ? Array.Empty<(string, string)>() : [("selection", select)]];
                Add(train, "train",
                    new TrainOptions(Recipe.Models[training.Model], Recipe.Context, training.Length.Tokens, training.Length.Epochs, training.Equal, training.Schedule, training.Checkpoints, seed), inputs);
                string evaluate = $"evaluate/{training.Name}/{name}/seed-{seed}";
                Add(evaluate, "evaluate", new EvaluateOptions(Tests, Recipe.Context), ("prepare", "prepare"), ("model", train));
                var earlier = new List<MeasuredCheckpoint>();
                for (int i = 0; i < training.Checkpoints.Count; i++)
                {
                    if (training.Checkpoints[i] >= 1) continue;
                    earlier.Add(new MeasuredCheckpoint(training.Checkpoints[i], ScoringPlan.NameOf(evaluate, training.Checkpoints[i])));
                    Add(earlier[^1].Evaluate, "evaluate", new EvaluateOptions(Tests, Recipe.Context) { Checkpoint = i }, ("prepare", "prepare"), ("model", train));
                }

                _trained.Add(new TrainedVariant(variant, training.Name, seed, train, select, evaluate, AddGlue(training.Name, variant, seed, train)) { Earlier = earlier });
            }
        }
    }

    /// <summary>A random selection is drawn anew for every training seed, so that the spread over seeds holds that chance too.</summary>
    private string? AddSelection(Variant variant, long seed)
    {
        if (variant.Metric == "none") return null;
        bool random = variant.Metric == "random";
        string score = random ? _scorings[0].Step : _scorings.First(scoring => scoring.Name == variant.Scoring).Step;
        string fraction = ((decimal)variant.Fraction).ToString(CultureInfo.InvariantCulture);
        string rule = random ? $"{_scorings[0].Metrics[0]}:random:{fraction}" : $"{variant.Metric}:{variant.Band}:{fraction}";
        string id = random ? $"select/{Id(variant)}/seed-{seed}" : $"select/{Id(variant)}";
        Add(id, "select", new SelectOptions(rule, random ? unchecked((Recipe.Seed * 1_000_003) + seed) : 0), ("score", score));
        return id;
    }

    private string? AddGlue(string training, Variant variant, long seed, string train)
    {
        if (Recipe.Evaluation.Glue is not { } glue || !VariantFilter.Passes(glue.Only, variant, seed)) return null;
        string id = $"glue/{training}/{Id(variant)}/seed-{seed}";
        string hash = Directory.Exists(glue.Data) ? HashOf([.. Directory.EnumerateFiles(glue.Data, "*", SearchOption.AllDirectories)], CancellationToken.None) : "";
        Add(id, "glue", new GlueStepOptions(glue.Data, hash, glue.Tasks, glue.Seeds), ("model", train));
        return id;
    }

    private void Add<T>(string id, string kind, T options, params (string Name, string Step)[] inputs) => Graph.Add(new Step(
        id, kind, (JsonObject)JsonSerializer.SerializeToNode(options, StudyFiles.Json)!, inputs.ToDictionary(input => input.Name, input => input.Step, StringComparer.Ordinal)));

    private static string Id(Variant variant) => variant.Metric switch
    {
        "none" => "all",
        "random" => $"random-{variant.Percent}",
        _ => $"{variant.Metric}-{variant.Scoring}-{variant.Band}-{variant.Percent}",
    };

    private PrepareInput Input(IReadOnlyList<string> inputs, CancellationToken cancel)
    {
        if (!_hashes) return new PrepareInput(inputs, "");
        CorpusReader corpus = CorpusReader.Open(inputs, new CorpusOptions());
        return new PrepareInput(inputs, HashOf([.. corpus.Shards.Select(shard => shard.Path)], cancel));
    }

    private string HashOf(IReadOnlyList<string> files, CancellationToken cancel)
    {
        if (!_hashes) return "";
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 20];
        foreach (string file in files.Order(StringComparer.Ordinal))
        {
            sha.AppendData(Encoding.UTF8.GetBytes(Path.GetFileName(file)));
            using FileStream stream = File.OpenRead(file);
            for (int read; (read = stream.Read(buffer)) > 0;)
            {
                cancel.ThrowIfCancellationRequested();
                sha.AppendData(buffer, 0, read);
            }
        }

        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }
}
