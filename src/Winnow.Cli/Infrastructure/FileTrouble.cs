namespace Winnow.Cli.Infrastructure;

/// <summary>What the file system refused, in this program's words.</summary>
internal static class FileTrouble
{
    private const int NoSpace = 28, TooManyFiles = 24, ReadOnly = 30, Quota = 122;

    /// <summary><c>path: what happened</c>.</summary>
    internal static string Describe(Exception failure)
    {
        string message = failure.Message.ReplaceLineEndings(" ").TrimEnd('.');
        int from = message.IndexOf('\''), to = message.LastIndexOf('\'');
        string path = from >= 0 && to > from ? message[(from + 1)..to] : "";
        string what = failure switch
        {
            FileNotFoundException => "no such file",
            DirectoryNotFoundException => "no such directory",
            UnauthorizedAccessException => "permission denied",
            { HResult: NoSpace } => "no space left on the device",
            { HResult: Quota } => "the disk quota is used up",
            { HResult: ReadOnly } => "the file system is read-only",
            { HResult: TooManyFiles } => OpenFiles.Limit is { } limit ? $"too many open files; {limit} may be open at once" : "too many open files",
            _ => char.ToLowerInvariant(message[0]) + message[1..],
        };
        return path.Length == 0 || what.Contains(path, StringComparison.Ordinal) ? what : $"{path}: {what}";
    }

    /// <summary>What to do about it, or null.</summary>
    internal static string? Hint(Exception failure) => failure switch
    {
        UnauthorizedAccessException => "check who owns it and who may write there",
        { HResult: NoSpace or Quota } => "free some space and run the same command again; no finished file is lost, no half file is left",
        { HResult: TooManyFiles } => OpenFiles.Hint,
        _ => null,
    };
}
