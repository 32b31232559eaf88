namespace Winnow.Work;

/// <summary>
/// Lets a process that does a stage's items by itself, in its own order, be seen, explained and cancelled as workers are. It has the
/// stage alone; what it makes does not depend on the files written here.
/// </summary>
public sealed class WorkPresence : IDisposable
{
    private readonly WorkStore _store;
    private readonly WorkerHeart _heart;
    private readonly CancellationTokenSource _cancelled;
    private readonly ITimer _timer;
    private readonly Dictionary<int, WorkClaim> _inHand = [];

    /// <summary>Describes the stage anew.</summary>
    /// <param name="run">The run's directory.</param>
    /// <param name="description">All its items.</param>
    /// <param name="done">Those that are done already.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="cancel">Also cancels <see cref="Cancelled"/>.</param>
    public WorkPresence(string run, WorkDescription description, IEnumerable<int> done, TimeProvider clock, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(done);
        ArgumentNullException.ThrowIfNull(clock);
        _store = WorkStore.Create(run, description);
        WorkStore.Resume(run);
        TimeSpan beat = new WorkerOptions().Beat;
        _heart = new WorkerHeart(_store, 0, beat, clock);
        _cancelled = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        _timer = clock.CreateTimer(_ => LeaveWhenCancelled(), null, beat, beat);
        foreach (int item in done) _store.Complete(item, 0, new WorkOutcome());
        _heart.Log($"begins with `{description.Stage}` in this process");
    }

    /// <summary>Cancelled by <c>winnow run cancel</c>.</summary>
    public CancellationToken Cancelled => _cancelled.Token;

    /// <summary>An item is begun.</summary>
    public void Begin(int item)
    {
        if (_store.TryClaim(item, 0, previousIsGone: false, _heart) is { } claim) _inHand[item] = claim;
        _heart.Begin(item);
    }

    /// <summary>Tells how far the item in hand is.</summary>
    public void Report(long units, long tokens, double share) => _heart.Report(units, tokens, share);

    /// <summary>An item is done.</summary>
    public void Complete(int item, WorkOutcome outcome)
    {
        _inHand.Remove(item);
        _store.Complete(item, 0, outcome);
        _heart.End(outcome);
    }

    /// <summary>An item failed.</summary>
    public void Fail(int item, Exception error, string? hint)
    {
        ArgumentNullException.ThrowIfNull(error);
        _inHand.Remove(item);
        string why = error.Message.ReplaceLineEndings(" ");
        _heart.Log($"item {item} ({_store.Items[item]}): {error}");
        _heart.Log($"item {item} ({_store.Items[item]}): failed: {why}");
        _store.Fail(new WorkFailure(item, why, hint, _heart.Name, _heart.Now), 0);
        _heart.End(null);
    }

    /// <summary>Gives back what is in hand.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        foreach (int item in _inHand.Keys) _store.Release(item, 0);
        _heart.Dispose();
        _cancelled.Dispose();
    }

    private void LeaveWhenCancelled()
    {
        try
        {
            if (_store.IsCancelled) _cancelled.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The work ended meanwhile.
        }
    }
}
