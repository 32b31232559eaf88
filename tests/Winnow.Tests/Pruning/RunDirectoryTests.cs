using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Kernels;
using Winnow.Pruning;
using Winnow.Pruning.Scoring;
using Xunit;

namespace Winnow.Tests.Pruning;

public sealed class RunDirectoryTests
{
    [Fact]
    public void The_same_run_goes_on()
    {
        using TemporaryDirectory directory = new();
        using (RunDirectory run = RunDirectory.Open(directory["run"], Manifest()))
        {
            run.Write(run.Manifest with { Cost = new CostLedger { Attempts = 1, Tokens = 5 } });
        }

        using RunDirectory again = RunDirectory.Open(directory["run"], Manifest());
        Assert.Equal(5, again.Manifest.Cost.Tokens);
    }

    [Fact]
    public void What_changed_is_named()
    {
        using TemporaryDirectory directory = new();
        RunDirectory.Open(directory["run"], Manifest()).Dispose();
        RunManifest other = Manifest() with
        {
            Options = new ScoringOptions { Window = new WindowRule(WindowKind.Truncate) },
            Models = [new RunModel("m", "ffff", 1, 64, 340)],
            Precision = Precision.BF16,
            Inputs = [new RunInput(0, "a.jsonl", "a.jsonl", 11, "other")],
            Corpus = JsonSerializer.SerializeToElement(new CorpusOptions { TextField = "body" }, RunManifest.Json),
        };
        CorpusException refused = Assert.Throws<CorpusException>(() => RunDirectory.Open(directory["run"], other));
        Assert.Contains("option `window` was \"disjoint\", now \"truncate\"", refused.Message, StringComparison.Ordinal);
        Assert.Contains("corpus option `text_field` was null, now \"body\"", refused.Message, StringComparison.Ordinal);
        Assert.Contains("the precision was f32, now bf16", refused.Message, StringComparison.Ordinal);
        Assert.Contains("the models changed", refused.Message, StringComparison.Ordinal);
        Assert.Contains("the input `a.jsonl` changed", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--restart", refused.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Restart_throws_the_scores_away_and_nothing_else()
    {
        using TemporaryDirectory directory = new();
        RunDirectory.Open(directory["run"], Manifest()).Dispose();
        Directory.CreateDirectory(directory["run/scores"]);
        File.WriteAllText(directory["run/scores/part-00000.parquet"], "old");
        File.WriteAllText(directory["run/notes.txt"], "mine");
        using RunDirectory run = RunDirectory.Open(directory["run"], Manifest(), restart: true);
        Assert.False(File.Exists(directory["run/scores/part-00000.parquet"]));
        Assert.True(File.Exists(directory["run/notes.txt"]));
    }

    [Fact]
    public void A_directory_that_holds_something_else_is_refused_without_force()
    {
        using TemporaryDirectory directory = new();
        Directory.CreateDirectory(directory["run"]);
        File.WriteAllText(directory["run/precious.txt"], "mine");
        CorpusException refused = Assert.Throws<CorpusException>(() => RunDirectory.Open(directory["run"], Manifest()));
        Assert.Contains("not empty", refused.Message, StringComparison.Ordinal);
        Assert.Contains("--force", refused.Hint, StringComparison.Ordinal);
        RunDirectory.Open(directory["run"], Manifest(), force: true).Dispose();
        Assert.True(File.Exists(directory["run/precious.txt"]));
    }

    [Fact]
    public void Two_processes_do_not_write_one_run()
    {
        using TemporaryDirectory directory = new();
        using RunDirectory run = RunDirectory.Open(directory["run"], Manifest());
        CorpusException refused = Assert.Throws<CorpusException>(() => RunDirectory.Open(directory["run"], Manifest()));
        Assert.Contains("cannot be locked", refused.Message, StringComparison.Ordinal);
        Assert.Single(Directory.EnumerateFiles(directory["run"], "manifest.json"));
    }

    [Fact]
    public void An_unfinished_run_is_no_score_table()
    {
        using TemporaryDirectory directory = new();
        RunDirectory.Open(directory["run"], Manifest()).Dispose();
        CorpusException refused = Assert.Throws<CorpusException>(() => ScoreTable.Open(directory["run"]));
        Assert.Contains("not complete", refused.Message, StringComparison.Ordinal);
    }

    internal static RunManifest Manifest() => new()
    {
        Winnow = "0.1.0",
        State = RunState.Running,
        Started = DateTimeOffset.UnixEpoch,
        Options = new ScoringOptions(),
        Corpus = JsonSerializer.SerializeToElement(new CorpusOptions(), RunManifest.Json),
        Context = 64,
        BosIds = [],
        Models = [new RunModel("m", "abcd", 1, 64, 340)],
        Tokenizer = new RunTokenizer("byte-level BPE", "1234", 340),
        Inputs = [new RunInput(0, "a.jsonl", "a.jsonl", 10, "beef")],
        Machine = new RunMachine("cpu", 2, "reference", "linux", "net"),
    };
}
