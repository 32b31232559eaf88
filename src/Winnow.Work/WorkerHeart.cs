using System.Globalization;

namespace Winnow.Work;

/// <summary>What a worker is doing.</summary>
public enum WorkerState
{
    /// <summary>At work, or waiting for items that others have.</summary>
    Working,

    /// <summary>Gone in good order, its claims released.</summary>
    Ended,
}

/// <summary>The heartbeat of a worker: what it is and how far it came.</summary>
/// <param name="Name">Unique among all processes that ever were.</param>
/// <param name="Task">Its place among the workers.</param>
/// <param name="Host">Its machine.</param>
/// <param name="Space">What its process id counts in: the machine's boot and the process namespace.</param>
/// <param name="Pid">Its process id.</param>
/// <param name="Started">When it began.</param>
/// <param name="Beat">When this was written, by its own clock.</param>
/// <param name="State">Whether it is there.</param>
/// <param name="Item">The item in hand.</param>
/// <param name="Share">Of that item, in [0, 1].</param>
/// <param name="ItemsDone">Items it finished.</param>
/// <param name="ItemSeconds">Time those took.</param>
/// <param name="Units">Units it did, those of the item in hand included.</param>
/// <param name="Tokens">Tokens it computed, those of the item in hand included.</param>
public sealed record WorkerRecord(
    string Name, int Task, string Host, string Space, int Pid, DateTimeOffset Started, DateTimeOffset Beat, WorkerState State,
    int? Item, double Share, long ItemsDone, double ItemSeconds, long Units, long Tokens)
{
    /// <summary>Tokens per second since it began.</summary>
    public double TokensPerSecond => Tokens / Math.Max(1e-3, (Beat - Started).TotalSeconds);
}

/// <summary>Keeps this worker's record fresh, and its log.</summary>
internal sealed class WorkerHeart : IDisposable
{
    private readonly WorkStore _store;
    private readonly TimeProvider _clock;
    private readonly Lock _gate = new();
    private readonly ITimer _timer;
    private WorkerRecord _record;
    private (long Units, long Tokens) _finished;
    private long _itemBegan;

    public WorkerHeart(WorkStore store, int task, TimeSpan beat, TimeProvider clock)
    {
        (_store, _clock) = (store, clock);
        DateTimeOffset now = clock.GetUtcNow();
        string host = HostName();
        string name = string.Create(CultureInfo.InvariantCulture, $"{host}-{Environment.ProcessId}-{now.UtcTicks:x}-{Interlocked.Increment(ref s_count)}");
        _record = new WorkerRecord(name, task, host, ProcessSpace, Environment.ProcessId, now, now, WorkerState.Working, null, 0, 0, 0, 0, 0);
        Write();
        _timer = clock.CreateTimer(_ => Beat(), null, beat, beat);
    }

    private static int s_count;

    /// <summary>Where process ids of this machine are unique.</summary>
    public static string ProcessSpace { get; } = FindProcessSpace();

    /// <summary>The worker's name.</summary>
    public string Name => _record.Name;

    /// <summary>By the worker's clock.</summary>
    public DateTimeOffset Now => _clock.GetUtcNow();

    public void Begin(int item)
    {
        lock (_gate)
        {
            _itemBegan = _clock.GetTimestamp();
            _record = _record with { Item = item, Share = 0 };
        }
    }

    public void Report(long units, long tokens, double share)
    {
        lock (_gate) _record = _record with { Units = _finished.Units + units, Tokens = _finished.Tokens + tokens, Share = share };
    }

    /// <summary>The item in hand is finished or given back.</summary>
    public void End(WorkOutcome? done)
    {
        lock (_gate)
        {
            _finished = done is null ? (_record.Units, _record.Tokens) : (_finished.Units + done.Units, _finished.Tokens + done.Tokens);
            _record = _record with
            {
                Item = null,
                Share = 0,
                ItemsDone = _record.ItemsDone + (done is null ? 0 : 1),
                ItemSeconds = _record.ItemSeconds + (done is null || _record.Item is null ? 0 : _clock.GetElapsedTime(_itemBegan).TotalSeconds),
                Units = _finished.Units,
                Tokens = _finished.Tokens,
            };
        }
    }

    public void Log(string line)
    {
        try
        {
            File.AppendAllText(_store.LogPath(Name), $"{_clock.GetUtcNow():yyyy-MM-ddTHH:mm:ssZ} {line}\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A log that cannot be written must not end the work.
        }
    }

    /// <summary>Says that the worker is gone.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_gate) _record = _record with { State = WorkerState.Ended };
        Beat();
    }

    private void Beat()
    {
        try
        {
            Write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder may come back; when it stays away for a lease, others take over.
        }
    }

    private void Write()
    {
        lock (_gate)
        {
            _record = _record with { Beat = _clock.GetUtcNow() };
            File.WriteAllBytes(_store.RecordPath(Name), WorkJson.Write(_record));
        }
    }

    private static string HostName() => string.Concat(Environment.MachineName.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' ? c : '_'));

    private static string FindProcessSpace()
    {
        const string boot = "/proc/sys/kernel/random/boot_id";
        if (!File.Exists(boot)) return Environment.MachineName;
        return File.ReadAllText(boot).Trim() + new FileInfo("/proc/self/ns/pid").LinkTarget;
    }
}
