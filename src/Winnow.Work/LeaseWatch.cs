using System.Diagnostics;

namespace Winnow.Work;

/// <summary>What is known of an attempt's owner.</summary>
internal enum Sign
{
    /// <summary>It gives signs of life, or may yet.</summary>
    Alive,

    /// <summary>It gave none for the lease; it may live all the same.</summary>
    Silent,

    /// <summary>It is no more.</summary>
    Gone,
}

/// <summary>
/// Tells whether the owner of a claim is gone: at once when it was a process of this machine that is no more, else when neither the
/// claim nor its owner's record changed for the lease, by the clock of whoever watches: no two machines' clocks are compared.
/// </summary>
internal sealed class LeaseWatch(WorkStore store, TimeSpan lease, TimeProvider clock)
{
    private readonly Dictionary<(int Item, int Attempt), (string Seen, long Since)> _seen = [];

    /// <summary>What an attempt looks like to a worker with nothing in hand.</summary>
    public Sign Look(int item, int attempt, string self)
    {
        string? owner = store.Owner(item, attempt);
        if (owner is null) return Sign.Alive;
        // One of its own that it could not give back when the folder was away.
        if (owner == self) return Sign.Gone;
        WorkerRecord? record = owner.Length == 0 ? null : WorkJson.TryRead<WorkerRecord>(store.RecordPath(owner));
        if (record is not null && IsGone(record)) return Sign.Gone;
        string seen = $"{owner} {record?.Beat.UtcTicks}";
        if (!_seen.TryGetValue((item, attempt), out (string Seen, long Since) last) || last.Seen != seen)
        {
            _seen[(item, attempt)] = (seen, clock.GetTimestamp());
            return Sign.Alive;
        }

        return clock.GetElapsedTime(last.Since) >= lease ? Sign.Silent : Sign.Alive;
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
