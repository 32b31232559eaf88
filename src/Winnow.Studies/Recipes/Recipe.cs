using Winnow.Pruning.Duplicates;
using Winnow.Work.Slurm;

namespace Winnow.Studies.Recipes;

/// <summary>The experiment of arXiv 2309.04564 as data: what is scored by what, what is kept, what is trained on it, and how that is judged.</summary>
public sealed record Recipe
{
    /// <summary>Names the study in reports.</summary>
    public required string Name { get; init; }

    /// <summary>Seed of everything that is not a training seed: samples, random baselines, bootstrap.</summary>
    public long Seed { get; init; } = 1;

    /// <summary><c>sequence</c> (the paper's unit) or <c>document</c>.</summary>
    public string Unit { get; init; } = "sequence";

    /// <summary>Tokens of context of all models.</summary>
    public int Context { get; init; } = 512;

    /// <summary>The corpora.</summary>
    public required RecipeData Data { get; init; }

    /// <summary>A tokenizer's directory; null trains one on the training corpus.</summary>
    public string? TokenizerDirectory { get; init; }

    /// <summary>Vocabulary of a trained tokenizer.</summary>
    public int Vocabulary { get; init; } = 16384;

    /// <summary>Model shapes by name.</summary>
    public required IReadOnlyDictionary<string, ModelShape> Models { get; init; }

    /// <summary>What scores.</summary>
    public required IReadOnlyList<ReferencePlan> References { get; init; }

    /// <summary>Any of <c>perplexity</c>, <c>bits_per_byte</c>, <c>el2n</c>, <c>memorization</c>.</summary>
    public IReadOnlyList<string> Metrics { get; init; } = ["perplexity"];

    /// <summary>Any of <c>bottom</c>, <c>middle</c>, <c>top</c>.</summary>
    public IReadOnlyList<string> Bands { get; init; } = ["bottom", "middle", "top"];

    /// <summary>Fractions kept, each in (0, 1).</summary>
    public IReadOnlyList<double> Fractions { get; init; } = [0.1, 0.3, 0.5, 0.7];

    /// <summary>One trained model per variant and seed.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [1, 2, 3];

    /// <summary>What is trained on what is kept.</summary>
    public required IReadOnlyList<TrainingPlan> Training { get; init; }

    /// <summary>How trained models are judged.</summary>
    public EvaluationPlan Evaluation { get; init; } = new();

    /// <summary>What is asked of a Slurm cluster where one does the work; decides nothing about the results.</summary>
    public SlurmOptions? Slurm { get; init; }
}

/// <summary>The corpora of a study.</summary>
/// <param name="Train">Inputs of the corpus that is pruned.</param>
/// <param name="HoldOut">Share of it that is held out by a hash of the text as the test set <c>own</c>; 0 for none.</param>
/// <param name="ReferenceShare">Share of it that is set apart by the same hash as the reference corpus <c>own</c>; 0 for none.</param>
/// <param name="Test">Further test sets by name.</param>
/// <param name="Reference">Corpora that only references are trained on, by name.</param>
public sealed record RecipeData(
    IReadOnlyList<string> Train, double HoldOut, double ReferenceShare, IReadOnlyDictionary<string, IReadOnlyList<string>> Test,
    IReadOnlyDictionary<string, IReadOnlyList<string>> Reference)
{
    /// <summary>Share of the training corpus that the study looks at, drawn by the same hash; in (0, 1].</summary>
    public double Sample { get; init; } = 1;

    /// <summary>Whether copies of a text are left out of the training corpus, and so of all that is made of it.</summary>
    public Dedup Dedup { get; init; }

    /// <summary>Declared sizes of corpora that are not at hand, in tokens by name (<c>train</c>, a reference's); for a dry run.</summary>
    public IReadOnlyDictionary<string, long> Tokens { get; init; } = new Dictionary<string, long>();
}

/// <summary>A decoder's shape.</summary>
/// <param name="Architecture"><c>gpt2</c> or <c>llama</c>.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Width">Model width.</param>
/// <param name="Heads">Attention heads.</param>
public sealed record ModelShape(string Architecture, int Layers, int Width, int Heads);

/// <summary>One reference: trained by the study, or a checkpoint that exists.</summary>
/// <param name="Name">Names it in reports.</param>
public sealed record ReferencePlan(string Name)
{
    /// <summary>A Hugging Face directory; null when the study trains it.</summary>
    public string? Directory { get; init; }

    /// <summary>Parameters of a checkpoint whose directory is not there yet; for the estimate of a dry run.</summary>
    public long? Parameters { get; init; }

    /// <summary>
    /// <c>own</c> (the part of the corpus set apart by <see cref="RecipeData.ReferenceShare"/>), a reference corpus's name, or
    /// <c>train</c>: it then scores what it was trained on, as memorization wants.
    /// </summary>
    public string Data { get; init; } = "own";

    /// <summary>Name of a model shape.</summary>
    public string Model { get; init; } = "";

