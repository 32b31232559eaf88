using System.Text.Json;
using Winnow.Work;
using Winnow.Work.Slurm;
using Xunit;

namespace Winnow.Tests.Work;

public sealed class SlurmEngineTests : IDisposable
{
    private static readonly WorkStep[] Steps = [new("score", true), new("gather", false), new("select", false)];
    private static readonly string[] Program = ["/opt/winnow/winnow"];

    private readonly FakeSlurm slurm = new();
    private readonly string run = Directory.CreateTempSubdirectory("winnow-engine-").FullName;
    private readonly List<string> notes = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        slurm.Dispose();
        Directory.Delete(run, recursive: true);
    }

    [Fact]
    public void Scripts_ask_for_what_was_asked_for()
    {
        SlurmOptions options = new()
        {
            Tasks = 1500,
            AtOnce = 64,
            Partition = "gpu",
            Account = "lm-data",
            Qos = "long",
            Gres = "gpu:1",
            CpusPerTask = 16,
            Memory = "32G",
            Time = "4:00:00",
            Arguments = ["--constraint=icelake", "--comment=two words"],
        };
        SlurmEngine engine = new(slurm.Client(), options, ["/usr/bin/dotnet", "/opt/it's/winnow.dll"], null, TimeProvider.System);
        string text = string.Concat(engine.Scripts("/data/100% web/run", [(Steps[0], 20_000), (Steps[1], 3)], 1001)
            .SelectMany(stage => stage.Scripts.Select(script => $"== {stage.Stage}, tasks from {script.FirstTask}\n{script.Text}\n")));
        Golden.Matches("slurm-scripts.txt", text);
    }

    [Fact]
    public async Task Stages_are_submitted_at_once_each_after_the_one_before()
    {
        foreach (WorkStep step in Steps) Plan(step.Stage, 20);
        slurm.Answer("scontrol", "echo 'MaxArraySize = 4'");
        slurm.Answer("sbatch", "echo $((100 + $(wc -l < \"$LOG\")))");
        slurm.Answer("squeue", "");
        await Engine(new SlurmOptions { Tasks = 6 }).SubmitAsync(run, Steps, Cancel);
        string[] dependencies = [.. slurm.Calls("sbatch").Select(call => call.Split(' ')[1])];
        Assert.Equal(
            [Script("score", 0), Script("score", 4), "--dependency=afterany:101:102", "--dependency=afterany:101:102", "--dependency=afterany:103:104", "--dependency=afterany:103:104"],
            dependencies);
        Assert.Equal([("score", "101", 4), ("score", "102", 2), ("gather", "103", 4), ("gather", "104", 2), ("select", "105", 4), ("select", "106", 2)],
            SlurmJobs.Read(run).Select(job => (job.Stage, job.Id, job.Tasks)));
    }

    [Fact]
    public async Task What_is_complete_or_in_the_queue_is_not_submitted_again()
    {
        Plan("score", 0);
        Plan("gather", 2);
        Plan("select", 2);
        slurm.Answer("scontrol", "true");
        slurm.Answer("sbatch", "echo $((6 + $(wc -l < \"$LOG\")))");
        slurm.Answer("squeue", "true");
        await Engine(new SlurmOptions()).SubmitAsync(run, Steps[..2], Cancel);
        slurm.Answer("squeue", "case \"$*\" in *'-j 7 '*) echo '7|0|7|RUNNING|None|n1';; esac");
        await Engine(new SlurmOptions()).SubmitAsync(run, Steps, Cancel);
        Assert.Equal([$"--parsable {Script("gather", 0)}", $"--parsable --dependency=afterany:7 {Script("select", 0)}"], slurm.Calls("sbatch"));
    }

    [Fact]
    public async Task Where_a_later_stage_is_refused_the_earlier_ones_are_taken_back()
    {
        foreach (WorkStep step in Steps) Plan(step.Stage, 2);
        slurm.Answer("scontrol", "true");
        slurm.Answer("sbatch", "if [ $(wc -l < \"$LOG\") = 2 ]; then echo 'sbatch: error: Batch job submission failed: Invalid qos specification' >&2; exit 1; fi; echo 31");
        slurm.Answer("squeue", "").Answer("scancel", "");
        WorkException refusal = await Assert.ThrowsAsync<WorkException>(() => Engine(new SlurmOptions()).SubmitAsync(run, Steps, Cancel));
        Assert.Contains("Invalid qos", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(["31"], slurm.Calls("scancel"));
    }

    [Fact]
    public async Task A_run_whose_tasks_end_without_doing_anything_ends_in_a_message()
    {
        Plan("score", 5);
        slurm.Answer("scontrol", "true");
        slurm.Answer("sbatch", "echo 40");
        slurm.Answer("squeue", "echo '40|0|40|FAILED|NonZeroExitCode|n2'").Answer("scancel", "");
        WorkException error = await Assert.ThrowsAsync<WorkException>(() => Engine(new SlurmOptions()).RunAsync(run, Steps[..1], null, Cancel));
        Assert.Contains("5 of 5 items of `score` are open, and its tasks ended without doing one (FAILED NonZeroExitCode on n2)", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, slurm.Calls("sbatch").Count);
    }

    [Fact]
    public async Task A_lost_job_is_submitted_again_and_the_run_goes_on()
    {
        WorkStore store = Plan("score", 1);
        slurm.Answer("scontrol", "true");
        // The first job is never heard of again; the second does the item.
        slurm.Answer("sbatch", $"if [ $(wc -l < \"$LOG\") = 2 ]; then echo '{{}}' > '{store.Directory}/done/0'; fi; echo 5$(wc -l < \"$LOG\")");
        slurm.Answer("squeue", "").Answer("scancel", "");
        await Engine(new SlurmOptions()).RunAsync(run, Steps[..1], null, Cancel);
        Assert.Equal(["51", "52"], SlurmJobs.Read(run).Select(job => job.Id));
        Assert.Contains(notes, note => note.Contains("submitting it again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Tasks_that_have_not_begun_when_all_is_done_are_taken_out_of_the_queue()
    {
        WorkStore store = Plan("score", 1);
        slurm.Answer("scontrol", "true").Answer("scancel", "");
        slurm.Answer("sbatch", $"echo '{{}}' > '{store.Directory}/done/0'; echo 61");
        slurm.Answer("squeue", "[ -e \"$HOME_OF_FAKES/scancel.log\" ] || echo '61|1|61|PENDING|Resources|'");
        await Engine(new SlurmOptions()).RunAsync(run, Steps[..1], null, Cancel);
        Assert.Equal(["61"], slurm.Calls("scancel"));
    }

    [Fact]
    public async Task A_cancelled_run_is_watched_no_longer_and_its_jobs_are_taken_back_until_the_queue_has_none()
    {
        Plan("score", 5);
        Plan("gather", 5);
        slurm.Answer("scontrol", "true");
        // The run is cancelled while the second job is submitted; a task that is being started is missed the first time.
        slurm.Answer("sbatch", $"if [ $(wc -l < \"$LOG\") = 2 ]; then touch '{run}/stages/cancel'; fi; echo 7$(wc -l < \"$LOG\")");
        slurm.Answer("squeue", "case \"$*\" in *'-j 71,72'*) [ $(wc -l < \"$HOME_OF_FAKES/scancel.log\") -ge 4 ] && echo '72|0|72|COMPLETING|None|n1' || printf '71|0|71|RUNNING|None|n1\\n72|0|72|PENDING|Dependency|\\n';; esac");
        slurm.Answer("scancel", "");
        await File.WriteAllTextAsync(slurm.At("scancel.log"), "", Cancel);
        await Assert.ThrowsAsync<OperationCanceledException>(() => Engine(new SlurmOptions()).RunAsync(run, Steps[..2], null, Cancel));
        Assert.Equal(["72", "71", "72", "71"], slurm.Calls("scancel"));
        Assert.Empty(SlurmJobs.Read(run));
        Assert.Equal(2, slurm.Calls("sbatch").Count);
    }

    [Theory]
    [InlineData(null, 120)]
    [InlineData("UNLIMITED", 120)]
    [InlineData("4:00:00", 120)]
    [InlineData("1-0", 120)]
    [InlineData("0", 120)]
    [InlineData("0-0:7", 105)]
    [InlineData("5", 75)]
    [InlineData("6:40", 100)]
    public void A_task_is_told_two_minutes_before_its_limit_or_a_quarter_of_a_short_one(string? time, int seconds) => Assert.Equal(seconds, new SlurmOptions { Time = time }.GraceSeconds);

    [Theory]
    [InlineData("1", false)]
    [InlineData("4:59", false)]
    [InlineData("0:04:59", false)]
    [InlineData("5:00", true)]
    [InlineData("0", true)]
    [InlineData("UNLIMITED", true)]
    public void A_limit_that_leaves_a_task_no_time_is_refused(string time, bool isEnough)
    {
        SlurmOptions options = new() { Time = time };
        if (isEnough) Assert.Same(options, options.Validated());
        else Assert.Contains("five minutes", Assert.Throws<WorkException>(options.Validated).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_option_that_would_break_the_script_is_refused()
    {
        Assert.Throws<WorkException>(() => new SlurmOptions { Partition = "a b" }.Validated());
        Assert.Throws<WorkException>(() => new SlurmOptions { Time = "" }.Validated());
        Assert.Throws<WorkException>(() => new SlurmOptions { Arguments = ["--x\nrm"] }.Validated());
        Assert.Throws<WorkException>(() => new SlurmOptions { Arguments = ["constraint=icelake"] }.Validated());
    }

    private WorkStore Plan(string stage, int items) =>
        WorkStore.Create(run, new WorkDescription(stage, run, JsonSerializer.SerializeToElement(new { }), [.. Enumerable.Range(0, items).Select(i => new WorkItem(i))]));

    private string Script(string stage, int first) => Path.Combine(run, "stages", stage, "slurm", $"{stage}-{first}.sbatch");

    private SlurmEngine Engine(SlurmOptions options) => new(slurm.Client(), options, Program, new Listener(notes), new HastyTime())
    {
        Poll = TimeSpan.FromSeconds(2),
        Ask = TimeSpan.Zero,
    };

    private sealed class Listener(List<string> notes) : IProgress<string>
    {
        public void Report(string value) => notes.Add(value);
    }
}
