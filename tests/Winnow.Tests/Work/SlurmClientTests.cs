using Winnow.Work;
using Winnow.Work.Slurm;
using Xunit;

namespace Winnow.Tests.Work;

/// <summary>What Slurm's commands may answer, played by scripts.</summary>
public sealed class SlurmClientTests : IDisposable
{
    private readonly FakeSlurm slurm = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => slurm.Dispose();

    [Theory]
    [InlineData("echo 12", "12")]
    [InlineData("echo '12;north'", "12")]
    [InlineData("echo 'Welcome to the cluster, 3 nodes are down'; echo 77", "77")]
    public async Task The_number_of_a_job_is_found_in_what_sbatch_says(string body, string id)
    {
        slurm.Answer("sbatch", body).Answer("squeue", "");
        Assert.Equal(id, await slurm.Client().SubmitAsync("job.sbatch", "winnow-score-1", ["3", "4"], Cancel));
        Assert.Equal(["--parsable --dependency=afterany:3:4 job.sbatch"], slurm.Calls("sbatch"));
    }

    [Theory]
    [InlineData("invalid partition specified: nosuch", "--partition")]
    [InlineData("Batch job submission failed: Invalid account or account/partition combination specified", "--partition")]
    [InlineData("Batch job submission failed: Invalid qos specification", "--qos")]
    [InlineData("Batch job submission failed: Requested node configuration is not available", "--mem")]
    [InlineData("Memory specification can not be satisfied", "--mem")]
    [InlineData("Invalid --time specification", "--time")]
    [InlineData("Batch job submission failed: Invalid job array specification", "--tasks")]
    [InlineData("Invalid generic resource (gres) specification", "--gres")]
    [InlineData("Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "--tasks")]
    [InlineData("something that nobody has seen before", "--sbatch-arg")]
    public async Task A_refusal_is_told_in_slurms_words_with_what_to_do(string words, string hint)
    {
        slurm.Answer("sbatch", $"echo \"sbatch: error: {words}\" >&2; exit 1").Answer("squeue", "");
        WorkException refusal = await Assert.ThrowsAsync<WorkException>(() => slurm.Client().SubmitAsync("job.sbatch", "winnow-score-1", [], Cancel));
        Assert.Equal($"sbatch: {words}", refusal.Message);
        Assert.Contains(hint, refusal.Hint, StringComparison.Ordinal);
        Assert.Single(slurm.Calls("sbatch"));
    }

    [Fact]
    public async Task An_answer_without_a_number_is_an_error_that_quotes_it()
    {
        slurm.Answer("sbatch", "echo 'queued, good luck'").Answer("squeue", "");
        WorkException error = await Assert.ThrowsAsync<WorkException>(() => slurm.Client().SubmitAsync("job.sbatch", "winnow-score-1", [], Cancel));
        Assert.Contains("`queued, good luck`", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_controller_that_is_away_is_asked_again()
    {
        slurm.Answer("squeue", "").Answer("sbatch", """
            if [ $(wc -l < "$LOG") -lt 3 ]; then echo 'sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)' >&2; exit 1; fi
            echo 5
            """);
        List<string> notes = [];
        Assert.Equal("5", await slurm.Client(notes: notes).SubmitAsync("job.sbatch", "winnow-score-1", [], Cancel));
        Assert.Equal(3, slurm.Calls("sbatch").Count);
        Assert.Equal(2, notes.Count);
    }

    [Fact]
    public async Task A_job_whose_number_was_lost_on_the_way_is_not_submitted_twice()
    {
        slurm.Answer("sbatch", "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2; exit 1")
            .Answer("squeue", "echo 8; if [ -e \"$HOME_OF_FAKES/sbatch.log\" ]; then echo 9; fi");
        Assert.Equal("9", await slurm.Client().SubmitAsync("job.sbatch", "winnow-score-1", [], Cancel));
        Assert.Single(slurm.Calls("sbatch"));
    }

    [Fact]
    public async Task A_controller_that_stays_away_ends_in_a_message()
    {
        slurm.Answer("scontrol", "echo 'slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)' >&2; exit 1");
        WorkException error = await Assert.ThrowsAsync<WorkException>(() => slurm.Client(TimeSpan.FromMilliseconds(20)).MaxArraySizeAsync(Cancel));
        Assert.Contains("Unable to contact slurm controller", error.Message, StringComparison.Ordinal);
        Assert.Contains("run the same command again", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_of_the_queue_are_read_and_everything_else_is_passed_over()
    {
        slurm.Answer("squeue", """
            echo 'CLUSTER: north'
            echo 'slurm_load_jobs: warning' >&2
            echo '9|0|12|RUNNING|None|n1'
            echo '9|1|9|PENDING|Resources|'
            echo '10|N/A|10|COMPLETED|None|n2'
            echo '9|2|14|OUT_OF_MEMORY|OutOfMemory|n3'
            echo 'maintenance on Sunday | be warned'
            """);
        IReadOnlyList<SlurmTask> tasks = await slurm.Client().TasksAsync(["9", "10"], Cancel);
        Assert.Equal(
            [new("9", 0, "RUNNING", "None", "n1"), new("9", 1, "PENDING", "Resources", ""), new("10", null, "COMPLETED", "None", "n2"), new("9", 2, "OUT_OF_MEMORY", "OutOfMemory", "n3")],
            tasks);
        Assert.Equal([true, true, false, false], tasks.Select(task => task.IsAlive));
    }

    [Fact]
    public async Task Unknown_jobs_are_no_error()
    {
        slurm.Answer("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
            .Answer("scancel", "echo 'scancel: error: Kill job error on job id 4: Invalid job id specified' >&2; exit 1");
        Assert.Empty(await slurm.Client().TasksAsync(["4"], Cancel));
        await slurm.Client().CancelAsync(["4"], Cancel);
        Assert.Equal(["4"], slurm.Calls("scancel"));
    }

    [Theory]
    [InlineData("echo 'Configuration data as of 1'; echo 'MaxArraySize            = 40000'", 40000)]
    [InlineData("echo nothing", 1001)]
    public async Task The_limit_on_arrays_is_read(string body, int expected)
    {
        slurm.Answer("scontrol", body);
        Assert.Equal(expected, await slurm.Client().MaxArraySizeAsync(Cancel));
    }

    [Fact]
    public async Task Settings_of_the_job_that_submits_are_not_handed_on()
    {
        slurm.Answer("squeue", "env > \"$HOME_OF_FAKES/environment\"");
        Environment.SetEnvironmentVariable("SQUEUE_FORMAT", "%i");
        Environment.SetEnvironmentVariable("SLURM_MEM_PER_CPU", "7");
        try
        {
            await slurm.Client().TasksAsync(["1"], Cancel);
        }
        finally
        {
            Environment.SetEnvironmentVariable("SQUEUE_FORMAT", null);
            Environment.SetEnvironmentVariable("SLURM_MEM_PER_CPU", null);
        }

        string[] environment = File.ReadAllLines(slurm.At("environment"));
        Assert.DoesNotContain(environment, line => line.StartsWith("SQUEUE_", StringComparison.Ordinal) || line.StartsWith("SLURM_MEM", StringComparison.Ordinal));
        Assert.Contains("LC_ALL=C", environment);
    }

    [Fact]
    public async Task A_machine_without_slurm_is_told_so()
    {
        WorkException error = await Assert.ThrowsAsync<WorkException>(() => slurm.Client().MaxArraySizeAsync(Cancel));
        Assert.StartsWith("scontrol: cannot be run", error.Message, StringComparison.Ordinal);
        Assert.Contains("--engine local", error.Hint, StringComparison.Ordinal);
    }
}

/// <summary>Slurm's commands as scripts in a directory (<c>tests/slurm/fake</c>); each call is written down.</summary>
internal sealed class FakeSlurm : IDisposable
{
    private readonly string home = Directory.CreateTempSubdirectory("winnow-slurm-").FullName;

    public string At(string name) => Path.Combine(home, name);

    /// <summary>Makes a command, a piece of shell script. <c>$LOG</c> has a line per call, this one included.</summary>
    public FakeSlurm Answer(string command, string body)
    {
        File.WriteAllText(At(command + ".body"), body + "\n");
        if (!File.Exists(At(command))) File.CreateSymbolicLink(At(command), Path.Combine(Fixtures.Repository, "tests", "slurm", "fake"));
        return this;
    }

    /// <summary>The arguments of each call of a command.</summary>
    public IReadOnlyList<string> Calls(string command) => File.Exists(At(command + ".log")) ? File.ReadAllLines(At(command + ".log")) : [];

    public SlurmClient Client(TimeSpan? patience = null, List<string>? notes = null) =>
        new(home, patience ?? TimeSpan.FromMinutes(1), notes is null ? null : new Listener(notes), new HastyTime());

    public void Dispose() => Directory.Delete(home, recursive: true);

    private sealed class Listener(List<string> notes) : IProgress<string>
    {
        public void Report(string value) => notes.Add(value);
    }
}

/// <summary>A clock whose pauses are a thousand times shorter.</summary>
internal sealed class HastyTime : TimeProvider
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, Shorter(dueTime), Shorter(period));

    private static TimeSpan Shorter(TimeSpan time) => time <= TimeSpan.Zero ? time : time / 1000;
}
