using System.Text.Json;
using Winnow.Work;
using Xunit;

namespace Winnow.Tests.Work;

public sealed class WorkerTests : IDisposable
{
    private readonly string run = Directory.CreateTempSubdirectory("winnow-work-").FullName;

    private static readonly WorkerOptions Quick = new()
    {
        Lease = TimeSpan.FromMinutes(1),
        Beat = TimeSpan.FromMilliseconds(20),
        Poll = TimeSpan.FromMilliseconds(5),
        RetryAfter = [TimeSpan.FromMilliseconds(1)],
        Patience = TimeSpan.FromMilliseconds(200),
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(run, recursive: true);

    private WorkStore Plan(int items, string stage = NoOpStage.Name) =>
        WorkStore.Create(run, new WorkDescription(stage, run, JsonSerializer.SerializeToElement(new { }), [.. Enumerable.Range(0, items).Select(i => new WorkItem(i))]));

    private Task<WorkerEnd> Begin(IWorkStage stage, int task = 0, WorkerOptions? options = null, CancellationToken? stop = null) =>
        Task.Run(() => Worker.RunAsync(WorkStore.Open(run, NoOpStage.Name), stage, (options ?? Quick) with { Task = task }, stop ?? Cancel), Cancel);

    /// <summary>Does items as the test says, and counts how often each was begun.</summary>
    private sealed class CountingStage(int items, Func<WorkClaim, CancellationToken, Task<WorkOutcome>>? run = null) : IWorkStage
    {
        public int[] Begun { get; } = new int[items];

        public Func<int, WorkStore, bool> Ready { get; init; } = (_, _) => true;

        public bool IsReady(int item, WorkStore store) => Ready(item, store);

        public Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop)
        {
            Interlocked.Increment(ref Begun[claim.Index]);
            return run?.Invoke(claim, stop) ?? Task.FromResult(new WorkOutcome(1));
        }
    }

