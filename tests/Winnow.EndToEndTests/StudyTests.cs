using System.Diagnostics;
using Xunit;

namespace Winnow.EndToEndTests;

/// <summary>A study through the built command: killed anywhere, refused where its input is wrong.</summary>
public sealed class StudyTests
{
    private const int Kills = 8;

    internal const string Recipe = """
        name: small
        context: 32
        data: {train: [corpus.jsonl], hold_out: 10%, reference_share: 20%}
        tokenizer: {vocabulary: 320}
        models:
          nano: {layers: 1, width: 32, heads: 2}
        references:
          own: {model: nano, tokens: 40k, batch_tokens: 512, lr: 0.005, checkpoints: [50%, 100%], metrics: [perplexity, el2n]}
        metrics: [perplexity, el2n]
        bands: [bottom, middle]
        fractions: [50%]
        seeds: 2
        training:
          nano: {model: nano, tokens: 30k, batch_tokens: 512, lr: 0.005}
        evaluation: {resamples: 200}
        """;

    // Times, and what names them, are the only things in which two runs of a study may differ.
    private static readonly HashSet<string> Timed = ["trained.json", "training.json", "training_state.json", "training_log.jsonl", "manifest.json"];

    [Fact]
    public async Task A_study_killed_at_random_moments_ends_with_the_files_of_one_that_was_not()
    {
        using var winnow = new Winnow();
        winnow.Write("corpus.jsonl", SmallCorpus.Records(0, 700));
        winnow.Write("small.yaml", Recipe);
        long began = Stopwatch.GetTimestamp();
        Outcome whole = winnow.Run("study", "small.yaml", "--out", "whole");
        Assert.True(whole.Exit == 0, whole.ToString());
        double usual = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        Dictionary<string, byte[]> expected = Files(winnow.At("whole"));
        Assert.Contains("results.csv", expected.Keys);

        var random = new Random(3);
        int study = 0, unfinished = 0;
        for (int kill = 0; kill < Kills; kill++)
        {
            string name = $"study-{study}";
            using Process process = winnow.Start(["study", "small.yaml", "--out", name, "--jobs", kill % 2 == 0 ? "1" : "2"]);
            process.StandardInput.Close();
            Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
            bool ended = process.WaitForExit((int)(usual * (0.1 + (0.3 * random.NextDouble()))));
            if (!ended) process.Kill();     // SIGKILL: no handler runs, nothing is flushed, the lock is not given back
            process.WaitForExit();
            await Task.WhenAll(output, error);
            if (ended)
            {
                Assert.True(process.ExitCode == 0, $"exit {process.ExitCode}: {await error}");
                Compare(expected, Files(winnow.At(name)));
                study++;
            }
            else
            {
                unfinished++;
            }
        }

        // Without `--resume`: the last kill may have come before the study was begun.
        Outcome last = winnow.Run("study", "small.yaml", "--out", $"study-{study}", "--threads", "1");
        Assert.True(last.Exit == 0, last.ToString());
        Compare(expected, Files(winnow.At($"study-{study}")));
        Outcome reported = winnow.Run("report", $"study-{study}", "-o", "so-far.html");
        Assert.True(reported.Exit == 0, reported.ToString());
        Assert.Contains("el2n, reference own@50%", File.ReadAllText(winnow.At("so-far.html")), StringComparison.Ordinal);
        Assert.True(unfinished >= Kills / 2, $"only {unfinished} of {Kills} kills found the study unfinished");
    }

