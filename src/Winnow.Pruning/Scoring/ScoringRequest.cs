using Winnow.Data.Corpus;

namespace Winnow.Pruning.Scoring;

/// <summary>One scoring: what, with which models, where to.</summary>
public sealed record ScoringRequest
{
    /// <summary>Files, directories, globs, or <c>-</c>.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>How the files become documents. <see cref="CorpusOptions.Limit"/> counts documents.</summary>
    public CorpusOptions Corpus { get; init; } = new();

    /// <summary>Hugging Face model directories. Several score every unit; all must have the same tokenizer.</summary>
    public required IReadOnlyList<string> Models { get; init; }

    /// <summary>The tokenizer's directory or file; null takes the first model's.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>
    /// With cross-fitting, which half of the corpus a document is in: a document of half h is scored by the one model
    /// <c>Models[1 − h]</c>, which was trained on the other half. Null: every model scores every unit.
    /// </summary>
    public CorpusFold? Fold { get; init; }

    /// <summary>The run's directory.</summary>
    public required string Output { get; init; }

    /// <summary>What decides the scores.</summary>
    public ScoringOptions Options { get; init; } = new();

    /// <summary>How the work is done.</summary>
    public ScoringRuntime Runtime { get; init; } = new();
}

/// <summary>How far a scoring is.</summary>
/// <param name="Phase">What is being done: <c>hash</c>, <c>dedup</c>, <c>load</c>, <c>score</c>, <c>write</c>.</param>
/// <param name="Units">Units whose scores are known, those of earlier attempts included.</param>
/// <param name="Tokens">Tokens that this attempt put through a model.</param>
/// <param name="TokensPerSecond">Over this attempt.</param>
/// <param name="FractionDone">Estimated share of the corpus, in [0, 1]; null where nothing can be said.</param>
/// <param name="Remaining">Estimated time left; null where nothing can be said.</param>
public sealed record ScoringProgress(
    string Phase, long Units, long Tokens, double TokensPerSecond, double? FractionDone, TimeSpan? Remaining);

/// <summary>What a finished scoring made.</summary>
/// <param name="Directory">The run.</param>
/// <param name="Manifest">As written.</param>
/// <param name="WasComplete">True when the run was there already and nothing had to be done.</param>
public sealed record ScoringResult(string Directory, RunManifest Manifest, bool WasComplete);

/// <summary>What a planned scoring would take.</summary>
/// <param name="Files">Input files.</param>
/// <param name="FileBytes">Their size on disk.</param>
/// <param name="Documents">Estimated documents.</param>
/// <param name="Tokens">Estimated tokens that go through each model.</param>
/// <param name="Flops">By the models' formula.</param>
/// <param name="TokensPerSecond">Measured on a sample.</param>
/// <param name="Seconds">Tokens / TokensPerSecond.</param>
/// <param name="OutputBytes">Estimated size of the score table.</param>
public sealed record ScoringEstimate(
    int Files, long FileBytes, long Documents, long Tokens, double Flops, double TokensPerSecond, double Seconds, long OutputBytes);
