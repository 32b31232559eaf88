namespace Winnow.Kernels.Cpu;

/// <summary>
/// The threads of one backend. They sleep between operations, take the parts of an operation one by one, and allocate nothing. With
/// one thread everything runs on the caller's.
/// </summary>
internal sealed unsafe class Workers : IDisposable
{
    // Waking a thread costs as much as a small operation, so threads look for more work for some 50 µs before they sleep.
    private const int SpinsBeforeSleep = 100;
    private const int SpinLength = 20;

    private readonly Scratch[] _scratch;
    private readonly Thread[] _threads;
    private readonly Lock _turn = new();
    private readonly object _gate = new();

    // The job. Written before _state announces it; read only by a thread that holds an unfinished part of it.
    private delegate*<void*, int, Scratch, void> _run;
    private void* _work;
    private int _parts;

    // Job number in the upper half, parts nobody has taken yet in the lower: one exchange takes a part of exactly this job.
    private long _state;
    private int _finished;
    private int _sleepers;
    private int _callerSleeps;
    private bool _closed;
    private Exception? _failure;

    /// <summary>Starts <paramref name="threads"/> − 1 threads beside the caller's.</summary>
    public Workers(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _scratch = new Scratch[threads];
        for (int i = 0; i < threads; i++) _scratch[i] = new Scratch();
        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int index = i + 1;
            _threads[i] = new Thread(() => Loop(_scratch[index])) { IsBackground = true, Name = $"winnow kernel {index}" };
            _threads[i].Start();
        }
    }

    /// <summary>How many threads work on an operation.</summary>
    public int Threads { get; }

    /// <summary>Memory that all parts of one operation may share: partial sums, something packed once.</summary>
    public Scratch Shared { get; } = new();

    /// <summary>Runs every part and returns when all are done. Operations of one backend never run at the same time.</summary>
    public void Run<TWork>(int parts, TWork work)
        where TWork : unmanaged, IWork
    {
        lock (_turn)
        {
            if (parts <= 1 || Threads == 1)
            {
                for (int part = 0; part < parts; part++) work.Run(part, _scratch[0]);
                return;
            }

            _run = &RunPart<TWork>;
            _work = &work;
            _parts = parts;
            _finished = 0;
            _failure = null;
            Announce(parts);
            TakeParts(_scratch[0]);
            AwaitOthers();
            if (_failure is { } failure) throw new InvalidOperationException("an operation failed on a worker thread", failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed) return;
            Volatile.Write(ref _closed, true);
            Monitor.PulseAll(_gate);
        }

        foreach (Thread thread in _threads) thread.Join();
        foreach (Scratch scratch in _scratch) scratch.Dispose();
        Shared.Dispose();
    }

    private static void RunPart<TWork>(void* work, int part, Scratch scratch)
        where TWork : unmanaged, IWork => ((TWork*)work)->Run(part, scratch);

    private void Announce(int parts)
    {
        long job = (Volatile.Read(ref _state) >> 32) + 1;
        Interlocked.Exchange(ref _state, (job << 32) | (uint)parts);
        if (Volatile.Read(ref _sleepers) == 0) return;
        lock (_gate) Monitor.PulseAll(_gate);
    }

    private void TakeParts(Scratch scratch)
    {
        for (long state = Volatile.Read(ref _state); (uint)state != 0; state = Volatile.Read(ref _state))
        {
            if (Interlocked.CompareExchange(ref _state, state - 1, state) != state) continue;
            int parts = _parts;
            TakePart(parts - (int)(uint)state, scratch);
            if (Interlocked.Increment(ref _finished) == parts && Volatile.Read(ref _callerSleeps) != 0)
            {
                lock (_gate) Monitor.PulseAll(_gate);
            }
        }
    }

    private void TakePart(int part, Scratch scratch)
    {
        try
        {
            _run(_work, part, scratch);
        }
#pragma warning disable CA1031 // whatever it is, the caller of Run gets it; a dead worker would leave the caller waiting
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _failure = failure;
        }
    }

    private void AwaitOthers()
    {
        for (int spin = 0; spin < SpinsBeforeSleep; spin++)
        {
            if (Volatile.Read(ref _finished) == _parts) return;
            Thread.SpinWait(SpinLength);
        }

        lock (_gate)
        {
            Interlocked.Exchange(ref _callerSleeps, 1);
            while (Volatile.Read(ref _finished) != _parts) Monitor.Wait(_gate);
            _callerSleeps = 0;
        }
    }

    private void Loop(Scratch scratch)
    {
        while (AwaitWork()) TakeParts(scratch);
    }

    private bool AwaitWork()
    {
        for (int spin = 0; spin < SpinsBeforeSleep; spin++)
        {
            if ((uint)Volatile.Read(ref _state) != 0) return true;
            if (Volatile.Read(ref _closed)) return false;
            Thread.SpinWait(SpinLength);
        }

        lock (_gate)
        {
            Interlocked.Increment(ref _sleepers);
            while ((uint)Volatile.Read(ref _state) == 0 && !_closed) Monitor.Wait(_gate);
            Interlocked.Decrement(ref _sleepers);
            return !_closed;
        }
    }
}
