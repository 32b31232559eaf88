using Winnow.Cli.Infrastructure;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Bench;

/// <summary>Where the time went, operation by operation.</summary>
internal static class Profile
{
    /// <summary>Prints a table for people, the costliest operation first, each with its share of the measured peak.</summary>
    internal static void Print(Terminal terminal, TimedBackend backend, int threads)
    {
        // Seconds are summed over workers, so a worker's speed is held against one thread's share of the peak.
        double peak = MachinePeak.Measure(threads, 0, backend.Precision) / Math.Max(1, backend.Workers.Count);
        double all = Math.Max(backend.Timings.Sum(t => t.Seconds), 1e-12);
        var table = new PlainTable("operation", "calls", "time", "share", "GFLOP/s", "of peak", "GB/s");
        foreach (OperationTiming t in backend.Timings)
        {
            bool counted = t.Flops > 0 && t.Seconds > 0;
            double speed = counted ? t.Flops / t.Seconds / 1e9 : 0;
            table.Add(t.Operation, Figures.Count(t.Calls), Figures.Duration(t.Seconds), Figures.Percent(t.Seconds / all), counted ? Figures.Significant(speed, 3) : "",
                counted ? Figures.Percent(speed / peak) : "", t.Seconds > 0 ? Figures.Significant(t.Bytes / t.Seconds / 1e9, 3) : "");
        }
        var text = new StringWriter { NewLine = "\n" };
        table.Write(text);
        terminal.Draw(text.ToString());
    }
}
