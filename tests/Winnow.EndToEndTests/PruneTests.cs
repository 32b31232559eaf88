using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Winnow.Tests;
using Xunit;

namespace Winnow.EndToEndTests;

/// <summary>A corpus of two files through score, select, export and prune.</summary>
public sealed class PruneTests
{
    private static readonly string Model = Fixtures.Root("e2e");

    [Fact]
    public void Kept_and_rejected_are_together_the_corpus_byte_for_byte_and_the_number_kept_is_exact()
    {
        using var winnow = new Winnow();
        string first = SmallCorpus.Records(0, 61), second = SmallCorpus.Records(61, 40);
        winnow.Write("corpus/a.jsonl", first);
        winnow.Write("corpus/deep/b.jsonl.gz", SmallCorpus.Gzip(second));
        Outcome pruned = winnow.Run("prune", "corpus", "--model", Model, "--context", "64", "--keep", "middle:50%", "--rejected", "rest", "--out", "out", "--json");
        Assert.True(pruned.Exit == 0, pruned.ToString());
        JsonElement answer = JsonDocument.Parse(pruned.Out).RootElement;
        Assert.Equal(51, answer.GetProperty("kept").GetProperty("units").GetInt64());
        Assert.Equal(101, answer.GetProperty("all").GetProperty("units").GetInt64());
        foreach ((string name, string text) in new[] { ("a.jsonl", first), ("deep/b.jsonl.gz", second) })
        {
            string[] records = Lines(Encoding.UTF8.GetBytes(text)), kept = Lines(winnow.At("out/pruned", name)), rest = Lines(winnow.At("rest", name));
            Assert.Equal(records.Order(StringComparer.Ordinal), kept.Concat(rest).Order(StringComparer.Ordinal));
            Assert.Equal(records.Where(kept.Contains), kept);
            Assert.Equal(records.Where(rest.Contains), rest);
        }
    }

