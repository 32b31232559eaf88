using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Winnow.Cli.Bench;

/// <summary>
/// The seconds that speeds are measured in: of the wall, or of this process' processors by thread, which leaves out the time that a
/// shared machine gave to others.
/// </summary>
/// <param name="cpu">True counts processor time.</param>
internal sealed class BenchClock(bool cpu)
{
    private const int ProcessTime = 2;

    /// <summary>A moment, in seconds.</summary>
    /// <param name="threads">Threads that are busy between two moments.</param>
    internal double Now(int threads)
    {
        if (!cpu) return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
        if (!OperatingSystem.IsLinux()) return Environment.CpuUsage.TotalTime.TotalSeconds / threads;
        return ReadClock(ProcessTime, out Moment now) == 0 ? (now.Seconds + (now.Nanoseconds / 1e9)) / threads : throw new InvalidOperationException("no clock of processor time");
    }

    // The process' accounting file counts in hundredths of a second; this clock counts in nanoseconds.
    [DllImport("libc", EntryPoint = "clock_gettime")]
    private static extern int ReadClock(int clock, out Moment now);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Moment
    {
        internal readonly long Seconds;
        internal readonly long Nanoseconds;
    }
}
