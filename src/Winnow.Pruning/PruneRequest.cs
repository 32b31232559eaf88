using Winnow.Data.Corpus;
using Winnow.Pruning.Export;
using Winnow.Pruning.References;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;

namespace Winnow.Pruning;

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

    /// <summary>Threads that select, export and train the tokenizer; nothing depends on their number.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>What is kept. With <c>auto</c> each half is ranked by itself.</summary>
    public SelectionOptions Selection { get; init; } = new() { Keep = [KeepRule.Parse("middle:50%")] };

    /// <summary>What the pruned corpus is written as.</summary>
    public ExportFormat Format { get; init; } = ExportFormat.Same;

    /// <summary>Gets <c>pruned/</c>, <c>run/</c>, <c>selection/</c>, <c>prune.json</c>, with <c>auto</c> <c>reference/</c>.</summary>
    public required string Output { get; init; }

    /// <summary>Gets what was not kept; null writes it nowhere.</summary>
    public string? Rejected { get; init; }
}

/// <summary>How far a pruning is.</summary>
/// <param name="Phase"><c>measure</c>, <c>tokenizer</c>, <c>tokenize</c>, <c>train 1/2</c>, <c>train 2/2</c>, those of <see cref="ScoringProgress"/>, <c>select</c>, <c>export</c>.</param>
/// <param name="FractionDone">Estimated share of the phase, in [0, 1]; null where nothing can be said.</param>
/// <param name="TokensPerSecond">0 where no tokens are computed.</param>
/// <param name="Remaining">Estimated time left of the phase; null where nothing can be said.</param>
public sealed record PruneProgress(string Phase, double? FractionDone, double TokensPerSecond, TimeSpan? Remaining);

/// <summary>What a pruning made.</summary>
/// <param name="Directory">Where.</param>
/// <param name="Run">The scoring's manifest.</param>
/// <param name="Selection">What was kept.</param>
/// <param name="Export">What was written.</param>
/// <param name="References">The references of <c>auto</c>; null with given models.</param>
public sealed record PruneResult(
    string Directory, RunManifest Run, SelectionSummary Selection, ExportReport Export, ReferenceManifest? References);
