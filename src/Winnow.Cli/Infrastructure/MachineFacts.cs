namespace Winnow.Cli.Infrastructure;

/// <summary>What the machine calls itself.</summary>
internal sealed record MachineFacts(string Cpu, int Cores)
{
    /// <summary>Asks the system.</summary>
    internal static MachineFacts Read() => new(Model(), Environment.ProcessorCount);

    private static string Model()
    {
        try
        {
            string? line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
            if (line is not null) return line[(line.IndexOf(':') + 1)..].Trim();
        }
        catch (Exception absent) when (absent is IOException or UnauthorizedAccessException)
        {
            // Not Linux: the environment's words will do.
        }
        return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString();
    }
}
