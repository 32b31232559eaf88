using Winnow.Data.Corpus;
using Winnow.Pruning.Scoring;

namespace Winnow.Pruning;

/// <summary>How the two reference models of <c>--model auto</c> are made.</summary>
public sealed record AutoReferenceOptions
{
    /// <summary>Of the split into halves, the samples and the models.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// Training time aimed at, both references together, in seconds; decides size and steps with the corpus' size. The choice is made
    /// once, from the machine's measured speed, and written to the manifest, so that a resumed run keeps it.
    /// </summary>
    public double BudgetSeconds { get; init; } = 120;

    /// <summary>A preset's name instead of the choice.</summary>
    public string? Preset { get; init; }

    /// <summary>Training tokens of each reference instead of the choice.</summary>
    public long? Tokens { get; init; }

    /// <summary>Vocabulary of the tokenizer instead of the choice.</summary>
    public int? Vocabulary { get; init; }

    /// <summary>Context of the references instead of the choice.</summary>
    public int? Context { get; init; }
}

/// <summary>What <c>winnow prune</c> does: make references where none are given, score, select, export.</summary>
public sealed record PruneRequest
{
    /// <summary>Files, directories, globs, or <c>-</c>.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>How the files become documents.</summary>
    public CorpusOptions Corpus { get; init; } = new();

    /// <summary>Model directories; empty for <c>auto</c>: two references are trained, each on one half, and score the other half.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>The tokenizer's directory or file; null takes the first model's, or trains one with <c>auto</c>.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>How <c>auto</c> makes its references.</summary>
    public AutoReferenceOptions Auto { get; init; } = new();

    /// <summary>What decides the scores.</summary>
    public ScoringOptions Scoring { get; init; } = new();

    /// <summary>How the work is done.</summary>
    public ScoringRuntime Runtime { get; init; } = new();

    /// <summary>Gets <c>pruned/</c>, <c>run/</c>, <c>selection/</c> and <c>report.html</c>.</summary>
    public required string Output { get; init; }

    /// <summary>Gets what was not kept; null writes it nowhere.</summary>
    public string? Rejected { get; init; }
}