    internal static void Compare(Dictionary<string, byte[]> expected, Dictionary<string, byte[]> found)
    {
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected, file => Assert.True(file.Value.AsSpan().SequenceEqual(found[file.Key]), $"{file.Key} differs"));
    }

    internal static Dictionary<string, byte[]> Files(string study) => Directory.EnumerateFiles(study, "*", SearchOption.AllDirectories)
        .Where(file => !Timed.Contains(Path.GetFileName(file)) && Path.GetFileName(file) is not ("report.html" or "lock") && !file.Contains(".work", StringComparison.Ordinal) && !file.Contains("/run/stages/", StringComparison.Ordinal) && !file.StartsWith(Path.Combine(study, "stages"), StringComparison.Ordinal))
        .ToDictionary(file => Path.GetRelativePath(study, file), File.ReadAllBytes);

    /// <summary>What is changed in a good study, and what the error must name.</summary>
    public static TheoryData<string, string, string, string, string> Wrong => new()
    {
        { "seeds: 2", "sedes: 2", "small.yaml:12: unknown key `sedes`", "did you mean `seeds`?", "" },
        { "fractions: [50%]", "fractions: [150%]", "small.yaml:11: `fractions`: 150% is outside [0, 1]", "", "" },
        { "nano: {layers: 1, width: 32, heads: 2}", "nano: {layers: 900, width: 32768, heads: 2}", "memory: the largest step needs about 1", "use smaller models, or a larger machine", "" },
        { "tokens: 30k, batch_tokens: 512", "tokens: 4M, batch_tokens: 1M", "step train/nano/", "use more text, a smaller `batch_tokens` or a larger fraction", "sequences are kept, less than one batch of 31250" },
        { "hold_out: 10%, reference_share: 20%", "reference_share: 20%, test: {copy: [copy.jsonl]}", "the training corpus: nothing is left", "give more text, or smaller shares", "test set" },
        { "hold_out: 10%, reference_share: 20%", "reference_share: 20%, test: {own: [copy.jsonl]}", "small.yaml:3: `data.test`: `own` is the name of the held-out part of the training corpus", "", "" },
        { "[corpus.jsonl]", "[nowhere.jsonl]", "nowhere.jsonl", "", "" },
        { "hold_out: 10%, reference_share: 20%", "reference_share: 20%, test: {all: ['*.jsonl']}", "test set `all`: ", "use `hold_out` to split one corpus", "corpus.jsonl is a training input too" },
        { "{resamples: 200}", "{resamples: 200, glue: {data: nowhere, tasks: [RTE]}}", "nowhere: no train and dev set of `RTE`", "`evaluation.glue.data`", "" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void A_wrong_study_is_refused_with_its_place(string right, string wrong, string error, string hint, string also)
    {
        using var winnow = new Winnow();
        winnow.Write("corpus.jsonl", SmallCorpus.Records(0, 120));
        winnow.Write("copy.jsonl", SmallCorpus.Records(0, 120));
        Assert.Contains(right, Recipe, StringComparison.Ordinal);
        winnow.Write("small.yaml", Recipe.Replace(right, wrong, StringComparison.Ordinal));
        Outcome outcome = winnow.Run("study", "small.yaml", "--out", "study");
        Assert.True(outcome.Exit == 2, outcome.ToString());
        foreach (string part in new[] { "error: ", error, hint, also }) Assert.Contains(part, outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
        Assert.Equal("", outcome.Out);
    }

    [Fact]
    public async Task A_directory_of_another_study_and_one_in_use_are_refused_and_a_crash_leaves_no_lock()
    {
        using var winnow = new Winnow();
        winnow.Write("corpus.jsonl", SmallCorpus.Records(0, 300));
        winnow.Write("small.yaml", Recipe);
        winnow.Write("other.yaml", Recipe.Replace("name: small", "name: other", StringComparison.Ordinal));
        winnow.Write("full/precious.txt", "mine");
        using Process process = winnow.Start("study", "small.yaml", "--out", "study");
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        while (!process.HasExited && !File.Exists(winnow.At("study/study.json"))) Thread.Yield();
        Refused("another run is at work here", "small.yaml", "study");
        process.Kill();
        process.WaitForExit();
        await Task.WhenAll(output, error);
        Assert.True(File.Exists(winnow.At("study/lock")));
        Refused("holds the study `small`, this recipe is `other`", "other.yaml", "study");
        Refused("is not empty and holds no study", "small.yaml", "full");
        Assert.Equal("mine", File.ReadAllText(winnow.At("full/precious.txt")));
        Outcome after = winnow.Run("study", "small.yaml", "--out", "study");
        Assert.True(after.Exit == 0, after.ToString());

        void Refused(string why, string recipe, string directory)
        {
            Outcome outcome = winnow.Run("study", recipe, "--out", directory);
            Assert.True(outcome.Exit == 2 && outcome.Error.StartsWith($"error: {directory}: {why}", StringComparison.Ordinal), outcome.ToString());
        }
    }
}
