namespace Winnow.Work;

/// <summary>How a worker works.</summary>
public sealed record WorkerOptions
{
    /// <summary>Its place among the workers: where in the list of items it begins. Nothing else depends on it.</summary>
    public int Task { get; init; }

    /// <summary>How many workers there are; 0 where nobody knows.</summary>
    public int Tasks { get; init; }

    /// <summary>Where in the list it begins, in [0, 1): places side by side, or, for any number of workers, multiples of the golden ratio.</summary>
    internal double Place => Tasks > 0 ? Task % Tasks / (double)Tasks : Task * 0.6180339887498949 % 1;

    /// <summary>How long a worker may be silent before its items are taken over.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often it gives a sign of life.</summary>
    public TimeSpan Beat { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often it looks for work while others have all of it; sooner at first.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Pauses before an item is tried again that failed for want of its files.</summary>
    public IReadOnlyList<TimeSpan> RetryAfter { get; init; } = [TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30)];

    /// <summary>How long it waits for a folder that is away.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>What a user can do about an error; null where nobody knows.</summary>
    public Func<Exception, string?> Hint { get; init; } = _ => null;

    /// <summary>The clock.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

/// <summary>How a worker ended.</summary>
public enum WorkerEnd
{
    /// <summary>Every item of the stage is done.</summary>
    Done,

    /// <summary>Nothing is left to do, but items failed.</summary>
    Failed,

    /// <summary>It was asked to stop; start it again.</summary>
    Stopped,

    /// <summary>The run was cancelled.</summary>
    Cancelled,
}

/// <summary>
/// Takes the next open item until there is none. A worker stays until every item of the stage is settled, so that it can take over
/// what another one leaves behind; so a stage is complete when any of its workers ends with <see cref="WorkerEnd.Done"/>.
/// </summary>
public sealed class Worker : IDisposable
{
    private const int Collisions = 16;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private readonly WorkStore _store;
    private readonly IWorkStage _stage;
    private readonly WorkerOptions _options;
    private readonly WorkerHeart _heart;
    private readonly LeaseWatch _watch;
    private readonly Queue<(int Item, int Attempt, bool Gone)> _open = new();
    private TimeSpan _pause = FirstPause;

    private Worker(WorkStore store, IWorkStage stage, WorkerOptions options)
    {
        (_store, _stage, _options) = (store, stage, options);
        _heart = new WorkerHeart(store, options.Task, options.Beat, options.Clock);
        _watch = new LeaseWatch(store, options.Lease, options.Clock);
    }

    /// <summary>Works until the stage is settled, or it is stopped.</summary>
    /// <param name="store">What is to be done.</param>
    /// <param name="stage">Does it.</param>
    /// <param name="options">How.</param>
    /// <param name="stop">Finishes what cannot be split, makes it durable, gives the rest back.</param>
    public static async Task<WorkerEnd> RunAsync(WorkStore store, IWorkStage stage, WorkerOptions options, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(options);
        // A worker that comes when all is done has nothing to prepare.
        if (store.Scan().Done.Count < store.Items.Count && await stage.PrepareAsync(options, stop).ConfigureAwait(false) is not WorkerEnd.Done and var early) return early;
        using Worker worker = new(store, stage, options);
        worker._heart.Log($"begins with `{store.Description.Stage}`, task {options.Task}");
        WorkerEnd end = await worker.RunAsync(stop).ConfigureAwait(false);
        worker._heart.Log($"ends: {end.ToString().ToLowerInvariant()}");
        return end;
    }

    /// <inheritdoc/>
    public void Dispose() => _heart.Dispose();

    private async Task<WorkerEnd> RunAsync(CancellationToken stop)
    {
        using CancellationTokenSource leave = CancellationTokenSource.CreateLinkedTokenSource(stop);
        // Awaited at the end: it must not cancel what is disposed of.
        await using ITimer cancelled = _options.Clock.CreateTimer(_ => LeaveWhenCancelled(leave), null, _options.Beat, _options.Beat);
        long reached = _options.Clock.GetTimestamp();
        while (!leave.IsCancellationRequested)
        {
            try
            {
                if (_store.IsCancelled) return WorkerEnd.Cancelled;
                if (await StepAsync(leave.Token).ConfigureAwait(false) is { } end) return end;
                reached = _options.Clock.GetTimestamp();
            }
            catch (Exception away) when (away is IOException or UnauthorizedAccessException && _options.Clock.GetElapsedTime(reached) < _options.Patience)
            {
                // A shared folder that is away for a while, or a full one.
                _heart.Log($"waits for the folder: {Line(away)}");
                await WaitAsync(_options.Beat, leave.Token).ConfigureAwait(false);
            }
        }

        return _store.IsCancelled ? WorkerEnd.Cancelled : WorkerEnd.Stopped;
    }

