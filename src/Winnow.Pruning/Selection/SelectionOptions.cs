using Winnow.Data;

namespace Winnow.Pruning.Selection;

/// <summary>What a cut counts.</summary>
public enum Weighting
{
    /// <summary>Every unit weighs 1.</summary>
    Units,

    /// <summary>A unit weighs its predicted tokens (column <c>tokens</c>).</summary>
    Tokens,

    /// <summary>A unit weighs its UTF-8 bytes (column <c>bytes</c>).</summary>
    Bytes,
}

/// <summary>What happens to a unit that has no finite value in a rule's metric.</summary>
public enum Unscored
{
    /// <summary>It is not kept.</summary>
    Drop,

    /// <summary>The rule lets it pass.</summary>
    Keep,
}

/// <summary>Everything that decides which units a selection keeps.</summary>
public sealed record SelectionOptions
{
    /// <summary>The metric of the rules that name none.</summary>
    public string Metric { get; init; } = "perplexity";

    /// <summary>Each ranks the eligible units by itself; a unit is kept when every rule keeps it, in any of its bands.</summary>
    public required IReadOnlyList<KeepRule> Keep { get; init; }

    /// <summary>What the fractions are fractions of.</summary>
    public Weighting By { get; init; } = Weighting.Units;

    /// <summary>
    /// Columns whose values part the units into strata, each ranked by itself; <c>length</c> stands for the octave of
    /// <c>tokens</c> (32–63, 64–127, …). None: one ranking over all.
    /// </summary>
    public IReadOnlyList<string> Within { get; init; } = [];

    /// <summary>A condition such as <c>tokens >= 64 and perplexity &lt; 1000</c>: units that fail it are dropped before the ranking. Null: none.</summary>
    public string? Where { get; init; }

    /// <summary>What happens to units without a score.</summary>
    public Unscored Unscored { get; init; } = Unscored.Drop;

    /// <summary>Seed of the random band.</summary>
    public long Seed { get; init; }

    /// <summary>The options with every rule's metric named, or an error that says what is wrong.</summary>
    public SelectionOptions Validated()
    {
        if (Keep.Count == 0 && Where is null)
            throw new CorpusException("selection", "neither a keep rule nor a condition is given", "add `--keep middle:50%`, for example");
        if (Where is not null) _ = Condition.Parse(Where);
        foreach (KeepRule rule in Keep)
            if (rule.Bands().Any(band => band.Fraction is <= 0 or > 1)) throw new ArgumentOutOfRangeException(nameof(Keep), rule, "fraction not in (0, 1]");
        return this with { Keep = [.. Keep.Select(rule => rule.Of(Metric))] };
    }
}
