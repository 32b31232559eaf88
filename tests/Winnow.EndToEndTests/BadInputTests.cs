using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Winnow.Tests;
using Xunit;

namespace Winnow.EndToEndTests;

/// <summary>Every kind of wrong input: exit 2, the place, what was found, what to do, no stack trace, and nothing lost.</summary>
public sealed class BadInputTests
{
    private static readonly string Model = Fixtures.Root("e2e");

    /// <summary>A file of the corpus, its bytes, and what the error must name: place, what was found.</summary>
    public static TheoryData<string, byte[], string, string> Corpora => new()
    {
        { "not-json.jsonl", SmallCorpus.Utf8(SmallCorpus.Records(0, 3) + "this is no JSON\n" + SmallCorpus.Records(3, 1)), "not-json.jsonl:4", "JSON" },
        { "no-text.jsonl", SmallCorpus.Utf8(SmallCorpus.Records(0, 1) + "{\"id\": \"x\", \"body\": \"t\"}\n"), "no-text.jsonl:2", "`text`" },
        { "number.jsonl", SmallCorpus.Utf8("{\"id\": \"x\", \"text\": 5}\n"), "number.jsonl:1", "`text`" },
        { "empty.jsonl", [], "empty.jsonl", "empty" },
        { "blank.jsonl", SmallCorpus.Utf8("\n\n"), "blank.jsonl", "empty" },
        { "latin.jsonl", [.. SmallCorpus.Utf8("{\"id\": \"x\", \"text\": \"caf"), 0xe9, .. SmallCorpus.Utf8("\"}\n")], "latin.jsonl:1", "UTF-8" },
        { "latin.txt", [0x63, 0x61, 0x66, 0xe9, 0x20, 0x21], "latin.txt", "UTF-8" },
        { "cut.jsonl.gz", SmallCorpus.Gzip(SmallCorpus.Records(0, 200))[..^40], "cut.jsonl.gz", "" },
        { "cut.jsonl.zst", [0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x11], "cut.jsonl.zst", "" },
    };

    [Theory]
    [MemberData(nameof(Corpora))]
    public void A_bad_corpus_is_refused_with_its_place(string name, byte[] bytes, string place, string found)
    {
        using var winnow = new Winnow();
        winnow.Write(name, bytes);
        AssertRefused(winnow.Run("score", name, "--model", Model, "--context", "64", "--out", "run"), place, found);
    }

    [Fact]
    public void Missing_inputs_are_named()
    {
        using var winnow = new Winnow();
        Directory.CreateDirectory(winnow.At("empty"));
        AssertRefused(winnow.Run("score", "nowhere.jsonl", "--model", Model, "--out", "run"), "nowhere.jsonl", "");
        AssertRefused(winnow.Run("score", "empty", "--model", Model, "--out", "run"), "empty", "");
        AssertRefused(winnow.Run("score", "*.jsonl", "--model", Model, "--out", "run"), "*.jsonl", "");
    }

