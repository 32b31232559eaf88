using Winnow.Data;
using Winnow.Data.Tokenizers;
using Winnow.Models;

namespace Winnow.Pruning.Scoring;

/// <summary>A scoring's options, resolved against its models and tokenizer.</summary>
internal sealed class ScoringPlan
{
    private readonly Tokenizer? tokenizer;

    private ScoringPlan(ScoringOptions options, ScoringRuntime runtime, Tokenizer? tokenizer, IReadOnlyList<DecoderConfig> models)
    {
        Options = options;
        Runtime = runtime;
        this.tokenizer = tokenizer;
        Models = models;
    }

    public ScoringOptions Options { get; }

    public ScoringRuntime Runtime { get; }

    public Tokenizer Tokenizer => tokenizer ?? throw new InvalidOperationException("units that are given as ids have no tokenizer");

    public IReadOnlyList<DecoderConfig> Models { get; }

    /// <summary>The halves of a cross-fitted corpus, or null.</summary>
    public CorpusFold? Fold { get; private init; }

    /// <summary>Tokens in a window.</summary>
    public int Context { get; private init; }

    /// <summary>Put before every document.</summary>
    public int[] Bos { get; private init; } = [];

    /// <summary>Tokens in one forward.</summary>
    public int BatchTokens => Math.Max(Runtime.BatchTokens > 0 ? Runtime.BatchTokens : 1024, Math.Max(Context - 1, GenerationTokens));

    /// <summary>Memorization: tokens before the continuation.</summary>
    public int PromptTokens => Bos.Length + Options.Prompt;

    /// <summary>Memorization: tokens of a whole unit that count, those put before it included.</summary>
    public int GenerationTokens => Memorizes ? PromptTokens + Options.Continuation : 0;

    /// <summary>Units that generate side by side in one worker: as many as 128 MB of keys and values hold, in [16, 256].</summary>
    public int GenerationSlots => Runtime.GenerationSlots > 0
        ? Runtime.GenerationSlots
        : (int)Math.Clamp((128L << 20) / Models.Sum(model => 8L * GenerationTokens * model.Layers * model.KeyValueWidth), 16, 256);

    /// <summary>Whether memorization is wanted.</summary>
    public bool Memorizes => (Options.Metrics & Metrics.Memorization) != 0;

    /// <summary>Whether the loss of every token is wanted.</summary>
    public bool Predicts => (Options.Metrics & (Metrics.Perplexity | Metrics.El2n)) != 0;

    /// <summary>How many models score one unit.</summary>
    public int ModelsPerUnit => Fold is null ? Models.Count : 1;

    /// <summary>Groups of units that are batched together: one, or one per half of the corpus.</summary>
    public int Groups => Fold is null ? 1 : 2;

    /// <summary>The columns of the table.</summary>
    public ScoreSchema Schema => ScoreSchema.For(Options.Metrics, ModelsPerUnit, Fold is not null, Options.Unit == UnitKind.Sequence) with { Fields = Fields };

    /// <summary>What documents carry along into the table.</summary>
    public IReadOnlyList<string> Fields { get; private init; } = [];

    /// <summary>The index of the model that scores a unit of <paramref name="group"/> as its <paramref name="member"/>th.</summary>
    public int ModelOf(int group, int member) => Fold is null ? member : 1 - group;

