namespace Winnow.Work;

/// <summary>One attempt at one item, held by this process.</summary>
public sealed class WorkClaim
{
    private readonly WorkStore _store;
    private readonly WorkerHeart _worker;

    internal WorkClaim(WorkStore store, int index, int attempt, bool previousIsGone, WorkerHeart worker) =>
        (_store, Index, Attempt, PreviousIsGone, _worker) = (store, index, attempt, previousIsGone, worker);

    /// <summary>The item's number.</summary>
    public int Index { get; }

    /// <summary>The item.</summary>
    public WorkItem Item => _store.Items[Index];

    /// <summary>How many attempts were lost before this one: their owners died.</summary>
    public int Attempt { get; }

    /// <summary>Whether the attempt before is known to be dead, so that what it left may be taken over as it is; else it may live.</summary>
    public bool PreviousIsGone { get; }

    /// <summary>The end of the names of files that only this attempt writes.</summary>
    public string PrivateSuffix => $".{Index}-{Attempt}-{_worker.Name}.tmp";

    /// <summary>Tells how far the item is; shown by <c>winnow run status</c>.</summary>
    /// <param name="units">Units of this item done by this attempt.</param>
    /// <param name="tokens">Tokens of this item computed by this attempt.</param>
    /// <param name="share">Of the item, in [0, 1].</param>
    public void Report(long units, long tokens, double share) => _worker.Report(units, tokens, share);

    /// <summary>Writes a line to the worker's log.</summary>
    public void Log(string line) => _worker.Log($"item {Index} ({Item}): {line}");
}

/// <summary>Does the items of one stage.</summary>
public interface IWorkStage
{
    /// <summary>Whether an item can begin; one that needs others' outcomes waits for them.</summary>
    bool IsReady(int item, WorkStore store) => true;

    /// <summary>What a worker does before its first item: nothing, or passes that all workers of the stage make together.</summary>
    /// <param name="options">How the worker works.</param>
    /// <param name="stop">Ends it in a state that can be resumed.</param>
    /// <returns><see cref="WorkerEnd.Done"/> to go on with the items.</returns>
    Task<WorkerEnd> PrepareAsync(WorkerOptions options, CancellationToken stop) => Task.FromResult(WorkerEnd.Done);

    /// <summary>
    /// Does one item. May be done twice at the same time, by a worker that was taken for dead: it writes files that only this attempt
    /// writes (<see cref="WorkClaim.PrivateSuffix"/>) and renames them, and both attempts make the same bytes.
    /// </summary>
    /// <param name="claim">Which.</param>
    /// <param name="stop">Makes what is done durable for the next attempt, and ends in an <see cref="OperationCanceledException"/>.</param>
    Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop);
}

/// <summary>Does nothing: what is left is what the work costs by itself.</summary>
public sealed class NoOpStage : IWorkStage
{
    /// <summary>Its name.</summary>
    public const string Name = "noop";

    /// <inheritdoc/>
    public Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop) => Task.FromResult(new WorkOutcome(1));
}
