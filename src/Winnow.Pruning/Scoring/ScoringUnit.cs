namespace Winnow.Pruning.Scoring;

/// <summary>A unit on its way through the scorer: what it is, its tokens, and the sums that its windows add.</summary>
internal sealed class ScoringUnit
{
    private int pending;

    /// <summary>Its place among everything this attempt scores.</summary>
    public long Ordinal { get; set; }

    public required int Shard { get; init; }

    public required long Row { get; init; }

    public required string Id { get; init; }

    public required string Source { get; init; }

    public required long Bytes { get; init; }

    /// <summary>What it is called when every sum is finite.</summary>
    public required string Status { get; init; }

    public long ScoredBytes { get; init; }

    public int? Fold { get; init; }

    public UnitSpan? Span { get; init; }

    /// <summary>One text per column of <see cref="ScoringPlan.Fields"/>, or empty where the unit has none of them.</summary>
    public IReadOnlyList<string?> Fields { get; init; } = [];

    /// <summary>Its tokens, those put before it included.</summary>
    public int[] Ids { get; init; } = [];

    /// <summary>The windows to score; none where there is no score.</summary>
    public ScoringWindow[] Windows { get; init; } = [];

    /// <summary>Whether it is long enough for memorization, and memorization is wanted.</summary>
    public bool Memorizable { get; init; }

    /// <summary>[models, windows]: Σ −ln p of each window.</summary>
    public double[] Nll { get; private set; } = [];

    /// <summary>[models, windows]: Σ ‖p − onehot‖₂ of each window.</summary>
    public double[] El2n { get; private set; } = [];

    /// <summary>[models]: greedy tokens equal to the truth.</summary>
    public int[] Matches { get; private set; } = [];

    /// <summary>[models]: greedy tokens equal to the truth before the first that is not.</summary>
    public int[] MatchedPrefix { get; private set; } = [];

    /// <summary>Which models score it: see <see cref="ScoringPlan.Groups"/>.</summary>
    public int Group => Fold ?? 0;

    /// <summary>Whether nothing has to be computed.</summary>
    public bool IsDone => Volatile.Read(ref pending) == 0;

    /// <summary>Makes room for the sums of <paramref name="models"/> models.</summary>
    public void Begin(int models)
    {
        Nll = new double[models * Windows.Length];
        El2n = new double[models * Windows.Length];
        if (Memorizable)
        {
            Matches = new int[models];
            MatchedPrefix = new int[models];
        }

        pending = models * (Windows.Length + (Memorizable ? 1 : 0));
    }

    /// <summary>Counts one window, or one continuation, of one model as done; true for the last of all.</summary>
    public bool Complete() => Interlocked.Decrement(ref pending) == 0;
}