    [Fact]
    public void Bad_records_are_counted_listed_and_skipped_up_to_the_number_allowed()
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 3) + "this is no JSON\n" + SmallCorpus.Records(3, 4) + "{\"id\": 1}\n" + SmallCorpus.Records(7, 1));
        string[] command = ["score", "a.jsonl", "--model", Model, "--context", "64", "--out", "run"];
        AssertRefused(winnow.Run(command), "a.jsonl:4", "JSON", "--max-bad-records");
        AssertRefused(winnow.Run([.. command, "--restart", "--max-bad-records", "1"]), "a.jsonl:9", "`text`", "--max-bad-records");
        Outcome allowed = winnow.Run([.. command, "--restart", "--max-bad-records", "2", "--json"]);
        Assert.True(allowed.Exit == 0, allowed.ToString());
        Assert.Equal(2, JsonNode.Parse(allowed.Out)!["bad_records"]!.GetValue<int>());
        string listed = File.ReadAllText(winnow.At("run/logs/bad-records.jsonl"));
        Assert.Contains("a.jsonl", listed, StringComparison.Ordinal);
        Assert.Equal(2, listed.Count(c => c == '\n'));
        string scores = winnow.Run("scores", "run").Out;
        Assert.Equal(10, scores.Count(c => c == '\n'));
        Assert.Equal(2, scores.Split("\"invalid\"").Length - 1);
    }

    /// <summary>A change to a good checkpoint, and what the error must name.</summary>
    public static TheoryData<string, string, string> Checkpoints => new()
    {
        { "truncated", "model.safetensors", "" },
        { "lying-header", "model.safetensors", "" },
        { "nan", "model.safetensors", "finite" },
        { "unknown-family", "config.json", "frobnicator" },
        { "no-weights", "model.safetensors", "" },
        { "no-config", "config.json", "" },
        { "small-vocabulary", "model", "the tokenizer has" },
    };

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void A_bad_checkpoint_is_refused_with_its_place(string damage, string place, string found)
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 5));
        string model = winnow.At("model");
        Directory.CreateDirectory(model);
        foreach (string file in Directory.EnumerateFiles(Model)) File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        Damage(model, damage);
        AssertRefused(winnow.Run("score", "a.jsonl", "--model", "model", "--context", "64", "--out", "run"), place, found);
    }

    [Fact]
    public void A_context_longer_than_the_model_allows_is_refused()
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 5));
        AssertRefused(winnow.Run("score", "a.jsonl", "--model", Model, "--context", "100000", "--out", "run"), "", "context");
    }

    [Fact]
    public void An_output_that_is_not_empty_is_never_overwritten_unasked()
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 12));
        winnow.Write("full/precious.txt", "mine");
        foreach (string[] command in new string[][]
        {
            ["score", "a.jsonl", "--model", Model, "--context", "64", "--out", "full"], ["prune", "a.jsonl", "--model", Model, "--context", "64", "--out", "full"],
            ["train", "a.jsonl", "--out", "full"], ["tokenizer", "train", "a.jsonl", "--vocab", "300", "--out", "full"], ["demo", "--out", "full"],
        })
        {
            AssertRefused(winnow.Run(command), "full", "not empty", "--force");
            Assert.Equal("mine", File.ReadAllText(winnow.At("full/precious.txt")));
            Assert.Single(Directory.EnumerateFileSystemEntries(winnow.At("full")));
        }
    }

    [Fact]
    public void A_run_that_is_none_is_refused()
    {
        using var winnow = new Winnow();
        Directory.CreateDirectory(winnow.At("here"));
        AssertRefused(winnow.Run("scores", "here"), "here", "not a run");
        AssertRefused(winnow.Run("select", "here", "--keep", "middle:50%", "--out", "s"), "here", "not a run");
        AssertRefused(winnow.Run("report", "here"), "here", "not a run");
        AssertRefused(winnow.Run("tokenizer", "encode", "here", "x"), "here", "");
        AssertRefused(winnow.Run("model", "inspect", "here"), "config.json", "");
    }

    [Fact]
    public void A_full_disk_ends_in_a_clear_message_and_the_run_goes_on_later()
    {
        using var winnow = new Winnow();
        string disk = winnow.At("disk");
        Directory.CreateDirectory(disk);
        if (!OperatingSystem.IsLinux() || Shell("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk) != 0) Assert.Skip("a small file system can be mounted by root on Linux only");
        try
        {
            winnow.Write("a.jsonl", SmallCorpus.Records(0, 1500));
            string[] command = ["score", "a.jsonl", "--model", Model, "--context", "64", "--out", "disk/run"];
            AssertRefused(winnow.Run(command), "", "no space left", "free some space");
            Assert.Equal(0, Shell("mount", "-o", "remount,size=16m", disk));
            Outcome later = winnow.Run(command);
            Assert.True(later.Exit == 0, later.ToString());
            Assert.Equal(1500, winnow.Run("scores", "disk/run").Out.Count(c => c == '\n'));
        }
        finally
        {
            Shell("umount", disk);
        }
    }

    [Fact]
    public void Hundreds_of_files_need_few_open_ones_and_too_low_a_limit_is_named()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "limits of a shell as Linux has them");
        using var winnow = new Winnow();
        for (int i = 0; i < 300; i++) winnow.Write($"corpus/{i}.jsonl", SmallCorpus.Records(i, 1));
        string[] score = ["score", "corpus", "--model", Model, "--context", "32", "--dedup", "exact", "--out", "run"], export = ["export", "run", "--selection", "selection", "--out", "kept", "--rejected", "rest"];
        foreach (int few in new[] { 48, 64, 255 })
            AssertRefused(winnow.RunWithFiles(few, score), $"only {few} files may be open", "256", "hint: raise the limit with `ulimit -n");
        Assert.False(Directory.Exists(winnow.At("run")));
        foreach (string[] command in new[] { score, ["select", "run", "--keep", "middle:50%", "--out", "selection"], export, [.. export[..^3], "shuffled", "--shuffle", "1"] })
        {
            Outcome outcome = winnow.RunWithFiles(256, command);
            Assert.True(outcome.Exit == 0, outcome.ToString());
        }

        string[] kept = [.. Directory.GetFiles(winnow.At("kept")).Where(f => Path.GetExtension(f) == ".jsonl").SelectMany(File.ReadAllLines)];
        string[] all = [.. kept, .. Directory.GetFiles(winnow.At("rest")).Where(f => Path.GetExtension(f) == ".jsonl").SelectMany(File.ReadAllLines)];
        Assert.Equal(Directory.GetFiles(winnow.At("corpus")).SelectMany(File.ReadAllLines).Order(StringComparer.Ordinal), all.Order(StringComparer.Ordinal));
        Assert.Equal(kept.Order(StringComparer.Ordinal), File.ReadAllLines(winnow.At("shuffled", "shuffled.jsonl")).Order(StringComparer.Ordinal));
    }

    private static int Shell(string program, params string[] args)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private static void Damage(string model, string kind)
    {
        string weights = Path.Combine(model, "model.safetensors"), config = Path.Combine(model, "config.json");
        byte[] bytes = File.ReadAllBytes(weights);
        switch (kind)
        {
            case "truncated":
                File.WriteAllBytes(weights, bytes[..(bytes.Length / 2)]);
                break;
            case "lying-header":
                BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length * 16L);
                File.WriteAllBytes(weights, bytes);
                break;
            case "nan":
                // The data starts after the header; 0xffff is a NaN in bf16 and in f32.
                int from = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
                bytes.AsSpan(from, 8).Fill(0xff);
                File.WriteAllBytes(weights, bytes);
                break;
            case "unknown-family":
                JsonNode family = JsonNode.Parse(File.ReadAllText(config))!;
                family["model_type"] = "frobnicator";
                File.WriteAllText(config, family.ToJsonString());
                break;
            case "small-vocabulary":
                // A tokenizer that knows more tokens than the model has rows.
                string tokenizer = Path.Combine(model, "tokenizer.json");
                JsonNode json = JsonNode.Parse(File.ReadAllText(tokenizer))!;
                int next = 1 + json["model"]!["vocab"]!.AsObject().Select(t => t.Value!.GetValue<int>()).Concat(json["added_tokens"]!.AsArray().Select(t => t!["id"]!.GetValue<int>())).Max();
                json["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = next, ["content"] = "<|far|>", ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true });
                File.WriteAllText(tokenizer, json.ToJsonString(), new UTF8Encoding(false));
                break;
            case "no-weights":
                File.Delete(weights);
                break;
            case "no-config":
                File.Delete(config);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, null);
        }
    }

    private static void AssertRefused(Outcome outcome, string place, string found, string hint = "hint: ")
    {
        Assert.True(outcome.Exit == 2, outcome.ToString());
        Assert.StartsWith("error: ", outcome.Error, StringComparison.Ordinal);
        Assert.Contains(place, outcome.Error, StringComparison.Ordinal);
        Assert.Contains(found, outcome.Error, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(hint, outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", outcome.Error, StringComparison.Ordinal);
    }
}
