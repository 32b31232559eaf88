using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Winnow.Benchmarks;

/// <summary>Time that the threads of this process have computed, so that what else runs on the machine counts less; elapsed time where the system does not tell.</summary>
internal static unsafe partial class CpuClock
{
    private const int ProcessCpuTime = 2;

    /// <summary>Seconds since some moment, of all threads together.</summary>
    public static double Seconds()
    {
        long* time = stackalloc long[2];
        if (OperatingSystem.IsLinux() && ReadClock(ProcessCpuTime, time) == 0) return time[0] + (time[1] * 1e-9);
        return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ReadClock(int clock, long* time);
}
