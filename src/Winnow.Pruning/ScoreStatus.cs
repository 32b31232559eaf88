namespace Winnow.Pruning;

/// <summary>Why a unit has, or has no, score: the words of the column <c>status</c>.</summary>
public static class ScoreStatus
{
    /// <summary>The whole text was scored.</summary>
    public const string Ok = "ok";

    /// <summary>Scored, but the text is longer than the window rule looked at: <c>scored_bytes</c> says how far it went.</summary>
    public const string Truncated = "truncated";

    /// <summary>No text, or a text without a token: no score.</summary>
    public const string Empty = "empty";

    /// <summary>A text of which no token is predicted (one token and nothing before it): no score.</summary>
    public const string TooShort = "too_short";

    /// <summary>The last tokens of a file, too few to fill a sequence: no score.</summary>
    public const string Partial = "partial";

    /// <summary>The text could not be read as text: no score.</summary>
    public const string Invalid = "invalid";

    /// <summary>A model gave a number that is not finite: no score.</summary>
    public const string NotFinite = "not_finite";

    /// <summary>The text is that of an earlier document, and copies were to be left out: no score, and never kept.</summary>
    public const string Duplicate = "duplicate";
}