    [Fact]
    public void One_two_and_five_threads_leave_the_same_files()
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 80));
        winnow.Write("b.jsonl", SmallCorpus.Records(80, 30));
        string[] directories = ["one", "two", "five"];
        foreach ((string directory, string threads) in directories.Zip(["1", "2", "5"]))
        {
            Outcome outcome = winnow.Run("prune", "a.jsonl", "b.jsonl", "--model", Model, "--context", "64", "--metrics", "perplexity,el2n,memorization", "--keep", "middle:30%", "--threads", threads, "--out", directory);
            Assert.True(outcome.Exit == 0, outcome.ToString());
        }
        Dictionary<string, string> one = Hashes(winnow.At("one"));
        Assert.Contains("run/scores/part-00000.parquet", one.Keys);
        Assert.Contains("pruned/a.jsonl", one.Keys);
        foreach (string other in directories[1..]) Assert.Equal(one, Hashes(winnow.At(other)));
    }

    [Fact]
    public void The_steps_one_by_one_give_what_prune_gives()
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 50));
        Assert.Equal(0, winnow.Run("prune", "a.jsonl", "--model", Model, "--context", "64", "--keep", "bottom:0.3", "--within", "source", "--out", "whole").Exit);
        Assert.Equal(0, winnow.Run("score", "a.jsonl", "--model", Model, "--context", "64", "--out", "run").Exit);
        Outcome selected = winnow.Run("select", "run", "--keep", "bottom:0.3", "--within", "source", "--out", "selection");
        Assert.True(selected.Exit == 0, selected.ToString());
        Outcome exported = winnow.Run("export", "run", "--selection", "selection", "--out", "pruned");
        Assert.True(exported.Exit == 0, exported.ToString());
        Assert.Equal(File.ReadAllBytes(winnow.At("whole/pruned/a.jsonl")), File.ReadAllBytes(winnow.At("pruned/a.jsonl")));
        Assert.Equal(File.ReadAllBytes(winnow.At("whole/run/scores/part-00000.parquet")), File.ReadAllBytes(winnow.At("run/scores/part-00000.parquet")));
    }

    [Fact]
    public void What_select_prints_is_the_golden_text()
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 50));
        Assert.Equal(0, winnow.Run("score", "a.jsonl", "--model", Model, "--context", "64", "--out", "run").Exit);
        Outcome selected = winnow.Run("select", "run", "--keep", "middle:50%", "--within", "source", "--out", "selection");
        Golden.Matches("select.txt", selected.Out + selected.Error);
        Assert.Contains("nothing is kept", winnow.Run("select", "run", "--keep", "bottom:10%", "--keep", "top:10%", "--dry-run").Error, StringComparison.Ordinal);
        Outcome scores = winnow.Run("scores", "run", "--format", "csv");
        string[] lines = scores.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(51, lines.Length);
        Assert.StartsWith("shard,row,id,source,bytes,tokens,nll,perplexity,bits_per_byte,el2n,memorization", lines[0], StringComparison.Ordinal);
        Golden.Matches("scores.txt", string.Join('\n', lines[1..].Select(l => string.Join(' ', l.Split(',')[1..6]))) + "\n");
    }

    [Fact]
    public void A_finished_pruning_asked_for_again_does_nothing_and_an_other_one_is_refused()
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 30));
        string[] command = ["prune", "a.jsonl", "--model", Model, "--context", "64", "--out", "out"];
        Assert.Equal(0, winnow.Run(command).Exit);
        Dictionary<string, string> before = Hashes(winnow.At("out"));
        Outcome again = winnow.Run(command);
        Assert.True(again.Exit == 0, again.ToString());
        Assert.Equal(before, Hashes(winnow.At("out")));
        Outcome other = winnow.Run([.. command, "--keep", "top:10%"]);
        Assert.True(other.Exit == 2 && other.Error.Contains("another selection", StringComparison.Ordinal), other.ToString());
        Outcome changed = winnow.Run("prune", "a.jsonl", "--model", Model, "--context", "32", "--out", "out");
        Assert.True(changed.Exit == 2 && changed.Error.Contains("context", StringComparison.Ordinal), changed.ToString());
        Assert.Equal(before, Hashes(winnow.At("out")));
    }

    [Fact]
    public void References_made_here_prune_resume_and_report()
    {
        using var winnow = new Winnow();
        winnow.Write("corpus.jsonl", SmallCorpus.Records(0, 900));
        string[] command = ["prune", "corpus.jsonl", "--reference-tokens", "20k", "--vocab", "400", "--seed", "3", "--rejected", "rest", "--out"];
        Outcome first = winnow.Run([.. command, "out"]);
        Assert.True(first.Exit == 0, first.ToString());
        Assert.Contains("next: winnow train", first.Error, StringComparison.Ordinal);
        int kept = Lines(winnow.At("out/pruned/corpus.jsonl")).Length, rest = Lines(winnow.At("rest/corpus.jsonl")).Length;
        Assert.Equal(900, kept + rest);
        Assert.InRange(kept, 449, 451);
        string report = File.ReadAllText(winnow.At("out/report.html"));
        Assert.Contains("second reference", report, StringComparison.Ordinal);
        Assert.Contains("How the reference learned", report, StringComparison.Ordinal);
        Assert.Contains("Around the lower cut", report, StringComparison.Ordinal);
        Assert.Contains("百科", report, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"<(script|link|img|iframe)\b", report);
        Outcome resumed = winnow.Run("prune", "corpus.jsonl", "--reference-tokens", "20k", "--vocab", "400", "--seed", "3", "--threads", "1", "--out", "again");
        Assert.True(resumed.Exit == 0, resumed.ToString());
        Assert.Equal(File.ReadAllBytes(winnow.At("out/pruned/corpus.jsonl")), File.ReadAllBytes(winnow.At("again/pruned/corpus.jsonl")));
    }

    [Fact]
    public void A_dry_run_writes_nothing()
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 300));
        foreach (string[] command in new string[][]
        {
            ["prune", "a.jsonl", "--model", Model, "--context", "64", "--out", "out", "--dry-run"], ["prune", "a.jsonl", "--out", "out", "--dry-run"],
            ["score", "a.jsonl", "--model", Model, "--context", "64", "--out", "out", "--dry-run"], ["train", "a.jsonl", "--out", "out", "--dry-run"],
            ["tokenizer", "train", "a.jsonl", "--vocab", "300", "--out", "out", "--dry-run"],
        })
        {
            Outcome dry = winnow.Run(command);
            Assert.True(dry.Exit == 0 && dry.Out.Contains("would write", StringComparison.Ordinal), dry.ToString());
            Assert.Equal([winnow.At("a.jsonl")], Directory.EnumerateFileSystemEntries(winnow.Home));
        }
    }

    [Fact]
    public void Documents_come_from_standard_input_too()
    {
        using var winnow = new Winnow();
        Outcome scored = winnow.RunWith(SmallCorpus.Utf8(SmallCorpus.Records(0, 12)), "score", "-", "--model", Model, "--context", "64", "--out", "run");
        Assert.True(scored.Exit == 0, scored.ToString());
        Assert.Equal(12, winnow.Run("scores", "run").Out.Count(c => c == '\n'));
    }

    private static string[] Lines(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        if (!path.EndsWith(".gz", StringComparison.Ordinal)) return Lines(bytes);
        using var gzip = new System.IO.Compression.GZipStream(new MemoryStream(bytes), System.IO.Compression.CompressionMode.Decompress);
        using var text = new MemoryStream();
        gzip.CopyTo(text);
        return Lines(text.ToArray());
    }

    private static string[] Lines(byte[] text) => [.. Encoding.UTF8.GetString(text).Split('\n')[..^1]];

    // Everything that the result is; manifests, logs and the report hold times and the machine's description.
    private static Dictionary<string, string> Hashes(string directory) => Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(directory, f).Replace('\\', '/'))
        .Where(f => f.StartsWith("pruned/", StringComparison.Ordinal) || f.StartsWith("selection/", StringComparison.Ordinal) || f.StartsWith("run/scores/", StringComparison.Ordinal) || f.StartsWith("run/completions/", StringComparison.Ordinal))
        .ToDictionary(f => f, f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(directory, f)))));
}
