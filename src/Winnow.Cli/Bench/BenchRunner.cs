using System.Diagnostics;
using Winnow.Cli.Infrastructure;
using Winnow.Kernels;

namespace Winnow.Cli.Bench;

/// <summary>Runs a benchmark several times, the peak measured before and after every run, and takes the median.</summary>
internal static class BenchRunner
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The median of <paramref name="rounds"/> runs after a second of runs, at least one, that do not count: what is compiled while it
    /// runs is compiled again, faster, until then.
    /// </summary>
    internal static Measurement Measure(Benchmark benchmark, int rounds, BenchClock clock, Peaks peaks, CancellationToken cancel)
    {
        ResidentMemory.Forget();
        long start = Stopwatch.GetTimestamp();
        do benchmark.Run(clock, cancel);
        while (Stopwatch.GetElapsedTime(start) < WarmUp);
        var speeds = new List<double>(rounds);
        var fractions = new List<double>(rounds);
        Precision precision = benchmark.Precision ?? Precision.F32;
        double before = peaks.Measure(benchmark.ThreadCount, precision);
        for (int i = 0; i < rounds; i++)
        {
            cancel.ThrowIfCancellationRequested();
            BenchRun run = benchmark.Run(clock, cancel);
            double after = peaks.Measure(benchmark.ThreadCount, precision);
            speeds.Add(run.Amount / run.Seconds);
            if (run.Flops > 0) fractions.Add(run.Flops / run.Seconds / 1e9 / ((before + after) / 2));
            before = after;
        }
        return new Measurement(
            benchmark.Name, benchmark.Preset, benchmark.Precision?.ToString().ToLowerInvariant(), benchmark.ThreadCount, Median(speeds), benchmark.Unit,
            fractions.Count == 0 ? null : Math.Round(Median(fractions), 4), ResidentMemory.Peak());
    }

    /// <summary>The middle value, or the mean of the two in the middle.</summary>
    internal static double Median(List<double> values)
    {
        double[] ordered = [.. values.Order()];
        int half = ordered.Length / 2;
        return ordered.Length == 0 ? double.NaN : ordered.Length % 2 == 1 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
    }
}
