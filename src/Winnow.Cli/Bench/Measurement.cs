using Winnow.Kernels;

namespace Winnow.Cli.Bench;

/// <summary>One line of <c>winnow bench</c>.</summary>
/// <param name="Name">What: <c>gemm</c>, <c>score</c>, <c>train</c>, …</param>
/// <param name="Preset">On which model or input.</param>
/// <param name="Precision"><c>f32</c> or <c>bf16</c>; empty where nothing is multiplied.</param>
/// <param name="Threads">Threads at work.</param>
/// <param name="Value">Median speed.</param>
/// <param name="Unit">Of the speed.</param>
/// <param name="FractionOfPeak">Median over the runs of speed by the peak measured around the run; null where nothing is multiplied.</param>
/// <param name="PeakBytes">Most resident memory while it ran.</param>
internal sealed record Measurement(
    string Name, string Preset, string? Precision, int Threads, double Value, string Unit, double? FractionOfPeak, long PeakBytes);

/// <summary>One run of a benchmark.</summary>
/// <param name="Amount">In the benchmark's unit, without the time: tokens, MB, rows.</param>
/// <param name="Flops">Arithmetic done; 0 where none is counted.</param>
/// <param name="Seconds">Time it took.</param>
internal readonly record struct BenchRun(double Amount, double Flops, double Seconds);

/// <summary>Something to measure; made just before it runs and disposed before the next is made.</summary>
internal abstract class Benchmark : IDisposable
{
    /// <summary>As in <see cref="Measurement.Name"/>.</summary>
    internal abstract string Name { get; }

    /// <summary>As in <see cref="Measurement.Preset"/>.</summary>
    internal abstract string Preset { get; }

    /// <summary>As in <see cref="Measurement.Unit"/>.</summary>
    internal abstract string Unit { get; }

    /// <summary>Of what is multiplied; null where nothing is.</summary>
    internal virtual Precision? Precision => null;

    /// <summary>Threads at work.</summary>
    internal abstract int ThreadCount { get; }

    /// <summary>Runs once.</summary>
    internal abstract BenchRun Run(BenchClock clock, CancellationToken cancel);

    /// <inheritdoc/>
    public abstract void Dispose();
}
