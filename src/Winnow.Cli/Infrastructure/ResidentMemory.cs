using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Winnow.Cli.Infrastructure;

/// <summary>The most memory this process held at once.</summary>
internal static class ResidentMemory
{
    /// <summary>Collects garbage and starts to count anew, where the system allows it (Linux).</summary>
    internal static void Forget()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, true, true);
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            _ = TrimHeap(0);
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException or EntryPointNotFoundException)
        {
            // The count then covers the whole life of the process: too high, never too low.
        }
    }

    /// <summary>In bytes, since the last <see cref="Forget"/>.</summary>
    internal static long Peak()
    {
        if (OperatingSystem.IsLinux())
        {
            string? line = File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
            if (line is not null) return 1024 * long.Parse(line[6..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
        }
        using Process self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64;
    }

    // What was freed goes back to the system, so that it does not count for what comes next.
    [DllImport("libc", EntryPoint = "malloc_trim")]
    private static extern int TrimHeap(nint keep);
}
