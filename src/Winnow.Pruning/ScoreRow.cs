namespace Winnow.Pruning;

/// <summary>One unit's line of a score table.</summary>
public sealed record ScoreRow
{
    /// <summary>Index of the input file.</summary>
    public required int Shard { get; init; }

    /// <summary>Record in that file; for sequences, the sequence's number in that file.</summary>
    public required long Row { get; init; }

    /// <summary>The document's id; for sequences, the id of its first document, <c>@</c> and the sequence's number.</summary>
    public required string Id { get; init; }

    /// <summary>Where the document comes from, as the corpus says; empty where it does not.</summary>
    public required string Source { get; init; }

    /// <summary>UTF-8 bytes of the unit's text.</summary>
    public required long Bytes { get; init; }

    /// <summary>UTF-8 bytes of the text that the windows covered; what <c>bits_per_byte</c> divides by.</summary>
    public required long ScoredBytes { get; init; }

    /// <summary>Predicted tokens.</summary>
    public required int Tokens { get; init; }

    /// <summary>One of <see cref="ScoreStatus"/>.</summary>
    public required string Status { get; init; }

    /// <summary>With cross-fitting, the half of the corpus the unit is in (0 or 1); it was scored by the other half's model.</summary>
    public int? Fold { get; init; }

    /// <summary>For sequences, which text they hold.</summary>
    public UnitSpan? Span { get; init; }

    /// <summary>One text per column of <see cref="ScoreSchema.Fields"/>, in that order; null where there is none.</summary>
    public IReadOnlyList<string?> Fields { get; init; } = [];

    /// <summary>One value per column of <see cref="ScoreSchema.Metrics"/>, in that order; NaN where there is no value.</summary>
    public required double[] Values { get; init; }
}
