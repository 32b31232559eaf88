namespace Winnow.Pruning.Scoring;

/// <summary>Bounds what is between the reader and the writer: units whose scores are not yet in the table, and their tokens.</summary>
internal sealed class FlowGate(long maxTokens, int maxUnits) : IDisposable
{
    private readonly Lock gate = new();
    private readonly SemaphoreSlim opened = new(0, 1);
    private long tokens;
    private int units;
    private bool waiting;

    /// <summary>Lets one unit in when there is room; one is always let in when nothing else is under way.</summary>
    public bool TryEnter(int unitTokens)
    {
        lock (gate)
        {
            if (units > 0 && (tokens + unitTokens > maxTokens || units >= maxUnits))
            {
                waiting = true;
                return false;
            }

            tokens += unitTokens;
            units++;
            return true;
        }
    }

    /// <summary>Waits until a unit left after <see cref="TryEnter"/> said no.</summary>
    public Task WaitAsync(CancellationToken cancel) => opened.WaitAsync(cancel);

    /// <summary>Lets one unit out.</summary>
    public void Leave(int unitTokens)
    {
        lock (gate)
        {
            tokens -= unitTokens;
            units--;
            if (!waiting) return;
            waiting = false;
        }

        opened.Release();
    }

    /// <inheritdoc/>
    public void Dispose() => opened.Dispose();
}