    /// <summary>Training length.</summary>
    public TrainingLength Length { get; init; }

    /// <summary>Optimiser settings.</summary>
    public ScheduleSettings Schedule { get; init; } = new();

    /// <summary>Shares of training at which a checkpoint scores; the last is 1.</summary>
    public IReadOnlyList<double> Checkpoints { get; init; } = [1];

    /// <summary>Initialisations; the scores of several are averaged (the paper's EL2N ensemble).</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [1];

    /// <summary>Metrics it is asked for; null means all of the recipe's.</summary>
    public IReadOnlyList<string>? Metrics { get; init; }
}

/// <summary>How long to train: a number of tokens, or of epochs over the training set. Exactly one is positive.</summary>
/// <param name="Tokens">Tokens, or 0.</param>
/// <param name="Epochs">Epochs, or 0.</param>
public readonly record struct TrainingLength(long Tokens, double Epochs);

/// <summary>AdamW and its learning rate over time.</summary>
public sealed record ScheduleSettings
{
    /// <summary>Tokens per update.</summary>
    public long BatchTokens { get; init; } = 16384;

    /// <summary>Peak learning rate.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Share of the steps that warm up linearly.</summary>
    public double WarmUp { get; init; } = 0.02;

    /// <summary><c>cosine</c> or <c>linear-rise</c> (from 0 to the peak over all of training, as the paper words it).</summary>
    public string Shape { get; init; } = "cosine";

    /// <summary>Decoupled weight decay.</summary>
    public double WeightDecay { get; init; } = 0.1;
}

/// <summary>A model that is trained on every kept set.</summary>
/// <param name="Name">Names it in reports.</param>
/// <param name="Model">Name of a model shape.</param>
/// <param name="Length">Training length of the unpruned set.</param>
public sealed record TrainingPlan(string Name, string Model, TrainingLength Length)
{
    /// <summary>
    /// <c>tokens</c>: every variant sees as many tokens as the unpruned one, smaller sets repeat. <c>epochs</c>: every
    /// variant makes as many passes, smaller sets train for less.
    /// </summary>
    public string Equal { get; init; } = "tokens";

    /// <summary>Optimiser settings.</summary>
    public ScheduleSettings Schedule { get; init; } = new();

    /// <summary>Shares of training at which it is measured; the finished model always is.</summary>
    public IReadOnlyList<double> Checkpoints { get; init; } = [1];

    /// <summary>The variants it is trained on; null for all.</summary>
    public VariantFilter? Only { get; init; }
}

/// <summary>
/// Some of a study's variants: a larger model, or fine-tuning, is rarely wanted for the whole grid. No pruning always passes, and
/// so does random pruning at the fractions named: without its baselines a variant says nothing.
/// </summary>
/// <param name="Metrics">Metrics that pass; null for all.</param>
/// <param name="References">Scorings that pass (<c>web</c>, <c>web@14%</c>); null for all.</param>
/// <param name="Bands">Bands that pass; null for all.</param>
/// <param name="Fractions">Fractions that pass; null for all.</param>
/// <param name="Seeds">Training seeds that pass; null for all.</param>
public sealed record VariantFilter(
    IReadOnlyList<string>? Metrics, IReadOnlyList<string>? References, IReadOnlyList<string>? Bands, IReadOnlyList<double>? Fractions, IReadOnlyList<long>? Seeds)
{
    /// <summary>True where the filter (null lets all pass) lets a variant trained with a seed pass.</summary>
    public static bool Passes(VariantFilter? filter, Variant variant, long seed)
    {
        if (filter is null) return true;
        if (filter.Seeds?.Contains(seed) == false) return false;
        if (variant.Metric == "none") return true;
        if (filter.Fractions?.Contains(variant.Fraction) == false) return false;
        return variant.Metric == "random"
            || (filter.Metrics?.Contains(variant.Metric) != false && filter.References?.Contains(variant.Scoring) != false && filter.Bands?.Contains(variant.Band) != false);
    }
}

/// <summary>How trained models are judged.</summary>
public sealed record EvaluationPlan
{
    /// <summary>Bootstrap resamples of the test documents.</summary>
    public int Resamples { get; init; } = 2000;

    /// <summary>Coverage of the intervals.</summary>
    public double Confidence { get; init; } = 0.95;

    /// <summary>At most this many tokens of each test set; null for all.</summary>
    public long? Tokens { get; init; }

    /// <summary>Fine-tuning on GLUE, or null.</summary>
    public GluePlan? Glue { get; init; }
}

/// <summary>Fine-tuning on GLUE.</summary>
/// <param name="Data">Directory with a folder per task.</param>
/// <param name="Tasks">Task names.</param>
/// <param name="Seeds">Fine-tuning seeds.</param>
/// <param name="Only">The variants whose models are fine-tuned; null for all.</param>
public sealed record GluePlan(string Data, IReadOnlyList<string> Tasks, IReadOnlyList<long> Seeds, VariantFilter? Only = null);
