using Winnow.Cli.Infrastructure;

namespace Winnow.Cli.Bench;

/// <summary>Runs a benchmark several times, the peak measured before and after every run, and takes the median.</summary>
internal static class BenchRunner
{
    /// <summary>The median of <paramref name="rounds"/> runs after one that does not count.</summary>
    internal static Measurement Measure(Benchmark benchmark, int rounds, BenchClock clock, List<double> peaks, CancellationToken cancel)
    {
        ResidentMemory.Forget();
        benchmark.Run(clock, cancel);
        var speeds = new List<double>(rounds);
        var fractions = new List<double>(rounds);
        double before = PeakMeter.MeasureF32(benchmark.ThreadCount, clock);
        for (int i = 0; i < rounds; i++)
        {
            cancel.ThrowIfCancellationRequested();
            BenchRun run = benchmark.Run(clock, cancel);
            double after = PeakMeter.MeasureF32(benchmark.ThreadCount, clock);
            speeds.Add(run.Amount / run.Seconds);
            if (run.Flops > 0) fractions.Add(run.Flops / run.Seconds / 1e9 / ((before + after) / 2));
            peaks.Add(after);
            before = after;
        }
        return new Measurement(
            benchmark.Name, benchmark.Preset, benchmark.Precision, benchmark.ThreadCount, Median(speeds), benchmark.Unit,
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
