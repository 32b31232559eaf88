namespace Winnow.Pruning.Selection;

/// <summary>What a selection decided, and what came of it: the content of <c>selection.json</c>.</summary>
public sealed record SelectionSummary
{
    /// <summary>Version of the format.</summary>
    public int Version { get; init; } = 1;

    /// <summary>The options, every rule with its metric.</summary>
    public required SelectionOptions Options { get; init; }

    /// <summary>All units of the score table.</summary>
    public required Amount All { get; init; }

    /// <summary>Units that are kept.</summary>
    public required Amount Kept { get; init; }

    /// <summary>Units that failed the condition.</summary>
    public required Amount Excluded { get; init; }

    /// <summary>Units that passed the condition and lack a score in at least one rule's metric, by status.</summary>
    public required IReadOnlyDictionary<string, long> Unscored { get; init; }

    /// <summary>What each band of each rule did in each stratum, in the order of the strata's names.</summary>
    public required IReadOnlyList<RuleOutcome> Rules { get; init; }

    /// <summary>How the shares of strata, sources and lengths changed.</summary>
    public required IReadOnlyList<ShareTable> Shares { get; init; }

    /// <summary>The shards, in the order of the inputs.</summary>
    public required IReadOnlyList<ShardOutcome> Shards { get; init; }
}

/// <summary>A number of units and what they hold; 0 where the table has no such column.</summary>
public readonly record struct Amount(long Units, long Tokens, long Bytes)
{
    /// <summary>Both together.</summary>
    public static Amount operator +(Amount left, Amount right) =>
        new(left.Units + right.Units, left.Tokens + right.Tokens, left.Bytes + right.Bytes);

    /// <summary>Both together.</summary>
    public static Amount Add(Amount left, Amount right) => left + right;
}

/// <summary>One band of a rule in one stratum.</summary>
/// <param name="Rule">The band as a rule of its own, as <see cref="KeepRule.Parse"/> reads it.</param>
/// <param name="Stratum">The stratum's values, or <c>all</c>.</param>
/// <param name="Ranked">Units with a score.</param>
/// <param name="Weight">Their weight: the length of the ranking.</param>
/// <param name="From">The kept band's start in the ranking.</param>
/// <param name="To">Its end, not included.</param>
/// <param name="Kept">Units in the band.</param>
/// <param name="Lowest">Lowest score in the band; null when it is empty.</param>
/// <param name="Highest">Highest score in the band.</param>
public sealed record RuleOutcome(
    string Rule, string Stratum, long Ranked, long Weight, long From, long To, long Kept, double? Lowest, double? Highest);

/// <summary>Shares of the values of one column (or combination) before and after.</summary>
public sealed record ShareTable(string Column, IReadOnlyList<Share> Values);

/// <summary>One value's part of the corpus and of what is kept.</summary>
/// <param name="Value">The value.</param>
/// <param name="All">Its units.</param>
/// <param name="Kept">Those kept.</param>
/// <param name="ShareBefore">Its share of all, in the selection's weight (units, tokens or bytes).</param>
/// <param name="ShareAfter">Its share of what is kept.</param>
public sealed record Share(string Value, Amount All, Amount Kept, double ShareBefore, double ShareAfter);

/// <summary>One shard's result.</summary>
/// <param name="Name">The shard's name.</param>
/// <param name="Rows">Rows of its score table.</param>
/// <param name="Kept">Rows kept.</param>
/// <param name="Mask">File name of its keep mask.</param>
public sealed record ShardOutcome(string Name, long Rows, long Kept, string Mask);
