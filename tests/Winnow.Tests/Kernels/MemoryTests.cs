using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>Buffers and threads: what every operation stands on.</summary>
public sealed unsafe class MemoryTests
{
    [Fact]
    public void A_buffer_is_aligned_and_zero_and_gone_once_disposed()
    {
        foreach (int length in (int[])[0, 1, 15, 17, 1000])
        {
            var buffer = new NativeBuffer<float>(length);
            Assert.Equal(0, (long)(nint)buffer.Pointer % NativeBuffer<float>.AlignmentBytes);
            for (int i = 0; i < length; i++) Assert.Equal(0, buffer.Pointer[i]);
            buffer.Dispose();
            buffer.Dispose();
            Assert.Throws<ObjectDisposedException>(() => (nint)buffer.Pointer);
        }
    }

    [Fact]
    public void A_buffer_may_be_longer_than_an_array()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new NativeBuffer<float>(-1));
        Assert.Throws<OverflowException>(() => new NativeBuffer<double>(long.MaxValue));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_part_of_every_operation_runs_exactly_once(int threads)
    {
        using var workers = new Workers(threads);
        int* counts = stackalloc int[100];
        for (int round = 0; round < 2000; round++)
        {
            int parts = round % 100;
            new Span<int>(counts, 100).Clear();
            workers.Run(parts, new Counting(counts));
            for (int part = 0; part < 100; part++) Assert.Equal(part < parts ? 1 : 0, counts[part]);
        }
    }

    [Fact]
    public void What_fails_on_a_worker_thread_reaches_the_caller_and_the_threads_live_on()
    {
        using var workers = new Workers(3);
        int* counts = stackalloc int[20];
        for (int round = 0; round < 50; round++)
        {
            Assert.Throws<InvalidOperationException>(() => workers.Run(20, new Failing()));
            new Span<int>(counts, 20).Clear();
            workers.Run(20, new Counting(counts));
            for (int part = 0; part < 20; part++) Assert.Equal(1, counts[part]);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Nothing_is_allocated_once_the_scratch_is_there(int threads)
    {
        using var backend = new CpuBackend(threads);
        using Tensor x = backend.Allocate(40 * 64), w = backend.Allocate(300 * 64), y = backend.Allocate(40 * 300), result = backend.Allocate(40 * 3);
        using Tensor dx = backend.Allocate(40 * 64), dw = backend.Allocate(300 * 64);
        using IndexTensor targets = backend.AllocateIndices(40), argmax = backend.AllocateIndices(40);
        using WeightMatrix live = backend.Live(w.AsRows(300));
        using WeightMatrix packed = backend.Pack(MemorySource.From(new float[300 * 64], 300, 64, ElementType.BF16, transposed: false));
        Step();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++) Step();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Step()
        {
            backend.Linear(x.AsRows(40), packed, null, Activation.Gelu, y.AsRows(40));
            backend.Linear(x.AsRows(40), live, null, Activation.None, y.AsRows(40));
            backend.LinearBackwardInput(y.AsRows(40), live, dx.AsRows(40));
            backend.LinearBackwardWeight(x.AsRows(40), y.AsRows(40), dw.AsRows(300), null);
            backend.LinearCrossEntropy(x.AsRows(40), live, null, new HeadShape(300), targets, result.AsRows(40), argmax);
            backend.LinearCrossEntropyBackward(
                x.AsRows(40), live, null, new HeadShape(300), targets, result.AsRows(40), 1, dx.AsRows(40), dw.AsRows(300), null);
        }
    }

    [Fact]
    public void Workers_are_single_threaded_share_packed_weights_and_compute_the_same_bits()
    {
        using var backend = new CpuBackend(3);
        Assert.Equal(3, backend.Workers.Count);
        using WeightMatrix packed = backend.Pack(MemorySource.From([.. Enumerable.Range(0, 50 * 20).Select(i => i % 17 - 8f)], 50, 20, ElementType.F32, false));
        float[] expected = Multiply(backend);
        foreach (IBackend worker in backend.Workers) Assert.Equal(expected, Multiply(worker));

        float[] Multiply(IBackend worker)
        {
            using Tensor x = worker.Allocate(20), y = worker.Allocate(50);
            worker.Upload([.. Enumerable.Range(0, 20).Select(i => 0.1f * i)], x);
            worker.Linear(x.AsRows(1), packed, null, Activation.None, y.AsRows(1));
            float[] values = new float[50];
            worker.Download(y, 0, values);
            return values;
        }
    }

    private readonly struct Counting(int* counts) : IWork
    {
        public void Run(int part, Scratch scratch)
        {
            scratch.Take(part + 1)[part] = part;
            Interlocked.Increment(ref counts[part]);
        }
    }

    private readonly struct Failing : IWork
    {
        public void Run(int part, Scratch scratch)
        {
            if (part == 7) throw new InvalidOperationException("part 7");
        }
    }
}