    /// <summary>Checks that options, models and tokenizer fit together.</summary>
    /// <exception cref="CorpusException">They do not.</exception>
    public static ScoringPlan Create(ScoringRequest request, Tokenizer tokenizer, IReadOnlyList<DecoderConfig> models)
    {
        ScoringOptions options = request.Options;
        if (options.Metrics == Metrics.None) throw new CorpusException("`--metrics`", "no metric is named", "name `perplexity`, `el2n` or `memorization`");
        if (request.Fold is not null && models.Count != 2) throw new ArgumentException($"cross-fitting takes 2 models, not {models.Count}", nameof(request));
        CheckVocabulary(request, tokenizer, models);
        int limit = models.Min(model => model.MaxLength);
        int context = options.Context ?? Math.Min(limit, ScoringOptions.DefaultContext);
        if (context > limit)
        {
            string model = request.Models[models.ToList().FindIndex(candidate => candidate.MaxLength == limit)];
            throw new CorpusException("`--context`", $"{context} tokens are more than the {limit} that `{model}` allows", $"give at most `--context {limit}`");
        }

        ScoringPlan plan = new(options, request.Runtime, tokenizer, models)
        {
            Context = context,
            Fold = request.Fold,
            Fields = request.Corpus.Fields ?? [],
            Bos = options.Unit == UnitKind.Sequence ? [] : BosIds(options.Bos, tokenizer),
        };
        plan.CheckSizes();
        plan.CheckFields();
        return plan;
    }

    /// <summary>A plan for units that are given as ids, for one model.</summary>
    /// <exception cref="CorpusException">Options and model do not fit together.</exception>
    public static ScoringPlan ForIds(ScoringOptions options, DecoderConfig model)
    {
        ScoringPlan plan = new(options, new ScoringRuntime(), null, [model]) { Context = options.Context ?? model.MaxLength };
        plan.CheckSizes();
        return plan;
    }

    private static int[] BosIds(BosPolicy policy, Tokenizer tokenizer) => policy switch
    {
        BosPolicy.None => [],
        BosPolicy.Tokenizer => [.. tokenizer.Prefix],
        BosPolicy.EndOfText => [EndOfText(tokenizer)],
        _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, null),
    };

    /// <summary>The token that follows each document in a sequence.</summary>
    public static int EndOfText(Tokenizer tokenizer) => tokenizer.EndOfText
        ?? throw new CorpusException("tokenizer", "it names no end-of-text token", "score with `--unit document`, or name `eos_token` in `tokenizer_config.json`");

    private static void CheckVocabulary(ScoringRequest request, Tokenizer tokenizer, IReadOnlyList<DecoderConfig> models)
    {
        for (int i = 0; i < models.Count; i++)
        {
            if (tokenizer.VocabularySize <= models[i].VocabularySize) continue;
            throw new CorpusException(request.Models[i],
                $"the tokenizer has {tokenizer.VocabularySize} tokens, the model only {models[i].VocabularySize}",
                "name the tokenizer that the model was trained with");
        }
    }

    private void CheckFields()
    {
        const int most = 16;
        if (Fields.Count > most) throw new CorpusException("`--fields`", $"{Fields.Count} fields, at most {most} can be carried along");
        HashSet<string> taken = [.. ScorePartWriter.Columns(Schema with { Fields = [] }).Select(column => column.Path), "length"];
        if (Fields.FirstOrDefault(field => !taken.Add(field)) is { } twice)
            throw new CorpusException("`--fields`", $"`{twice}` is a column of the score table already", "leave it out");
    }

    private void CheckSizes()
    {
        if (Context < Bos.Length + 2) throw new CorpusException("`--context`", $"{Context} tokens leave nothing to predict", $"give at least `--context {Bos.Length + 2}`");
        if (Options.Window.Kind == WindowKind.Stride && Options.Window.Overlap >= Context)
        {
            throw new CorpusException("`--window`", $"an overlap of {Options.Window.Overlap} does not fit into a context of {Context}",
                $"give `stride:{Context / 2}`, for example");
        }

        if (!Memorizes) return;
        if (Options.Prompt < 1 || Options.Continuation < 1)
        {
            throw new CorpusException("`--prompt`, `--continuation`", $"found {Options.Prompt} and {Options.Continuation}, expected at least 1 each");
        }

        if (GenerationTokens > Context)
        {
            throw new CorpusException("`--context`", $"memorization looks at {GenerationTokens} tokens, the context is {Context}",
                "give a longer `--context`, or shorter `--prompt` and `--continuation`");
        }
    }
}
