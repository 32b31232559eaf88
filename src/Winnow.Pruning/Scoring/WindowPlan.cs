namespace Winnow.Pruning.Scoring;

/// <summary>
/// One window on a unit's tokens: tokens [<paramref name="Start"/>, <paramref name="End"/>) are looked at, those from
/// <paramref name="FirstPredicted"/> on are predicted, each from all tokens before it in the window.
/// </summary>
internal readonly record struct ScoringWindow(int Start, int End, int FirstPredicted)
{
    /// <summary>Tokens predicted.</summary>
    public int Predicted => End - FirstPredicted;

    /// <summary>Tokens that go through the model: the last one predicts nothing.</summary>
    public int Inputs => End - Start - 1;
}

/// <summary>Cuts a unit into windows.</summary>
internal static class WindowPlan
{
    /// <summary>The windows of a unit, in order; those that predict nothing are left out.</summary>
    /// <param name="tokens">The unit's tokens, those put before it included.</param>
    /// <param name="prefix">How many were put before it; they are never predicted.</param>
    /// <param name="context">Tokens in a window, at least 2.</param>
    /// <param name="rule">How a longer unit is cut.</param>
    public static ScoringWindow[] Cut(int tokens, int prefix, int context, WindowRule rule)
    {
        List<ScoringWindow> windows = [];
        Add(windows, 0, Math.Min(tokens, context), Math.Max(prefix, 1));
        int end = Math.Min(tokens, context);
        while (end < tokens && rule.Kind != WindowKind.Truncate)
        {
            int start = rule.Kind == WindowKind.Stride ? end - rule.Overlap : end;
            int next = (int)Math.Min(tokens, (long)start + context);
            Add(windows, start, next, rule.Kind == WindowKind.Stride ? end : start + 1);
            end = next;
        }

        return [.. windows];
    }

    /// <summary>How many of a unit's tokens the windows cover: all, or the first window's.</summary>
    public static int Covered(int tokens, int context, WindowRule rule) =>
        rule.Kind == WindowKind.Truncate ? Math.Min(tokens, context) : tokens;

    private static void Add(List<ScoringWindow> windows, int start, int end, int firstPredicted)
    {
        if (firstPredicted < end) windows.Add(new ScoringWindow(start, end, firstPredicted));
    }
}
