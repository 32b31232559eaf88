namespace Winnow.Pruning.Scoring;

/// <summary>A window of a unit; −1 for a unit of which only the continuation is wanted.</summary>
internal readonly record struct ScoringItem(ScoringUnit Unit, int Window);

/// <summary>Windows that go through the same models side by side.</summary>
internal sealed class ScoringBatch(int group)
{
    /// <summary>Which models: see <see cref="ScoringPlan.Groups"/>.</summary>
    public int Group => group;

    /// <summary>The windows, in corpus order.</summary>
    public List<ScoringItem> Items { get; } = [];

    /// <summary>Tokens that go through each model.</summary>
    public int Tokens { get; private set; }

    /// <summary>Adds a window of <paramref name="tokens"/> tokens.</summary>
    public void Add(ScoringUnit unit, int window, int tokens)
    {
        Items.Add(new ScoringItem(unit, window));
        Tokens += tokens;
    }
}
