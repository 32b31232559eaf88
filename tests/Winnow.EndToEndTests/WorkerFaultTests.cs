using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Winnow.Tests;
using Xunit;

namespace Winnow.EndToEndTests;

/// <summary>Workers of one run killed, stopped, doubled and halved: the files are those of one process that nobody disturbed.</summary>
public sealed class WorkerFaultTests
{
    private const int Documents = 500, Kills = 20;
    private static readonly string Fixture = Fixtures.Root("e2e");
    private static readonly string[] Kinds = ["scores", "completions"];

    [Fact]
    public void Twenty_killed_workers_and_changing_numbers_of_them_leave_the_files_of_one_process()
    {
        using var winnow = new Winnow();
        Outcome whole = Score(winnow, "whole");
        Assert.True(whole.Exit == 0, whole.ToString());
        Outcome planned = Score(winnow, "run", "--engine", "hand", "--item-bytes", "6000");
        Assert.True(planned.Exit == 0, planned.ToString());
        Assert.Contains("winnow worker", planned.Error, StringComparison.Ordinal);

        var random = new Random(7);
        int unfinished = 0;
        List<Process> workers = [];
        for (int kill = 0; kill < Kills; kill++)
        {
            // Two, then four, then one at a time; every fifth is asked to stop, the others die at once.
            int wanted = kill < 8 ? 2 : kill < 14 ? 4 : 1;
            while (workers.Count < wanted) workers.Add(Worker(winnow, "score", workers.Count));
            // About the time a worker takes to begin: of a quiet machine's work most must be left when the last one is killed.
            Thread.Sleep(random.Next(100, 300));
            Process victim = workers[random.Next(workers.Count)];
            workers.Remove(victim);
            if (!victim.HasExited) unfinished++;
            if (kill % 5 == 4) Process.Start("kill", ["-USR1", victim.Id.ToString(CultureInfo.InvariantCulture)])!.WaitForExit();
            else victim.Kill();
            victim.WaitForExit();
            // 138: the signal came before the program could take it.
            Assert.True(victim.ExitCode is 0 or 75 or 137 or 138, $"exit {victim.ExitCode}");
            victim.Dispose();
        }

        workers.ForEach(worker => worker.Kill());
        workers.ForEach(worker => worker.WaitForExit());
        Assert.True(unfinished >= Kills / 2, $"only {unfinished} of {Kills} kills found a worker at work");
        Outcome last = Score(winnow, "run", "--tasks", "3");
        Assert.True(last.Exit == 0, last.ToString());
        Assert.Equal(Results(winnow.At("whole")), Results(winnow.At("run")));
    }

    [Fact]
    public void A_cancelled_run_is_resumed_by_workers_and_ends_with_the_files_of_one_process()
    {
        using var winnow = new Winnow();
        Assert.Equal(0, Score(winnow, "whole").Exit);
        Assert.Equal(0, Score(winnow, "run", "--engine", "hand", "--item-bytes", "6000").Exit);
        using (Process worker = Worker(winnow, "score", 0))
        {
            while (!worker.HasExited && !Directory.EnumerateFiles(winnow.At("run", "stages", "score", "done")).Any()) Thread.Sleep(5);
            Outcome status = winnow.Run("run", "status", "run");
            Assert.True(status.Exit == 0 && status.Out.Contains("score", StringComparison.Ordinal), status.ToString());
            Outcome cancelled = winnow.Run("run", "cancel", "run");
            Assert.True(cancelled.Exit == 0, cancelled.ToString());
            worker.WaitForExit();
            Assert.True(worker.ExitCode is 130 or 0, $"exit {worker.ExitCode}");
        }

        Outcome last = Score(winnow, "run", "--tasks", "2");
        Assert.True(last.Exit == 0, last.ToString());
        Assert.Equal(Results(winnow.At("whole")), Results(winnow.At("run")));
        Outcome done = winnow.Run("run", "status", "run", "--json");
        Assert.True(done.Exit == 0 && done.Out.Contains("\"complete\": true", StringComparison.Ordinal), done.ToString());
    }

    [Fact]
    public void A_folder_that_is_away_for_a_while_is_waited_for()
    {
        using var winnow = new Winnow();
        Assert.Equal(0, Score(winnow, "whole").Exit);
        Assert.Equal(0, Score(winnow, "run", "--engine", "hand", "--item-bytes", "6000").Exit);
        using Process first = Worker(winnow, "score", 0), second = Worker(winnow, "score", 1);
        WaitForItem(winnow.At("run"), workers: 2);
        Directory.Move(winnow.At("run"), winnow.At("away"));
        Assert.True(Open(winnow.At("away")) > 0, "the workers were done before the folder was away");
        Thread.Sleep(3000);
        Assert.False(Directory.Exists(winnow.At("run")), "the workers made the folder anew");
        Directory.Move(winnow.At("away"), winnow.At("run"));
        foreach (Process worker in new[] { first, second })
        {
            Outcome outcome = Winnow.Finish(worker);
            Assert.True(outcome.Exit == 0, outcome.ToString());
        }

        Assert.Equal(0, Score(winnow, "run", "--tasks", "1").Exit);
        Assert.Equal(Results(winnow.At("whole")), Results(winnow.At("run")));
    }

