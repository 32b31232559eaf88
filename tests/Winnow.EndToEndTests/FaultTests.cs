using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Winnow.Tests;
using Xunit;

namespace Winnow.EndToEndTests;

/// <summary>Scoring killed at any moment, through the built command: nothing is lost, nothing is done twice, nothing is mixed.</summary>
public sealed class FaultTests
{
    private const int Shards = 8, DocumentsPerShard = 150, Kills = 50;
    private static readonly string Fixture = Fixtures.Root("e2e");
    private static readonly string[] Kinds = ["scores", "completions"];

    [Fact]
    public async Task A_run_killed_at_50_random_moments_ends_with_the_files_of_one_that_was_not()
    {
        using var winnow = new Winnow();
        WriteCorpus(winnow);
        long began = Stopwatch.GetTimestamp();
        Outcome whole = winnow.Run(Command("whole", 2));
        Assert.True(whole.Exit == 0, whole.ToString());
        double usual = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        Dictionary<string, byte[]> expected = Results(winnow.At("whole"));
        Assert.Equal(2 * Shards, expected.Count);

        // A run that finishes between two kills is compared, and the next kills hit a new one.
        var random = new Random(20);
        int run = 0, unfinished = 0, resumed = 0;
        for (int kill = 0; kill < Kills; kill++)
        {
            string name = $"run-{run}";
            bool durable = Exists(winnow, name, "completions") || Exists(winnow, name, "progress");
            using Process process = winnow.Start(Command(name, 1 + (kill % 3)));
            process.StandardInput.Close();
            Task<string> said = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            bool ended = process.WaitForExit((int)(usual * (0.15 + (0.65 * random.NextDouble()))));
            bool asked = kill % 5 == 4;
            if (!ended && asked) Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)])!.WaitForExit();
            if (!ended && !asked) process.Kill();
            process.WaitForExit();
            string error = await said;
            if (IsComplete(winnow, name))
            {
                Assert.Equal(expected, Results(winnow.At(name)));
                run++;
                continue;
            }
            Assert.True(!ended && process.ExitCode != 0, $"exit {process.ExitCode}, not complete: {error}");
            unfinished++;
            if (durable) resumed++;
        }
        Outcome last = winnow.Run(Command($"run-{run}", 2));
        Assert.True(last.Exit == 0, last.ToString());
        Assert.Equal(expected, Results(winnow.At($"run-{run}")));
        Assert.False(Directory.Exists(winnow.At($"run-{run}", "progress")));
        Assert.InRange(Cost(winnow, $"run-{run}").GetProperty("units").GetInt64(), 0, Shards * DocumentsPerShard);
        TestContext.Current.SendDiagnosticMessage("{0} of {1} kills found the work unfinished, {2} of them work that an earlier kill had left; {3:0} ms without", unfinished, Kills, resumed, usual);
        Assert.True(unfinished > Kills / 2 && resumed >= Kills / 10, $"{unfinished} of {Kills} kills found the work unfinished, {resumed} of them work that an earlier kill had left");
    }

    [Fact]
    public void An_unfinished_run_goes_on_with_nothing_else_than_what_it_began_with()
    {
        using var winnow = new Winnow();
        WriteCorpus(winnow);
        Directory.CreateDirectory(winnow.At("model"));
        foreach (string file in Directory.EnumerateFiles(Fixture)) File.Copy(file, winnow.At("model", Path.GetFileName(file)));
        string[] command = [.. Command("run", 1)];
        command[Array.IndexOf(command, Fixture)] = "model";
        using (Process process = winnow.Start(command))
        {
            process.StandardInput.Close();
            while (!process.HasExited && !Exists(winnow, "run", "completions")) Thread.Sleep(2);
            process.Kill();
            process.WaitForExit();
        }
        Assert.False(IsComplete(winnow, "run"));
        Dictionary<string, byte[]> before = Results(winnow.At("run"));
        Assert.NotEmpty(before);

        Refused("option `window`", [.. command, "--window", "truncate"]);
        byte[] weights = File.ReadAllBytes(winnow.At("model", "model.safetensors"));
        weights[^2] ^= 1;
        winnow.Write("model/model.safetensors", weights);
        Refused("the models changed", command);
        weights[^2] ^= 1;
        winnow.Write("model/model.safetensors", weights);
        string input = winnow.At("corpus", "3.jsonl"), text = File.ReadAllText(input);
        File.WriteAllText(input, text + SmallCorpus.Record(5000));
        Refused("3.jsonl` changed", command);

        Outcome restarted = winnow.Run([.. command, "--restart"]);
        Assert.True(restarted.Exit == 0, restarted.ToString());
        Assert.Equal((Shards * DocumentsPerShard) + 1, Cost(winnow, "run").GetProperty("units").GetInt64());

        void Refused(string what, string[] changed)
        {
            Outcome outcome = winnow.Run(changed);
            Assert.True(outcome.Exit == 2 && outcome.Error.Contains(what, StringComparison.Ordinal) && outcome.Error.Contains("--restart", StringComparison.Ordinal), outcome.ToString());
            Assert.Equal(before, Results(winnow.At("run")));
        }
    }

    private static void WriteCorpus(Winnow winnow)
    {
        for (int shard = 0; shard < Shards; shard++) winnow.Write($"corpus/{shard}.jsonl", SmallCorpus.Records(shard * DocumentsPerShard, DocumentsPerShard));
    }

    private static string[] Command(string run, int threads) =>
        ["score", "corpus", "--model", Fixture, "--context", "64", "--metrics", "perplexity,el2n,memorization", "--prompt", "8", "--continuation", "8", "--threads", threads.ToString(CultureInfo.InvariantCulture), "--out", run];

    private static bool Exists(Winnow winnow, string run, string kind) =>
        Directory.Exists(winnow.At(run, kind)) && Directory.EnumerateFiles(winnow.At(run, kind)).Any();

    private static bool IsComplete(Winnow winnow, string run) =>
        File.Exists(winnow.At(run, "manifest.json")) && Manifest(winnow, run).GetProperty("state").GetString() == "complete";

    private static JsonElement Cost(Winnow winnow, string run) => Manifest(winnow, run).GetProperty("cost");

    private static JsonElement Manifest(Winnow winnow, string run) => JsonDocument.Parse(File.ReadAllBytes(winnow.At(run, "manifest.json"))).RootElement;

    // The scores and the markers of finished parts; times stand in the manifest only. What was half written has another name.
    private static Dictionary<string, byte[]> Results(string run) => Kinds
        .SelectMany(kind => Directory.EnumerateFiles(Path.Combine(run, kind), "part-?????.*"))
        .ToDictionary(path => Path.GetRelativePath(run, path), File.ReadAllBytes);
}
