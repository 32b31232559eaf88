using System.Text;
using System.Text.Json;
using Winnow.Tests;
using Xunit;

namespace Winnow.EndToEndTests;

public sealed class CommandLineTests
{
    private static readonly string[] Commands =
        ["demo", "prune", "score", "scores", "select", "export", "train", "eval", "glue", "study", "tokenizer train", "tokenizer encode", "model inspect", "report", "bench"];

    [Fact]
    public void Help_says_what_the_golden_file_says()
    {
        using var winnow = new Winnow();
        var pages = new StringBuilder(winnow.Run().Out);
        foreach (string command in Commands)
        {
            Outcome help = winnow.Run([.. command.Split(' '), "--help"]);
            Assert.True(help.Exit == 0 && help.Error.Length == 0, help.ToString());
            Assert.Contains("Example", help.Out, StringComparison.Ordinal);
            Assert.Contains($"  winnow {command}", help.Out, StringComparison.Ordinal);
            pages.Append("\n\n").Append(help.Out);
        }
        Golden.Matches("help.txt", pages.ToString());
    }

    [Theory]
    [InlineData("scroe", "error: winnow: no command `scroe`", "hint: did you mean `winnow score`?")]
    [InlineData("score x --metrcs perplexity", "error: winnow score: no option `--metrcs`", "hint: did you mean `--metrics`?")]
    [InlineData("score x --metrics perplexty --model m --out r", "error: --metrics: `perplexty` is not known", "hint: did you mean `perplexity`?")]
    [InlineData("tokenizer trian", "error: winnow tokenizer: no command `trian`", "hint: did you mean `winnow tokenizer train`?")]
    [InlineData("tokenizer", "error: winnow tokenizer: no command given", "hint: `winnow tokenizer --help`")]
    [InlineData("score x --model m", "error: winnow score: `--out RUN` is missing", "hint: directory for the run")]
    [InlineData("score --model m --out r", "error: winnow score: no input given", "hint: name files, directories or globs")]
    [InlineData("score x --context", "error: --context: needs a value", "hint: `winnow score --help`")]
    [InlineData("score x --context many", "error: --context: `many` is not a whole number", "hint: for example `512`")]
    [InlineData("score x --threads 0", "error: --threads: 0 is too small", "")]
    [InlineData("train x --heads 5 --width 384 --layers 2 --out m", "error: --heads: 5 heads do not divide the width 384 evenly", "hint: for example `--heads 6`")]
    [InlineData("train x --layers 2 --out m", "error: winnow train: `--layers`, `--width` and `--heads` go together", "hint: for example")]
    [InlineData("prune x --keep middel:50% --out p", "error: --keep: `middel:50%` has the band `middel`", "hint: write a band and a fraction")]
    [InlineData("prune x --keep middle:150% --out p", "error: --keep: `middle:150%` has the fraction `150%`", "hint: write a band and a fraction")]
    [InlineData("prune x --keep half --out p", "error: --keep: `half` is not a band and a fraction", "hint: write a band and a fraction")]
    [InlineData("prune x --model auto --model m --out p", "error: --model: `auto` together with other models", "hint: give `auto`, or directories")]
    [InlineData("score x --window sliding --model m --out r", "error: --window: found `sliding`", "hint: `stride:256`")]
    public void A_wrong_request_names_itself_and_says_what_to_do(string line, string error, string hint)
    {
        using var winnow = new Winnow();
        Outcome outcome = winnow.Run(line.Split(' '));
        Assert.True(outcome.Exit == 2, outcome.ToString());
        Assert.StartsWith(error, outcome.Error, StringComparison.Ordinal);
        Assert.Contains(hint, outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", outcome.Error, StringComparison.Ordinal);
        Assert.Equal("", outcome.Out);
    }

    [Fact]
    public void On_a_terminal_the_progress_is_drawn_and_the_work_ends()
    {
        if (!File.Exists("/usr/bin/script")) Assert.Skip("makes a terminal with `script` of util-linux");
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 400));
        Outcome drawn = winnow.RunOnTerminal($"prune a.jsonl --model '{Fixtures.Root("e2e")}' --context 64 --out out");
        Assert.True(drawn.Exit == 0, drawn.ToString());
        Assert.Contains("\u001b[", drawn.Out, StringComparison.Ordinal);
        Assert.Contains("next: winnow train", drawn.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("nhandled", drawn.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_benchmark_prints_one_object_with_every_figure_it_was_asked_for()
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 400));
        Outcome bench = winnow.Run("bench", "--model", Fixtures.Root("e2e"), "--context", "64", "--text", "a.jsonl", "--only", "score,memorization,read,select,export", "--rounds", "1", "--json");
        Assert.True(bench.Exit == 0, bench.ToString());
        using JsonDocument answer = JsonDocument.Parse(bench.Out);
        JsonElement[] results = [.. answer.RootElement.GetProperty("results").EnumerateArray()];
        Assert.Equal(
            ["score tokens/s", "score tokens/s", "memorization units/s", "select rows/s", "read MB/s", "read MB/s", "export MB/s"],
            results.Select(r => $"{r.GetProperty("name").GetString()} {r.GetProperty("unit").GetString()}"));
        Assert.All(results, r => Assert.True(r.GetProperty("value").GetDouble() > 0 && r.GetProperty("peak_bytes").GetInt64() > 1 << 20, r.ToString()));
        Assert.All(results[..3], r => Assert.InRange(r.GetProperty("fraction_of_peak").GetDouble(), 0, 1));
    }

    [Fact]
    public void The_version_is_one_line()
    {
        using var winnow = new Winnow();
        Assert.Matches(@"^winnow \d+\.\d+\.\d+\n$", winnow.Run("--version").Out);
    }
}
