using System.Globalization;

namespace Winnow.Cli.Infrastructure;

/// <summary>How many files this process may have open at once.</summary>
internal static class OpenFiles
{
    /// <summary>What to do where they are too few.</summary>
    internal const string Hint = "raise the limit with `ulimit -n 4096`, as root where the hard limit is lower";

    /// <summary>Room for a sort that merges 128 files, the inputs and outputs of a few threads, and what the runtime has open itself.</summary>
    private const int Least = 256;

    /// <summary>The limit when the process began, as Linux tells it; null where nobody does.</summary>
    internal static int? Limit { get; } = Read();

    /// <summary>Why the limit is too low to begin, or null: with too few the runtime fails at places that cannot be explained.</summary>
    internal static string? Refusal() => Limit < Least
        ? $"error: winnow: only {Limit} files may be open at once, and {Least} are needed\nhint: {Hint}"
        : null;

    private static int? Read()
    {
        try
        {
            if (!OperatingSystem.IsLinux()) return null;
            foreach (string line in File.ReadAllLines("/proc/self/limits"))
            {
                if (!line.StartsWith("Max open files", StringComparison.Ordinal)) continue;
                string soft = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3];
                return int.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out int limit) ? limit : null;
            }
        }
        catch (IOException)
        {
            // It cannot be known.
        }

        return null;
    }
}
