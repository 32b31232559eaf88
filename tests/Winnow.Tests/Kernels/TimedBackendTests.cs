using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Xunit;

namespace Winnow.Tests.Kernels;

public sealed class TimedBackendTests
{
    public static TheoryData<string> Operations() => [.. KernelTable.Operations];

    [Theory]
    [MemberData(nameof(Operations))]
    public void Counting_changes_no_result(string operation)
    {
        using var plain = new ReferenceBackend();
        using var timed = new TimedBackend(new ReferenceBackend());
        KernelCase item = KernelTable.Of(operation).First();
        using var expected = new Stage(plain);
        using var found = new Stage(timed);
        item.Play(expected);
        item.Play(found);
        string? difference = (item with { Relative = 0, Absolute = 0 }).Difference(expected, found);
        Assert.True(difference is null, difference);
        Assert.Contains(timed.Timings, timing => timing.Operation == operation.Split(' ', ',')[0]);
    }

    [Fact]
    public void Calls_seconds_flops_and_bytes_are_counted()
    {
        using var timed = new TimedBackend(new ReferenceBackend(), new Ticking());
        using var stage = new Stage(timed);
        TensorView x = stage.Input(3, 5), w = stage.Input(7, 5), y = stage.Output(3, 7);
        WeightMatrix live = stage.Live(w);
        timed.Reset();
        timed.Linear(x, live, null, Activation.None, y);
        timed.Linear(x, live, null, Activation.None, y, accumulate: true);
        timed.Clear(y);
        Assert.Equal(
            [
                new OperationTiming("Linear", 2, 2, 2 * 2 * 3 * 5 * 7, 4 * ((2 * (15 + 35)) + (3 * 21))),
                new OperationTiming("Clear", 1, 1, 0, 4 * 21),
            ],
            timed.Timings);
    }

    [Fact]
    public void Attention_counts_the_keys_that_are_seen()
    {
        AttentionSpan[] spans = [new(0, 3, 0, 3), new(3, 2, 3, 6)];
        Assert.Equal((1 + 2 + 3 + 5 + 6) * 2 * 4, TimedBackend.AttentionPairs(new AttentionShape(2, 1, 4, 1), spans));
        Assert.Equal((1 + 2 + 2 + 2 + 2) * 2 * 4, TimedBackend.AttentionPairs(new AttentionShape(2, 1, 4, 1, Window: 2), spans));
    }

    [Fact]
    public void Workers_count_too_and_the_sum_is_theirs()
    {
        using var timed = new TimedBackend(new CpuBackend(2));
        foreach (IBackend worker in timed.Workers)
        {
            using Tensor tensor = worker.Allocate(8);
            worker.Clear(tensor.AsRows(1));
        }

        Assert.Equal(2, Assert.Single(timed.Timings).Calls);
        timed.Reset();
        Assert.Empty(timed.Timings);
    }

    /// <summary>A clock that ticks once a look, and a second a tick.</summary>
    private sealed class Ticking : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => _now++;
    }
}
