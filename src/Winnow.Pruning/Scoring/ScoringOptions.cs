using System.Globalization;
using Winnow.Data;
using Winnow.Data.Tokenizers;
using Winnow.Pruning.Duplicates;

namespace Winnow.Pruning.Scoring;

/// <summary>What is computed of every unit.</summary>
[Flags]
public enum Metrics
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>NLL, perplexity and bits per byte.</summary>
    Perplexity = 1,

    /// <summary>Mean over the predicted tokens of ‖p − onehot‖₂.</summary>
    El2n = 2,

    /// <summary>Share of the continuation that greedy decoding from the prompt repeats.</summary>
    Memorization = 4,
}

/// <summary>What is scored and kept or dropped as a whole.</summary>
public enum UnitKind
{
    /// <summary>One document.</summary>
    Document,

    /// <summary>Documents joined by the end-of-text token and cut into sequences of exactly the context length: the paper's unit.</summary>
    Sequence,
}

/// <summary>What stands before the first token of a unit.</summary>
public enum BosPolicy
{
    /// <summary>The special tokens that the tokenizer's own post-processor puts in front.</summary>
    Tokenizer,

    /// <summary>Nothing.</summary>
    None,

    /// <summary>The end-of-text token.</summary>
    EndOfText,
}

/// <summary>How a text longer than the context is cut into windows.</summary>
public enum WindowKind
{
    /// <summary>Windows side by side; each begins without context, so its first token is not predicted.</summary>
    Disjoint,

    /// <summary>The first window only.</summary>
    Truncate,

    /// <summary>Overlapping windows: every token is predicted once, after the first window with at least a given number of tokens before it.</summary>
    Stride,
}

/// <summary>How a text longer than the context is cut into windows.</summary>
/// <param name="Kind">The rule.</param>
/// <param name="Overlap">For <see cref="WindowKind.Stride"/>, tokens of context that later windows repeat; else 0.</param>
public readonly record struct WindowRule(WindowKind Kind, int Overlap = 0)
{
    /// <summary>Reads <c>disjoint</c>, <c>truncate</c> or <c>stride:N</c>.</summary>
    /// <exception cref="CorpusException">The text is none of them.</exception>
    public static WindowRule Parse(string text) => text switch
    {
        "disjoint" => new(WindowKind.Disjoint),
        "truncate" => new(WindowKind.Truncate),
        _ when text.StartsWith("stride:", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(7), NumberStyles.None, CultureInfo.InvariantCulture, out int overlap) && overlap > 0
            => new(WindowKind.Stride, overlap),
        _ => throw new CorpusException("`--window`", $"found `{text}`, expected `disjoint`, `truncate` or `stride:N` with N > 0",
            "`stride:256` predicts every token once, with at least 256 tokens before it after the first window"),
    };

    /// <inheritdoc/>
    public override string ToString() => Kind switch
    {
        WindowKind.Disjoint => "disjoint",
        WindowKind.Truncate => "truncate",
        WindowKind.Stride => $"stride:{Overlap}",
        _ => throw new ArgumentOutOfRangeException(nameof(Kind), Kind, null),
    };
}

/// <summary>
/// Everything that decides what the scores are. Two scorings with equal options, models and inputs give the same files; nothing
/// in here depends on the machine.
/// </summary>
public sealed record ScoringOptions
{
    /// <summary>What is computed.</summary>
    public Metrics Metrics { get; init; } = Metrics.Perplexity | Metrics.El2n;

    /// <summary>What a unit is.</summary>
    public UnitKind Unit { get; init; } = UnitKind.Document;

    /// <summary>Tokens in a window; null takes the models' own, at most <see cref="DefaultContext"/>.</summary>
    public int? Context { get; init; }

    /// <summary>How longer texts are cut.</summary>
    public WindowRule Window { get; init; } = new(WindowKind.Disjoint);

    /// <summary>What stands before the first token of a document. Sequences are what their tokens are: nothing is put before them.</summary>
    public BosPolicy Bos { get; init; } = BosPolicy.Tokenizer;

    /// <summary>What the text of a special token (<c>&lt;|endoftext|&gt;</c>) inside a document becomes.</summary>
    public SpecialInText SpecialInText { get; init; } = SpecialInText.Match;

    /// <summary>Copies that are left out: as documents they get a row without a score, in sequences they are not packed.</summary>
    public Dedup Dedup { get; init; }

    /// <summary>Memorization: tokens of the prompt, from the unit's start.</summary>
    public int Prompt { get; init; } = 32;

    /// <summary>Memorization: tokens generated and compared.</summary>
    public int Continuation { get; init; } = 32;

    /// <summary>The longest context taken unasked: the paper's.</summary>
    public const int DefaultContext = 2048;
}

/// <summary>How the work is done; nothing in here changes a score.</summary>
public sealed record ScoringRuntime
{
    /// <summary>Tokens in one forward; 0 chooses: the context, and at least 1024.</summary>
    public int BatchTokens { get; init; }

    /// <summary>Units that generate side by side in one worker; 0 chooses by what their keys and values take.</summary>
    public int GenerationSlots { get; init; }

    /// <summary>Longest time that finished scores stay in memory before they are made durable.</summary>
    public TimeSpan BlockInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Most rows that stay in memory before they are made durable.</summary>
    public int BlockRows { get; init; } = 4096;

    /// <summary>Throw a run's unfinished or finished scores away and start over.</summary>
    public bool Restart { get; init; }

    /// <summary>Overwrite a directory that holds something else.</summary>
    public bool Force { get; init; }

    /// <summary>The machine's measured peak for the cost ledger, in GFLOP/s; null where nobody measured it.</summary>
    public double? PeakGflops { get; init; }

    /// <summary>Show how far it is under <c>stages/</c>; false where the run is a part of something that does.</summary>
    public bool Visible { get; init; } = true;

    /// <summary>The clock of the manifest.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
