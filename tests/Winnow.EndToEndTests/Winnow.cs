using System.Diagnostics;
using System.Text;

namespace Winnow.EndToEndTests;

/// <summary>What a run of the command left behind.</summary>
internal sealed record Outcome(int Exit, string Out, string Error)
{
    /// <inheritdoc/>
    public override string ToString() => $"exit {Exit}\n--- stdout\n{Out}\n--- stderr\n{Error}";
}

/// <summary>Runs the built command as a user does: a process of its own, in a directory of its own.</summary>
internal sealed class Winnow : IDisposable
{
    private static readonly string Program = Locate();

    /// <summary>The directory in which commands run; removed at the end.</summary>
    internal string Home { get; } = Directory.CreateTempSubdirectory("winnow-e2e-").FullName;

    /// <summary>Variables that commands see beside the test's own.</summary>
    internal List<(string Name, string Value)> Environment { get; } = [];

    /// <summary>A path below the directory.</summary>
    internal string At(params string[] parts) => Path.Combine([Home, .. parts]);

    /// <summary>Writes a file below the directory.</summary>
    internal string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    /// <summary>Writes a file below the directory.</summary>
    internal string Write(string name, byte[] bytes)
    {
        string path = At(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>Runs a command line to its end.</summary>
    internal Outcome Run(params string[] args) => RunWith(null, args);

    /// <summary>Runs a command line that reads from standard input.</summary>
    internal Outcome RunWith(byte[]? input, params string[] args)
    {
        using Process process = Start(args);
        if (input is not null) process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        return Finish(process);
    }

    /// <summary>Runs a command line that may have only so many files open at once.</summary>
    internal Outcome RunWithFiles(int most, params string[] args)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"ulimit -n {most} && exec \"$0\" \"$@\"", Program, .. args])
        {
            WorkingDirectory = Home,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return Finish(process);
    }

    /// <summary>Runs a command line whose standard streams are a terminal.</summary>
    internal Outcome RunOnTerminal(string line)
    {
        var start = new ProcessStartInfo("/usr/bin/script", ["-qec", $"'{Program}' {line}", "/dev/null"])
        {
            WorkingDirectory = Home,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };
        start.Environment["TERM"] = "xterm";
        using Process process = Process.Start(start)!;
        return Finish(process);
    }

    /// <summary>Starts a command line.</summary>
    internal Process Start(params string[] args)
    {
        var start = new ProcessStartInfo(Program)
        {
            WorkingDirectory = Home,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (string arg in args) start.ArgumentList.Add(arg);
        foreach ((string name, string value) in Environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Waits for the end of a process and reads what it said.</summary>
    internal static Outcome Finish(Process process, int minutes = 4)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromMinutes(minutes)))
        {
            process.Kill(true);
            throw new TimeoutException($"winnow {string.Join(' ', process.StartInfo.ArgumentList)} did not end");
        }
        return new Outcome(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Home, true);

    // …/artifacts/bin/Winnow.EndToEndTests/release/ → …/artifacts/bin/Winnow.Cli/release/winnow
    private static string Locate()
    {
        string here = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory), configuration = Path.GetFileName(here);
        string path = Path.GetFullPath(Path.Combine(here, "..", "..", "Winnow.Cli", configuration, OperatingSystem.IsWindows() ? "winnow.exe" : "winnow"));
        return File.Exists(path) ? path : throw new FileNotFoundException($"the built command is not at {path}");
    }
}
