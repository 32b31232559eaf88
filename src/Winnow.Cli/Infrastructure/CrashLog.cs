using System.Globalization;
using System.Runtime.InteropServices;

namespace Winnow.Cli.Infrastructure;

/// <summary>Keeps what a user should not have to read.</summary>
internal static class CrashLog
{
    /// <summary>Writes the exception beside the other temporary files and returns the path, or says that it could not.</summary>
    internal static string Write(Exception failure, TimeProvider time)
    {
        string stamp = time.GetUtcNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);
        string path = Path.Combine(Path.GetTempPath(), $"winnow-{stamp}-{Environment.ProcessId}.log");
        try
        {
            File.WriteAllText(path, $"winnow {CommandLine.Version}, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}\n{Environment.CommandLine}\n\n{failure}\n");
            return path;
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return $"no file ({refused.Message})";
        }
    }
}
