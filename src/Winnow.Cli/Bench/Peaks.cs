using Winnow.Kernels;
using Winnow.Kernels.Cpu;

namespace Winnow.Cli.Bench;

/// <summary>The measured peaks of this machine, by precision: every speed is judged by one measured beside it in the same process.</summary>
/// <param name="clock">What measures the time.</param>
internal sealed class Peaks(BenchClock clock)
{
    private readonly Dictionary<Precision, double> best = [];

    /// <summary>Measures a peak once more: GFLOP/s of this many threads together.</summary>
    internal double Measure(int threads, Precision precision)
    {
        double now = MachinePeak.Measure(threads, 0, precision, () => clock.Now(threads));
        best[precision] = Math.Max(best.GetValueOrDefault(precision), now);
        return now;
    }

    /// <summary>The highest peak so far; null where none was measured.</summary>
    internal double? Best(Precision precision) => best.TryGetValue(precision, out double peak) ? Math.Round(peak, 1) : null;
}
