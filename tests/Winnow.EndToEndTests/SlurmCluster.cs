using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Winnow.Tests;

namespace Winnow.EndToEndTests;

/// <summary>A real Slurm cluster of four nodes on this machine (<c>tests/slurm/testbed.sh</c>), for as long as a class of tests runs.</summary>
public sealed class SlurmCluster : IDisposable
{
    internal const int Nodes = 4, MaxArraySize = 8;
    private static readonly string Script = Path.Combine(Fixtures.Repository, "tests", "slurm", "testbed.sh");
    private static readonly string[] Programs = ["munged", "slurmctld", "slurmd", "sbatch"];
    private readonly string directory = Path.Combine(Path.GetTempPath(), $"winnow-slurm-{Environment.ProcessId}");

    /// <summary>Brings the cluster up, where Slurm is installed.</summary>
    public SlurmCluster()
    {
        string[] missing = [.. Programs.Where(program => !IsInstalled(program))];
        if (missing.Length > 0) Missing = $"no {string.Join(", ", missing)}: install slurmctld slurmd slurm-client munge";
        else Up();
    }

    /// <summary>Why there is no cluster; null where there is.</summary>
    public string? Missing { get; }

    /// <summary>What a command has to know to use it.</summary>
    internal (string Name, string Value) Setting => ("SLURM_CONF", Path.Combine(directory, "slurm.conf"));

    /// <summary>Starts what does not run.</summary>
    internal void Up() => Testbed("up");

    /// <summary>A node loses power: its daemon and its tasks are gone.</summary>
    internal void KillNode(int node) => Testbed("kill-node", node);

    /// <summary>A node loses its network: its daemon is gone, its tasks go on.</summary>
    internal void KillDaemon(int node) => Testbed("kill-slurmd", node);

    /// <summary>The controller dies.</summary>
    internal void KillController() => Testbed("kill-controller");

    /// <summary>Runs one of Slurm's own commands.</summary>
    internal string Ask(string command, params string[] arguments) => Execute(command, arguments);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Missing is null) Testbed("down");
    }

    private static bool IsInstalled(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin".Split(':').Any(place => File.Exists(Path.Combine(place, program)));

    private void Testbed(string what, int? node = null) =>
        Execute(Script, node is { } number ? [directory, what, number.ToString(CultureInfo.InvariantCulture)] : [directory, what]);

    private string Execute(string program, string[] arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Setting.Name] = Setting.Value;
        start.Environment["TESTBED_NODES"] = Nodes.ToString(CultureInfo.InvariantCulture);
        start.Environment["TESTBED_MAX_ARRAY"] = MaxArraySize.ToString(CultureInfo.InvariantCulture);
        start.Environment["TESTBED_PORT"] = FreePorts(Nodes + 1).ToString(CultureInfo.InvariantCulture);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        string said = output.GetAwaiter().GetResult() + error.GetAwaiter().GetResult();
        return process.ExitCode == 0 ? said : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit {process.ExitCode}\n{said}");
    }

    /// <summary>The first of so many ports in a row that nobody listens on; a cluster that is up has chosen already.</summary>
    private static int FreePorts(int count)
    {
        for (int first = 20_000 + (Environment.ProcessId % 1000 * 10); ; first += count)
        {
            if (Enumerable.Range(first, count).All(IsFree)) return first;
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using TcpListener listener = new(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
