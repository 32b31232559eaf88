namespace Winnow.Work;

/// <summary>How far one stage of a run is.</summary>
/// <param name="Stage">Its name.</param>
/// <param name="Items">All of them.</param>
/// <param name="Done">Those that are done.</param>
/// <param name="Running">Those that a living worker has.</param>
/// <param name="Failed">Those that failed.</param>
/// <param name="Lost">Those whose worker is gone; the next worker takes them over.</param>
/// <param name="Workers">Workers that are there.</param>
/// <param name="Units">Units done, by all workers that ever were.</param>
/// <param name="Tokens">Tokens computed, by all workers that ever were.</param>
/// <param name="TokensPerSecond">Over all workers that are there.</param>
/// <param name="Remaining">Estimated time left with as many workers; null where nothing can be said.</param>
/// <param name="Failures">Why items failed.</param>
public sealed record StageStatus(
    string Stage, int Items, int Done, int Running, int Failed, int Lost, int Workers, long Units, long Tokens, double TokensPerSecond,
    TimeSpan? Remaining, IReadOnlyList<WorkFailure> Failures)
{
    /// <summary>Those that nobody has begun.</summary>
    public int Open => Items - Done - Running - Failed - Lost;

    /// <summary>Whether every item is done.</summary>
    public bool IsComplete => Done == Items;

    /// <summary>Looks at a stage's files; changes nothing.</summary>
    /// <param name="store">The stage.</param>
    /// <param name="lease">Workers silent for longer are counted as gone.</param>
    /// <param name="clock">Compared with the times of the workers' files.</param>
    public static StageStatus Read(WorkStore store, TimeSpan lease, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(clock);
        WorkScan scan = store.Scan();
        IReadOnlyList<WorkerRecord> all = store.Workers();
        Dictionary<string, WorkerRecord> living = all.Where(worker => !IsGone(store, worker, lease, clock)).ToDictionary(worker => worker.Name, StringComparer.Ordinal);
        int running = 0, lost = 0;
        foreach ((int item, int attempt) in scan.Claims)
        {
            if (scan.IsSettled(item) || store.Owner(item, attempt) is not { } owner) continue;
            if (living.ContainsKey(owner)) running++;
            else lost++;
        }

        int left = store.Items.Count - scan.Done.Count - scan.Failed.Count;
        return new StageStatus(
            store.Description.Stage, store.Items.Count, scan.Done.Count, running, scan.Failed.Count, lost, living.Count,
            all.Sum(worker => worker.Units), all.Sum(worker => worker.Tokens), living.Values.Sum(worker => worker.TokensPerSecond),
            Estimate(left, all, living.Values), store.Failures());
    }

    /// <summary>What is left of the items, at the mean time that one took.</summary>
    private static TimeSpan? Estimate(int left, IReadOnlyList<WorkerRecord> all, Dictionary<string, WorkerRecord>.ValueCollection living)
    {
        if (left == 0) return TimeSpan.Zero;
        long done = all.Sum(worker => worker.ItemsDone);
        if (done == 0 || living.Count == 0) return null;
        double items = Math.Max(0, left - living.Sum(worker => worker.Share));
        return TimeSpan.FromSeconds(items * all.Sum(worker => worker.ItemSeconds) / done / Math.Min(living.Count, left));
    }

    private static bool IsGone(WorkStore store, WorkerRecord worker, TimeSpan lease, TimeProvider clock) =>
        LeaseWatch.IsGone(worker) || clock.GetUtcNow() - File.GetLastWriteTimeUtc(store.RecordPath(worker.Name)) > lease;
}