    [Fact]
    public void A_full_disk_is_waited_for_and_named_where_a_worker_cannot_begin()
    {
        using var winnow = new Winnow();
        string disk = Directory.CreateDirectory(winnow.At("disk")).FullName, run = Path.Combine("disk", "run"), filler = Path.Combine(disk, "filler");
        Outcome mounted = Execute("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk);
        Assert.SkipWhen(mounted.Exit != 0, $"no small file system can be mounted here: {mounted.Error.Trim()}");
        try
        {
            Assert.Equal(0, Score(winnow, "whole").Exit);
            Assert.Equal(0, Score(winnow, run, "--engine", "hand", "--item-bytes", "6000").Exit);
            using (Process atWork = Worker(winnow, "score", 0, run))
            {
                WaitForItem(winnow.At(run));
                Assert.Throws<IOException>(() => File.WriteAllBytes(filler, new byte[8 << 20]));
                Assert.True(Open(winnow.At(run)) > 0, "the worker was done before the disk was full");
                using (Process late = Worker(winnow, "score", 1, run))
                {
                    Outcome refused = Winnow.Finish(late);
                    Assert.True(refused.Exit == 2 && refused.Error.Contains("no space left", StringComparison.Ordinal) && refused.Error.Contains("hint: ", StringComparison.Ordinal), refused.ToString());
                }

                File.Delete(filler);
                Outcome outcome = Winnow.Finish(atWork);
                Assert.True(outcome.Exit == 0, outcome.ToString());
            }

            Outcome last = Score(winnow, run, "--tasks", "1");
            Assert.True(last.Exit == 0, last.ToString());
            Assert.Equal(Results(winnow.At("whole")), Results(winnow.At(run)));
        }
        finally
        {
            Execute("umount", "-l", disk);
        }
    }

    /// <summary>Waits until an item is done, and this many workers have begun.</summary>
    private static void WaitForItem(string run, int workers = 1)
    {
        while (Count("done") == 0 || Count("logs") < workers) Thread.Sleep(5);

        int Count(string folder) => Directory.EnumerateFiles(Path.Combine(run, "stages", "score", folder)).Count();
    }

    /// <summary>Items that are not done.</summary>
    private static int Open(string run) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(run, "stages", "score", "items.json"))).RootElement.GetProperty("items").GetArrayLength()
        - Directory.EnumerateFiles(Path.Combine(run, "stages", "score", "done")).Count();

    private static Outcome Execute(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        return Winnow.Finish(process);
    }

    [Theory]
    [InlineData("--tasks", "2")]
    [InlineData("--threads", "1")]
    public void A_failure_is_explained_with_its_log_and_tried_again(string option, string value)
    {
        using var winnow = new Winnow();
        winnow.Write("corpus/a.jsonl", SmallCorpus.Records(0, 40) + "not json\n");
        Outcome failed = winnow.Run("score", "corpus", "--model", Fixture, "--out", "run", option, value);
        Assert.True(failed.Exit == 2 && failed.Error.Contains("--max-bad-records", StringComparison.Ordinal), failed.ToString());
        Outcome status = winnow.Run("run", "status", "run");
        Assert.True(status.Exit == 1, status.ToString());
        Assert.Contains("score, item 0 (file 0): ", status.Error, StringComparison.Ordinal);
        Assert.Contains("a.jsonl:41", status.Error, StringComparison.Ordinal);
        Assert.Contains("hint: ", status.Error, StringComparison.Ordinal);
        Assert.Contains("failed: ", winnow.Run("run", "logs", "run").Out, StringComparison.Ordinal);
        Outcome retry = winnow.Run("run", "retry", "run");
        Assert.True(retry.Exit == 0 && retry.Error.Contains("1 failed items are open again", StringComparison.Ordinal), retry.ToString());
        Assert.Equal(0, winnow.Run("run", "status", "run").Exit);
    }

    private static Process Worker(Winnow winnow, string stage, int task, string run = "run")
    {
        Process process = winnow.Start("worker", run, "--stage", stage, "--task", task.ToString(CultureInfo.InvariantCulture), "--threads", "1");
        process.StandardInput.Close();
        return process;
    }

    private static Outcome Score(Winnow winnow, string run, params string[] more)
    {
        if (!Directory.Exists(winnow.At("corpus")))
        {
            winnow.Write("corpus/a.jsonl", SmallCorpus.Records(0, Documents));
            winnow.Write("corpus/b.jsonl.gz", SmallCorpus.Gzip(SmallCorpus.Records(Documents, Documents / 4)));
        }

        return winnow.Run(["score", "corpus", "--model", Fixture, "--context", "64", "--metrics", "perplexity,memorization", "--prompt", "8", "--continuation", "8", "--out", run, .. more]);
    }

    private static Dictionary<string, byte[]> Results(string run) => Kinds
        .SelectMany(kind => Directory.EnumerateFiles(Path.Combine(run, kind)))
        .ToDictionary(path => Path.GetRelativePath(run, path), File.ReadAllBytes);
}
