using System.Diagnostics;

namespace Winnow.Work;

/// <summary>
/// Tells whether the owner of a claim is gone: at once when it was a process of this machine that is no more, else when neither the
/// claim nor its owner's record changed for the lease, by the clock of whoever watches: no two machines' clocks are compared.
/// </summary>
internal sealed class LeaseWatch(WorkStore store, TimeSpan lease, TimeProvider clock)
{
    private readonly Dictionary<(int Item, int Attempt), (string Seen, long Since)> _seen = [];

    /// <summary>Whether an attempt is over, as seen by a worker with nothing in hand.</summary>
    public bool IsDead(int item, int attempt, string self)
    {
        string? owner = store.Owner(item, attempt);
        if (owner is null) return false;
        // One of its own that it could not give back when the folder was away.
        if (owner == self) return true;
        WorkerRecord? record = owner.Length == 0 ? null : WorkJson.TryRead<WorkerRecord>(store.RecordPath(owner));
        if (record is not null && IsGone(record)) return true;
        string seen = $"{owner} {record?.Beat.UtcTicks}";
        if (!_seen.TryGetValue((item, attempt), out (string Seen, long Since) last) || last.Seen != seen)
        {
            _seen[(item, attempt)] = (seen, clock.GetTimestamp());
            return false;
        }

        return clock.GetElapsedTime(last.Since) >= lease;
    }

    /// <summary>Whether a worker is known to be gone.</summary>
    public static bool IsGone(WorkerRecord record)
    {
        if (record.State == WorkerState.Ended) return true;
        if (record.Space != WorkerHeart.ProcessSpace) return false;
        try
        {
            using Process process = Process.GetProcessById(record.Pid);
            return process.HasExited;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }
}
