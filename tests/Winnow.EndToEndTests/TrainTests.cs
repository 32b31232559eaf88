using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace Winnow.EndToEndTests;

/// <summary>Training through the built command: a model that the other commands take, an interruption that costs nothing.</summary>
public sealed class TrainTests
{
    private static readonly string[] Shape = ["--layers", "2", "--width", "32", "--heads", "2", "--context", "32", "--vocab", "300", "--batch-tokens", "512"];

    [Fact]
    public void A_trained_model_is_inspected_evaluated_and_scored_with()
    {
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 200));
        winnow.Write("held-out.jsonl", SmallCorpus.Records(1000, 40));
        Outcome trained = winnow.Run(["train", "a.jsonl", "--out", "model", "--steps", "30", "--lr", "0.01", "--checkpoints", "50%", .. Shape]);
        Assert.True(trained.Exit == 0, trained.ToString());
        foreach (string file in new[] { "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "training_log.jsonl", "checkpoints/step-000015/model.safetensors" })
            Assert.True(File.Exists(winnow.At("model", file)), file);
        double[] losses = [.. File.ReadLines(winnow.At("model/training_log.jsonl")).Select(l => JsonDocument.Parse(l).RootElement.GetProperty("loss").GetDouble())];
        Assert.Equal(30, losses.Length);
        Assert.True(losses[^1] < losses[0] - 0.5, $"the loss went from {losses[0]} to {losses[^1]}");

        Outcome inspected = winnow.Run("model", "inspect", "model", "--json");
        Assert.True(inspected.Exit == 0, inspected.ToString());
        JsonElement facts = JsonDocument.Parse(inspected.Out).RootElement;
        Assert.Equal("gpt2", facts.GetProperty("family").GetString());
        Assert.Equal(32, facts.GetProperty("max_length").GetInt32());

        Outcome evaluated = winnow.Run("eval", "model", "held-out.jsonl", "--json");
        Assert.True(evaluated.Exit == 0, evaluated.ToString());
        JsonElement answer = JsonDocument.Parse(evaluated.Out).RootElement, perplexity = answer.GetProperty("all").GetProperty("perplexity");
        Assert.Equal("f32", answer.GetProperty("precision").GetString());
        Assert.InRange(perplexity.GetProperty("value").GetDouble(), perplexity.GetProperty("low").GetDouble(), perplexity.GetProperty("high").GetDouble());
        Assert.Equal(0, winnow.Run("score", "held-out.jsonl", "--model", "model", "--unit", "sequence", "--out", "run").Exit);
        Outcome reported = winnow.Run("report", "run");
        Assert.True(reported.Exit == 0 && File.Exists(winnow.At("run/report.html")), reported.ToString());
    }

    private static bool IgnoresInterrupts() => OperatingSystem.IsLinux()
        && (Convert.ToUInt64(File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))[7..].Trim(), 16) & 2) != 0;

    [Fact]
    public void A_training_stopped_by_ctrl_c_goes_on_to_the_same_bits()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("sends SIGINT");
        if (IgnoresInterrupts()) Assert.Skip("SIGINT is ignored here, as in a background job of a shell, and children inherit that");
        using var winnow = new Winnow();
        winnow.Write("a.jsonl", SmallCorpus.Records(0, 200));
        string[] command = ["train", "a.jsonl", "--steps", "150", .. Shape, "--out"];
        Assert.Equal(0, winnow.Run([.. command, "whole"]).Exit);

        using Process process = winnow.Start([.. command, "broken"]);
        string log = winnow.At("broken/training_log.jsonl");
        while (!process.HasExited && !(File.Exists(log) && new FileInfo(log).Length > 200)) Thread.Yield();
        Process.Start("kill", ["-INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])!.WaitForExit();
        Outcome stopped = Winnow.Finish(process);
        Assert.True(stopped.Exit == 130, stopped.ToString());
        Assert.Contains("error: interrupted", stopped.Error, StringComparison.Ordinal);
        Assert.Contains("`--resume`", stopped.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(winnow.At("broken/model.safetensors")));

        Outcome resumed = winnow.Run([.. command, "broken", "--resume", "--threads", "1"]);
        Assert.True(resumed.Exit == 0, resumed.ToString());
        Assert.Equal(File.ReadAllBytes(winnow.At("whole/model.safetensors")), File.ReadAllBytes(winnow.At("broken/model.safetensors")));
    }
}
