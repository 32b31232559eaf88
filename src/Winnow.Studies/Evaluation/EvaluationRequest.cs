using Winnow.Data.Corpus;
using Winnow.Kernels;
using Winnow.Pruning.Scoring;

namespace Winnow.Studies.Evaluation;

/// <summary>One evaluation of a model on held-out text.</summary>
public sealed record EvaluationRequest
{
    /// <summary>A Hugging Face model directory.</summary>
    public required string Model { get; init; }

    /// <summary>Files, directories, globs, or <c>-</c>.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>How the files become documents.</summary>
    public CorpusOptions Corpus { get; init; } = new();

    /// <summary>The tokenizer's directory or file; null takes the model's.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>Tokens in a window; null takes the model's own, at most <see cref="ScoringOptions.DefaultContext"/>.</summary>
    public int? Context { get; init; }

    /// <summary>How longer texts are cut.</summary>
    public WindowRule Window { get; init; } = new(WindowKind.Disjoint);

    /// <summary>What stands before the first token of a document.</summary>
    public BosPolicy Bos { get; init; } = BosPolicy.Tokenizer;

    /// <summary>Of the intervals, in (0, 1).</summary>
    public double Confidence { get; init; } = 0.95;

    /// <summary>Draws of the whole set of documents.</summary>
    public int Resamples { get; init; } = 1000;

    /// <summary>Of the draws.</summary>
    public ulong Seed { get; init; } = 1;
}

/// <summary>What a model makes of a set of documents.</summary>
/// <param name="Name">The source, or <c>all</c>.</param>
/// <param name="Documents">Documents that have a loss.</param>
/// <param name="Tokens">Predicted tokens.</param>
/// <param name="Bytes">UTF-8 bytes of the text they cover.</param>
/// <param name="Loss">Mean NLL per token, in nats.</param>
/// <param name="Perplexity">exp(loss), with its interval.</param>
/// <param name="BitsPerByte">With its interval.</param>
public sealed record EvaluatedSet(
    string Name, long Documents, long Tokens, long Bytes, double Loss, Estimate Perplexity, Estimate BitsPerByte);

/// <summary>The result of an evaluation.</summary>
public sealed record EvaluationResult
{
    /// <summary>The model's directory.</summary>
    public required string Model { get; init; }

    /// <summary>What matrix products rounded their factors to.</summary>
    public required Precision Precision { get; init; }

    /// <summary>Tokens in a window.</summary>
    public required int Context { get; init; }

    /// <summary>As <see cref="WindowRule.Parse"/> reads it.</summary>
    public required string Window { get; init; }

    /// <summary>Of the intervals.</summary>
    public required double Confidence { get; init; }

    /// <summary>Draws of the bootstrap over documents.</summary>
    public required int Resamples { get; init; }

    /// <summary>Of the draws.</summary>
    public required ulong Seed { get; init; }

    /// <summary>All documents together.</summary>
    public required EvaluatedSet All { get; init; }

    /// <summary>Each source by itself, the largest first.</summary>
    public required IReadOnlyList<EvaluatedSet> Sources { get; init; }

    /// <summary>Documents without a loss, by status.</summary>
    public required IReadOnlyDictionary<string, long> Unscored { get; init; }

    /// <summary>Records that could not be read and were skipped.</summary>
    public long BadRecords { get; init; }
}