    /// <summary>Does one item, or waits a moment; null while there may be more to do.</summary>
    private async Task<WorkerEnd?> StepAsync(CancellationToken stop)
    {
        if (Next() is { } claim)
        {
            _pause = FirstPause;
            await DoAsync(claim, stop).ConfigureAwait(false);
            return null;
        }

        WorkScan scan = _store.Scan();
        if (scan.Done.Count == _store.Items.Count) return WorkerEnd.Done;
        // With nothing under way, what is open waits for items that failed.
        if (scan.Failed.Count > 0 && scan.Claims.Count == 0 && !AnyReady(scan)) return WorkerEnd.Failed;
        await WaitAsync(_pause, stop).ConfigureAwait(false);
        // A look lists what is done: the more there is, the rarer.
        TimeSpan longest = _options.Poll * Math.Max(1, _store.Items.Count / 10_000.0);
        _pause = 2 * _pause < longest ? 2 * _pause : longest;
        return null;
    }

    private void LeaveWhenCancelled(CancellationTokenSource leave)
    {
        if (_store.IsCancelled) leave.Cancel();
    }

    private bool AnyReady(WorkScan scan) => Enumerable.Range(0, _store.Items.Count).Any(item => !scan.IsSettled(item) && _stage.IsReady(item, _store));

    /// <summary>Claims the next open item; null when others have all there is.</summary>
    private WorkClaim? Next()
    {
        for (int looks = 0; looks < 2; looks++)
        {
            for (int collisions = 0; collisions < Collisions && _open.TryDequeue(out (int Item, int Attempt, bool Gone) next);)
            {
                if (!_stage.IsReady(next.Item, _store)) continue;
                if (_store.TryClaim(next.Item, next.Attempt, next.Gone, _heart) is { } claim) return claim;
                collisions++;
            }

            LookAround();
        }

        return null;
    }

    /// <summary>Lists what nobody works on, beginning at this worker's place; where there is none, what the dead left behind.</summary>
    private void LookAround()
    {
        WorkScan scan = _store.Scan();
        List<(int Item, int Attempt, bool Gone)> open = [];
        for (int item = 0; item < _store.Items.Count; item++)
        {
            if (!scan.IsSettled(item) && !scan.Claims.ContainsKey(item) && _stage.IsReady(item, _store)) open.Add((item, 0, false));
        }

        if (open.Count == 0)
        {
            foreach ((int item, int attempt) in scan.Claims)
            {
                if (!scan.IsSettled(item) && _watch.Look(item, attempt, _heart.Name) is not Sign.Alive and var sign) open.Add((item, attempt + 1, sign == Sign.Gone));
            }
        }

        _open.Clear();
        int first = (int)(open.Count * _options.Place);
        for (int i = 0; i < open.Count; i++) _open.Enqueue(open[(first + i) % open.Count]);
    }

    private async Task DoAsync(WorkClaim claim, CancellationToken stop)
    {
        if (claim.Attempt > 0) claim.Log($"taken over from attempt {claim.Attempt - 1}, whose worker is gone");
        _heart.Begin(claim.Index);
        for (int tries = 0; ; tries++)
        {
            try
            {
                WorkOutcome outcome = await _stage.RunAsync(claim, stop).ConfigureAwait(false);
                _store.Complete(claim.Index, claim.Attempt, outcome);
                _heart.End(outcome);
                return;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                _store.Release(claim.Index, claim.Attempt);
                _heart.End(null);
                return;
            }
            catch (Exception error) when (_store.IsDone(claim.Index))
            {
                // A worker that had taken this item over finished it, and what lay in this one's hands is gone.
                claim.Log($"done by another worker meanwhile: {Line(error)}");
                _store.Release(claim.Index, claim.Attempt);
                _heart.End(null);
                return;
            }
            catch (Exception error) when (tries < _options.RetryAfter.Count && IsTransient(error))
            {
                claim.Log($"{Line(error)}; again in {_options.RetryAfter[tries].TotalSeconds:0} s");
                await WaitAsync(_options.RetryAfter[tries], stop).ConfigureAwait(false);
            }
            catch (Exception error)
            {
                // The reason comes last: the last lines are what is shown.
                claim.Log(error.ToString());
                claim.Log($"failed: {Line(error)}");
                _store.Fail(new WorkFailure(claim.Index, Line(error), _options.Hint(error), _heart.Name, _options.Clock.GetUtcNow()), claim.Attempt);
                _heart.End(null);
                return;
            }
        }
    }

    /// <summary>Whether files were the matter: a shared folder that is away for a while, a full disk.</summary>
    private static bool IsTransient(Exception? error) => error is IOException || (error is not null && IsTransient(error.InnerException));

    private static string Line(Exception error) => error.Message.ReplaceLineEndings(" ");

    private async Task WaitAsync(TimeSpan time, CancellationToken stop)
    {
        try
        {
            await Task.Delay(time, _options.Clock, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The loop sees it.
        }
    }
}
