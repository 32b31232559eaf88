using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Winnow.Tests;
using Xunit;

namespace Winnow.EndToEndTests;

/// <summary>
/// A run on a real Slurm cluster of four nodes, disturbed in every way that was thought of: the files are those of one process that
/// nobody disturbed. Skipped where Slurm is not installed.
/// </summary>
public sealed class SlurmTests : IClassFixture<SlurmCluster>, IDisposable
{
    private const int Documents = 400;
    private static readonly string Fixture = Fixtures.Root("e2e");
    private static readonly string[] Kinds = ["scores", "completions"];
    private static readonly Lazy<Dictionary<string, byte[]>> Whole = new(ScoreWhole);

    private readonly SlurmCluster cluster;
    private readonly Winnow winnow = new();

    public SlurmTests(SlurmCluster cluster)
    {
        Assert.SkipWhen(cluster.Missing is not null, cluster.Missing ?? "");
        this.cluster = cluster;
        cluster.Up();
        winnow.Environment.Add(cluster.Setting);
        WriteCorpus(winnow);
    }

    public void Dispose() => winnow.Dispose();

    [Fact]
    public void More_tasks_than_an_array_holds_score_select_and_export_what_one_process_does()
    {
        string[] prune = ["prune", "corpus", "--model", Fixture, "--context", "64", "--keep", "middle:40%", "--within", "source"];
        Outcome here = winnow.Run([.. prune, "--out", "here", "--rejected", "here-rest"]);
        Outcome there = winnow.Run([.. prune, "--out", "there", "--rejected", "there-rest", "--engine", "slurm", "--tasks", "11", "--item-bytes", "4000"]);
        Assert.True(here.Exit == 0 && there.Exit == 0, $"{here}\n{there}");
        Assert.Contains("`score`, 11 tasks", there.Error, StringComparison.Ordinal);
        foreach (string part in new[] { "/pruned", "-rest", "/selection", "/run/scores", "/run/completions" })
        {
            AssertSame(Files(winnow.At("here" + part)), Files(winnow.At("there" + part)));
        }

        Outcome status = winnow.Run("run", "status", "there", "--json");
        Assert.Contains("\"complete\": true", status.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dry_run_shows_the_scripts_and_submits_nothing()
    {
        Outcome dry = winnow.Run(Score("--tasks", "3", "--dry-run", "--mem", "1G"));
        Assert.True(dry.Exit == 0, dry.ToString());
        Assert.Contains("#SBATCH --mem=1G", dry.Out, StringComparison.Ordinal);
        Assert.False(Directory.Exists(winnow.At("run")));
        Assert.Equal("", cluster.Ask("squeue", "-h"));
    }

    [Fact]
    public void A_node_that_loses_power_in_the_middle_of_a_task_costs_nothing()
    {
        using Process score = Begin();
        cluster.KillNode(NodeAtWork());
        AssertFinishes(score);
    }

    [Fact]
    public void A_node_that_loses_its_network_leaves_two_attempts_and_a_controller_may_be_away_meanwhile()
    {
        using Process score = Begin();
        cluster.KillDaemon(NodeAtWork());
        cluster.KillController();
        Thread.Sleep(2000);
        cluster.Up();
        AssertFinishes(score);
    }

    [Fact]
    public void Twenty_killed_workers_are_replaced_and_a_task_whose_time_is_up_is_requeued()
    {
        using Process score = Begin();
        var random = new Random(5);
        for (int kills = 0, done = 0; kills < 20 && !score.HasExited; Thread.Sleep(random.Next(50, 300)))
        {
            // On a busy machine workers take seconds to begin: where all four die before an item is done, time and again, the command gives up.
            if (kills % 4 == 0 && Done() == done) continue;
            // Every fifth is told that its time is up, and has to be at work to hear it; the others die at once.
            bool told = kills % 5 == 0;
            int[] workers = told ? [.. Workers().Intersect(AtWork())] : Workers();
            if (workers.Length == 0) continue;
            using Process kill = Process.Start("kill", [told ? "-USR1" : "-KILL", workers[random.Next(workers.Length)].ToString(CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
            if (kills++ % 4 == 0) done = Done();
        }

        AssertFinishes(score);
        Assert.Matches(@"Restarts=[1-9]", cluster.Ask("scontrol", "show", "job", "-o"));
    }

    [Fact]
    public void A_cancelled_run_goes_on_with_twice_and_with_half_the_tasks()
    {
        foreach (string tasks in new[] { "4", "8" })
        {
            Outcome submitted = winnow.Run(Score("--tasks", tasks, "--detach"));
            Assert.True(submitted.Exit == 0, submitted.ToString());
            WaitForWork();
            Outcome cancelled = winnow.Run("run", "cancel", "run");
            Assert.True(cancelled.Exit == 0, cancelled.ToString());
            WaitUntil(() => Workers().Length == 0 && cluster.Ask("squeue", "-h").Length == 0, "an empty queue");
        }

        using Process score = winnow.Start(Score("--tasks", "2"));
        AssertFinishes(score);
    }

    [Fact]
    public void A_run_that_is_cancelled_is_not_submitted_again_by_the_command_that_watches_it()
    {
        using Process score = Begin();
        Outcome cancelled = winnow.Run("run", "cancel", "run");
        Assert.True(cancelled.Exit == 0, cancelled.ToString());
        Outcome watched = Winnow.Finish(score);
        Assert.True(watched.Exit == 130 && watched.Error.Contains("the same command goes on from there", StringComparison.Ordinal), watched.ToString());
        WaitUntil(() => Workers().Length == 0 && cluster.Ask("squeue", "-h").Length == 0, "an empty queue");
        Assert.DoesNotContain("submitting it again", watched.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_study_has_the_results_of_one_process()
    {
        winnow.Write("corpus.jsonl", SmallCorpus.Records(0, 700));
        winnow.Write("small.yaml", StudyTests.Recipe + "\nslurm: {tasks: 8, cpus_per_task: 1, mem: 1G}");
        Outcome planned = winnow.Run("study", "small.yaml", "--out", "there", "--engine", "slurm", "--tasks", "4", "--dry-run");
        Assert.True(planned.Exit == 0, planned.ToString());
        Assert.Contains("#SBATCH --mem=1G", planned.Out, StringComparison.Ordinal);
        Assert.Contains("#SBATCH --array=0-3\n", planned.Out, StringComparison.Ordinal);
        Outcome there = winnow.Run("study", "small.yaml", "--out", "there", "--engine", "slurm", "--tasks", "4");
        Assert.True(there.Exit == 0, there.ToString());
        Assert.Contains("`study`, 4 tasks", there.Error, StringComparison.Ordinal);
        Outcome here = winnow.Run("study", "small.yaml", "--out", "here");
        Assert.True(here.Exit == 0, here.ToString());
        StudyTests.Compare(StudyTests.Files(winnow.At("here")), StudyTests.Files(winnow.At("there")));
        Assert.Equal(here.Out, there.Out);
    }

    [Fact]
    public void A_refused_submission_says_what_to_do_and_leaves_nothing_in_the_queue()
    {
        Outcome refused = winnow.Run(Score("--partition", "nosuch"));
        Assert.Equal(2, refused.Exit);
        Assert.Contains("invalid partition specified: nosuch", refused.Error, StringComparison.Ordinal);
        Assert.Contains("hint: `sinfo` lists the partitions", refused.Error, StringComparison.Ordinal);
        Assert.Equal("", cluster.Ask("squeue", "-h"));
    }

    /// <summary>Begins a scoring by four tasks and waits until they are at it.</summary>
    private Process Begin()
    {
        Process score = winnow.Start(Score("--tasks", "4"));
        score.StandardInput.Close();
        WaitForWork();
        return score;
    }

    private void AssertFinishes(Process score)
    {
        Outcome outcome = Winnow.Finish(score);
        Assert.True(outcome.Exit == 0, outcome.ToString());
        AssertSameScores();
    }

    private void AssertSameScores() => AssertSame(Whole.Value, Results(winnow.At("run")));

    private static void AssertSame(Dictionary<string, byte[]> expected, Dictionary<string, byte[]> found)
    {
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        foreach ((string file, byte[] bytes) in expected) Assert.True(bytes.AsSpan().SequenceEqual(found[file]), $"{file} differs");
    }

    private void WaitForWork() => WaitUntil(() => Done() > 0, "a finished item");

    /// <summary>Items of the scoring that are done.</summary>
    private int Done() => Directory.Exists(winnow.At("run", "stages", "score", "done")) ? Directory.EnumerateFiles(winnow.At("run", "stages", "score", "done")).Count() : 0;

    private void WaitUntil(Func<bool> holds, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!holds())
        {
            if (Stopwatch.GetElapsedTime(start) > TimeSpan.FromMinutes(2)) Assert.Fail($"no {what} after two minutes\n{cluster.Ask("scontrol", "show", "job", "-o")}\n{string.Join('\n', Workers().Select(CommandLine))}");
            Thread.Sleep(50);
        }
    }

    /// <summary>A node that runs a task.</summary>
    private int NodeAtWork()
    {
        string nodes = cluster.Ask("squeue", "-h", "-t", "RUNNING", "-o", "%N");
        return nodes.Length > 0 ? nodes.Split('\n')[0][1] - '0' : 1;
    }

    /// <summary>The processes that work on this test's run.</summary>
    private int[] Workers() =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : 0)
            .Where(id => id > 0 && CommandLine(id) is { } line && line.Contains("worker\0" + winnow.At("run"), StringComparison.Ordinal)),
    ];

    /// <summary>The processes that have begun to look for items.</summary>
    private IEnumerable<int> AtWork() => Directory.EnumerateFiles(winnow.At("run", "stages", "score", "workers"), "*.json")
        .Select(file => Regex.Match(File.ReadAllText(file), "\"pid\":(\\d+)")).Where(pid => pid.Success).Select(pid => int.Parse(pid.Groups[1].Value, CultureInfo.InvariantCulture));

    private static string? CommandLine(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline");
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static string[] Score(params string[] more) => [.. Plain("run"), "--engine", "slurm", "--item-bytes", "4000", "--threads", "1", .. more];

    private static string[] Plain(string run) =>
        ["score", "corpus", "--model", Fixture, "--context", "64", "--metrics", "perplexity,memorization", "--prompt", "8", "--continuation", "8", "--out", run];

    private static Dictionary<string, byte[]> ScoreWhole()
    {
        using var winnow = new Winnow();
        WriteCorpus(winnow);
        Outcome whole = winnow.Run(Plain("whole"));
        Assert.True(whole.Exit == 0, whole.ToString());
        return Results(winnow.At("whole"));
    }

    private static void WriteCorpus(Winnow winnow)
    {
        winnow.Write("corpus/a.jsonl", SmallCorpus.Records(0, Documents));
        winnow.Write("corpus/b.jsonl.gz", SmallCorpus.Gzip(SmallCorpus.Records(Documents, Documents / 4)));
    }

    private static Dictionary<string, byte[]> Results(string run) =>
        Kinds.SelectMany(kind => Files(Path.Combine(run, kind)).Select(file => (Name: $"{kind}/{file.Key}", Bytes: file.Value))).ToDictionary(file => file.Name, file => file.Bytes);

    private static Dictionary<string, byte[]> Files(string directory) => Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetRelativePath(directory, path), File.ReadAllBytes);
}