    [Fact]
    public async Task Racing_workers_do_every_item_once()
    {
        const int items = 400, workers = 8;
        Plan(items);
        CountingStage stage = new(items);
        IReadOnlyList<WorkerEnd> ends = await Task.WhenAll(Enumerable.Range(0, workers).Select(task => Begin(stage, task)));
        Assert.All(ends, end => Assert.Equal(WorkerEnd.Done, end));
        Assert.Equal(Enumerable.Repeat(1, items), stage.Begun);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(run, "stages/noop/claims")));
        Assert.Equal(items, Directory.EnumerateFiles(Path.Combine(run, "stages/noop/done")).Count());
    }

    [Fact]
    public async Task An_item_whose_worker_was_killed_is_taken_over_by_one_of_many()
    {
        WorkStore store = Plan(3);
        LeaveDead(store, item: 1, WorkerHeart.ProcessSpace);
        CountingStage stage = new(3, (claim, _) => Task.FromResult(new WorkOutcome(claim.Attempt)));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(task => Begin(stage, task, Quick)));
        Assert.Equal([1, 1, 1], stage.Begun);
        Assert.Equal(1, store.Outcome(1).Units);
    }

    [Fact]
    public async Task An_item_of_another_machine_is_taken_over_once_its_worker_is_silent_for_the_lease()
    {
        WorkStore store = Plan(2);
        LeaveDead(store, item: 0, "another machine");
        CountingStage stage = new(2);
        Assert.Equal(WorkerEnd.Done, await Begin(stage, 0, Quick with { Lease = TimeSpan.FromMilliseconds(200) }));
        Assert.Equal([1, 1], stage.Begun);
        Assert.Equal(1, StageStatus.Read(store, TimeSpan.FromHours(1), TimeProvider.System).Workers); // the silent one, were the lease longer
    }

    [Fact]
    public void A_worker_is_silent_once_its_sign_of_life_does_not_change_for_the_lease_by_the_watchers_clock()
    {
        WorkStore store = Plan(1);
        LeaveDead(store, item: 0, "another machine");
        SteppedClock clock = new();
        LeaseWatch watch = new(store, TimeSpan.FromSeconds(60), clock);
        for (int beat = 0; beat < 5; beat++)
        {
            Assert.Equal(Sign.Alive, watch.Look(0, 0, "watcher"));
            clock.Step(TimeSpan.FromSeconds(59));
            Assert.Equal(Sign.Alive, watch.Look(0, 0, "watcher"));
            LeaveDead(store, item: 0, "another machine", beat);
        }

        Assert.Equal(Sign.Alive, watch.Look(0, 0, "watcher"));
        clock.Step(TimeSpan.FromSeconds(60));
        Assert.Equal(Sign.Silent, watch.Look(0, 0, "watcher"));
        LeaveDead(store, item: 0, WorkerHeart.ProcessSpace);
        Assert.Equal(Sign.Gone, watch.Look(0, 0, "watcher"));
    }

    [Fact]
    public async Task Two_living_attempts_of_one_item_leave_one_outcome()
    {
        WorkStore store = Plan(1);
        TaskCompletionSource finish = new(), begun = new();
        Task<WorkerEnd> silent = Begin(new CountingStage(1, async (_, _) =>
        {
            begun.SetResult();
            await finish.Task;
            return new WorkOutcome(7);
        }), 0, Quick with { Beat = TimeSpan.FromHours(1) });
        await begun.Task;
        // It lives, but in another process space and without a sign of life.
        string record = Directory.EnumerateFiles(Path.Combine(run, "stages/noop/workers")).Single();
        await File.WriteAllTextAsync(record, (await File.ReadAllTextAsync(record, Cancel)).Replace(WorkerHeart.ProcessSpace, "elsewhere", StringComparison.Ordinal), Cancel);
        Assert.Equal(WorkerEnd.Done, await Begin(new CountingStage(1, (_, _) => Task.FromResult(new WorkOutcome(7))), 1, Quick with { Lease = TimeSpan.FromMilliseconds(200) }));
        finish.SetResult();
        Assert.Equal(WorkerEnd.Done, await silent);
        Assert.Equal(7, store.Outcome(0).Units);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(run, "stages/noop/claims")));
    }

    [Fact]
    public async Task A_failure_stops_only_what_needs_it_and_is_done_after_a_retry()
    {
        WorkStore store = Plan(4);
        bool broken = true;
        CountingStage stage = new(4, (claim, _) => claim.Index == 1 && broken ? throw new InvalidOperationException("the record is damaged") : Task.FromResult(new WorkOutcome(1)))
        {
            Ready = (item, within) => item != 3 || within.IsDone(1),
        };
        Assert.Equal(WorkerEnd.Failed, await Begin(stage, 0, Quick with { Hint = _ => "mend it" }));
        WorkFailure failure = Assert.Single(store.Failures());
        Assert.Equal((1, "the record is damaged", "mend it"), (failure.Item, failure.Error, failure.Hint));
        Assert.Contains(store.LastLines(failure.Worker, 50), line => line.Contains("failed: ", StringComparison.Ordinal));
        Assert.Equal([1, 1, 1, 0], stage.Begun);

        broken = false;
        Assert.Equal(1, store.Retry());
        Assert.Equal(WorkerEnd.Done, await Begin(stage));
        Assert.Equal([1, 2, 1, 1], stage.Begun);
    }

    [Fact]
    public async Task What_failed_for_want_of_its_files_is_tried_again()
    {
        WorkStore store = Plan(1);
        CountingStage? stage = null;
        stage = new CountingStage(1, (_, _) => stage!.Begun[0] < 2 ? throw new IOException("stale file handle") : Task.FromResult(new WorkOutcome(1)));
        Assert.Equal(WorkerEnd.Done, await Begin(stage));
        Assert.Equal([2], stage.Begun);
        Assert.Empty(store.Failures());
    }

    [Fact]
    public async Task A_stopped_worker_gives_its_item_back()
    {
        WorkStore store = Plan(2);
        using CancellationTokenSource signal = new();
        CountingStage stage = new(2, async (_, stop) =>
        {
            await signal.CancelAsync();
            stop.ThrowIfCancellationRequested();
            return new WorkOutcome();
        });
        Assert.Equal(WorkerEnd.Stopped, await Begin(stage, 0, null, signal.Token));
        Assert.Equal(1, stage.Begun.Sum());
        StageStatus status = StageStatus.Read(store, Quick.Lease, TimeProvider.System);
        Assert.Equal((2, 0, 0, 0), (status.Open, status.Running, status.Lost, status.Workers));
    }

    [Fact]
    public async Task A_cancelled_run_sends_its_workers_home_until_it_is_resumed()
    {
        Plan(1);
        TaskCompletionSource begun = new();
        Task<WorkerEnd> worker = Begin(new CountingStage(1, async (_, stop) =>
        {
            begun.SetResult();
            await Task.Delay(Timeout.Infinite, stop);
            return new WorkOutcome();
        }));
        await begun.Task;
        WorkStore.Cancel(run);
        Assert.Equal(WorkerEnd.Cancelled, await worker);
        Assert.Equal(WorkerEnd.Cancelled, await Begin(new NoOpStage()));
        WorkStore.Resume(run);
        Assert.Equal(WorkerEnd.Done, await Begin(new NoOpStage()));
    }

    [Fact]
    public void A_stage_that_was_not_planned_is_refused_by_name()
    {
        Plan(1);
        WorkException wrong = Assert.Throws<WorkException>(() => WorkStore.Open(run, "scoer"));
        Assert.Contains("no stage `scoer` was planned here; there is `noop`", wrong.Message, StringComparison.Ordinal);
    }

    private sealed class SteppedClock : TimeProvider
    {
        private long now;

        public void Step(TimeSpan time) => now += time.Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => now;
    }

    /// <summary>A claim of a process that was killed: its last sign of life says that it works.</summary>
    private static void LeaveDead(WorkStore store, int item, string space, int beat = -1)
    {
        WorkerRecord record = new("dead", 0, "host", space, int.MaxValue, default, DateTimeOffset.UnixEpoch.AddSeconds(beat), WorkerState.Working, item, 0.5, 0, 0, 0, 0);
        File.WriteAllBytes(store.RecordPath("dead"), WorkJson.Write(record));
        File.WriteAllText(Path.Combine(store.Directory, "claims", $"{item}.0"), "dead");
    }
}
