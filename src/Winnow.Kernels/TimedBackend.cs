namespace Winnow.Kernels;

/// <summary>What one operation has cost so far.</summary>
/// <param name="Operation">The method of <see cref="IBackend"/>.</param>
/// <param name="Calls">How often it was called.</param>
/// <param name="Seconds">Time inside it, summed over workers that ran at the same time.</param>
/// <param name="Flops">
/// Floating-point operations that the mathematics asks for: two for each multiply-add of the matrix products, attention and the
/// loss head, with what a backward pass computes again left out; 0 for the rest.
/// </param>
/// <param name="Bytes">Numbers read and written, each once, as binary32; a packed weight as it is stored.</param>
public sealed record OperationTiming(string Operation, long Calls, double Seconds, double Flops, double Bytes);

/// <summary>
/// A backend that counts: it hands every operation on to another and keeps calls, seconds, FLOPs and bytes per operation. Its
/// workers count for themselves; <see cref="Timings"/> adds them up. It disposes the backend it wraps.
/// <para>A backend that computes later than it is asked (a GPU's queue) shows the time until the call returned.</para>
/// </summary>
public sealed partial class TimedBackend : IBackend
{
    private const int FloatBytes = sizeof(float);

    private readonly IBackend _inner;
    private readonly TimeProvider _time;
    private readonly Tally[] _tallies = new Tally[Enum.GetValues<Operation>().Length];
    private readonly Lazy<IReadOnlyList<IBackend>> _workers;

    /// <summary>Counts what <paramref name="inner"/> does, by the clock of <paramref name="time"/>.</summary>
    public TimedBackend(IBackend inner, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _inner = inner;
        _time = time ?? TimeProvider.System;
        _workers = new(() => [.. _inner.Workers.Select(worker => ReferenceEquals(worker, _inner) ? this : new TimedBackend(worker, _time))]);
    }

    private enum Operation
    {
        Upload, Download, Clear, Copy, Pack, Embed, EmbedBackward, GatherRows, Add, Scale, Clip, SumOfSquares, Activate, ActivateBackward,
        Gate, GateBackward, Normalize, NormalizeBackward, Rotate, Linear, LinearBackwardInput, LinearBackwardWeight, Attend, AttendBackward,
        LinearCrossEntropy, LinearCrossEntropyBackward, Logits, AdamW,
    }

    /// <inheritdoc/>
    public string Description => _inner.Description;

    /// <inheritdoc/>
    public Precision Precision => _inner.Precision;

    /// <inheritdoc/>
    public IReadOnlyList<IBackend> Workers => _workers.Value;

    /// <summary>Every operation that was called, the most time first. Read it when no worker is busy.</summary>
    public IReadOnlyList<OperationTiming> Timings
    {
        get
        {
            var timings = new List<OperationTiming>();
            foreach (Operation operation in Enum.GetValues<Operation>())
            {
                Tally sum = Sum(operation);
                double seconds = sum.Ticks / (double)_time.TimestampFrequency;
                if (sum.Calls > 0) timings.Add(new OperationTiming(operation.ToString(), sum.Calls, seconds, sum.Flops, sum.Bytes));
            }

            return [.. timings.OrderByDescending(timing => timing.Seconds)];
        }
    }

    /// <summary>Forgets what was counted, the workers' counts included: after a warm-up.</summary>
    public void Reset()
    {
        Array.Clear(_tallies);
        foreach (TimedBackend worker in OtherWorkers()) worker.Reset();
    }

    /// <inheritdoc/>
    public void Dispose() => _inner.Dispose();

    /// <inheritdoc/>
    public Tensor Allocate(long length) => _inner.Allocate(length);

    /// <inheritdoc/>
    public IndexTensor AllocateIndices(int length) => _inner.AllocateIndices(length);

    /// <inheritdoc/>
    public WeightMatrix Live(TensorView parameter) => _inner.Live(parameter);

    /// <summary>Multiply-adds between a query and a key, over all heads: one for each column.</summary>
    internal static double AttentionPairs(AttentionShape shape, ReadOnlySpan<AttentionSpan> spans)
    {
        double pairs = 0;
        foreach (AttentionSpan span in spans)
        {
            for (int i = 0; i < span.QueryCount; i++)
            {
                int visible = span.KeyCount - span.QueryCount + i + 1;
                pairs += shape.Window > 0 ? Math.Min(visible, shape.Window) : visible;
            }
        }

        return pairs * shape.Heads * shape.HeadWidth;
    }

    private static double Bytes(TensorView x) => (double)x.Length * FloatBytes;

    private static double Bytes(TensorView? x) => x is { } some ? Bytes(some) : 0;

    private IEnumerable<TimedBackend> OtherWorkers() =>
        _workers.IsValueCreated ? _workers.Value.OfType<TimedBackend>().Where(worker => worker != this) : [];

    private Tally Sum(Operation operation)
    {
        Tally sum = _tallies[(int)operation];
        foreach (TimedBackend worker in OtherWorkers())
        {
            Tally other = worker.Sum(operation);
            sum.Calls += other.Calls;
            sum.Ticks += other.Ticks;
            sum.Flops += other.Flops;
            sum.Bytes += other.Bytes;
        }

        return sum;
    }

    private long Start() => _time.GetTimestamp();

    private void Stop(Operation operation, long start, double flops, double bytes)
    {
        ref Tally tally = ref _tallies[(int)operation];
        tally.Calls++;
        tally.Ticks += _time.GetTimestamp() - start;
        tally.Flops += flops;
        tally.Bytes += bytes;
    }

    private struct Tally
    {
        public long Calls;
        public long Ticks;
        public double Flops;
        public double Bytes;
    }
}
