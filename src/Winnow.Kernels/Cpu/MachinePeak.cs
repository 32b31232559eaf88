using System.Diagnostics;
using System.Runtime.CompilerServices;
using Winnow.Kernels.Cpu.Emit;

namespace Winnow.Kernels.Cpu;

/// <summary>What the machine's multipliers can do at best: the measure that every other speed is a share of.</summary>
public static unsafe class MachinePeak
{
    private const int Accumulators = 12;
    private const int Iterations = 8_000_000;
    private const int Tries = 6;

    /// <summary>The peak in GFLOP/s: multiply-adds on registers alone, <paramref name="threads"/> threads at once, the best of some short tries.</summary>
    /// <param name="threads">How many threads multiply at the same time.</param>
    /// <param name="lanes">16, 8 or 4; 0 takes the widest the machine has. For f32.</param>
    /// <param name="precision">Of the products; bf16 only where <see cref="CpuBackend.SupportsBF16"/>.</param>
    /// <param name="clock">Seconds; null takes the wall's.</param>
    public static double Measure(int threads, int lanes = 0, Precision precision = Precision.F32, Func<double>? clock = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (lanes == 0) lanes = CpuBackend.SupportedLanes[0];
        clock ??= () => Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
        double turn = 2.0 * Accumulators * lanes;
        Action work = () => Run(lanes);
        if (precision == Precision.BF16)
        {
            Bf16Peak loop = Bf16Peak.Instance ?? throw new NotSupportedException("bf16 is not supported here");
            turn = loop.FlopsPerTurn;
            work = () => loop.Run(Iterations / 2);
        }

        double flops = turn * threads * (precision == Precision.BF16 ? Iterations / 2 : Iterations), best = 0;
        for (int i = 0; i < Tries; i++) best = Math.Max(best, flops / Seconds(threads, work, clock) / 1e9);
        return best;
    }

    private static double Seconds(int threads, Action work, Func<double> clock)
    {
        Thread[] others = [.. Enumerable.Range(1, threads - 1).Select(_ => new Thread(() => work()) { IsBackground = true })];
        double start = clock();
        foreach (Thread thread in others) thread.Start();
        work();
        foreach (Thread thread in others) thread.Join();
        return clock() - start;
    }

    private static void Run(int lanes)
    {
        _ = lanes switch
        {
            16 => Chains<Lanes16>(),
            8 => Chains<Lanes8>(),
            _ => Chains<Lanes4>(),
        };
    }

    /// <summary>Enough independent chains to hide the latency of one; few enough for 16 registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Chains<TLanes>()
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes x = TLanes.Broadcast(1.0000001f), y = TLanes.Broadcast(1e-9f);
        TLanes c0 = y, c1 = y, c2 = y, c3 = y, c4 = y, c5 = y;
        TLanes c6 = y, c7 = y, c8 = y, c9 = y, c10 = y, c11 = y;
        for (int i = 0; i < Iterations; i++)
        {
            c0 = TLanes.FusedMultiplyAdd(c0, x, y);
            c1 = TLanes.FusedMultiplyAdd(c1, x, y);
            c2 = TLanes.FusedMultiplyAdd(c2, x, y);
            c3 = TLanes.FusedMultiplyAdd(c3, x, y);
            c4 = TLanes.FusedMultiplyAdd(c4, x, y);
            c5 = TLanes.FusedMultiplyAdd(c5, x, y);
            c6 = TLanes.FusedMultiplyAdd(c6, x, y);
            c7 = TLanes.FusedMultiplyAdd(c7, x, y);
            c8 = TLanes.FusedMultiplyAdd(c8, x, y);
            c9 = TLanes.FusedMultiplyAdd(c9, x, y);
            c10 = TLanes.FusedMultiplyAdd(c10, x, y);
            c11 = TLanes.FusedMultiplyAdd(c11, x, y);
        }

        return (c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11).Sum();
    }
}
