using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Winnow.Benchmarks;

/// <summary>Time that this thread has computed, so that what else runs on the machine counts less; elapsed time where the system does not tell.</summary>
internal static unsafe partial class ThreadClock
{
    private const int ThreadCpuTime = 3;

    /// <summary>Seconds since some moment.</summary>
    public static double Seconds()
    {
        long* time = stackalloc long[2];
        if (OperatingSystem.IsLinux() && ReadClock(ThreadCpuTime, time) == 0) return time[0] + (time[1] * 1e-9);
        return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ReadClock(int clock, long* time);
}
