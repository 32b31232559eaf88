using System.Globalization;
using System.Text.Json;
using Winnow.Tests;
using Xunit;

namespace Winnow.EndToEndTests;

/// <summary>Text in, scores out, through the built command, against what Python computed of the same checkpoint.</summary>
public sealed class ScoreParityTests
{
    // What the fixture's README calls a fair bar for another f32 implementation: 1e-4 on NLL, 1e-5 on EL2N.
    private const double NllTolerance = 1e-4, El2nTolerance = 1e-5;

    public static TheoryData<string, string> Policies => new() { { "truncate", "truncate64" }, { "disjoint", "windows64" } };

    [Theory]
    [MemberData(nameof(Policies))]
    public void Scores_are_those_of_transformers(string window, string policy)
    {
        using var winnow = new Winnow();
        string fixture = Fixtures.Root("e2e");
        Outcome scored = winnow.Run("score", Path.Combine(fixture, "docs.jsonl"), "--model", fixture, "--metrics", "perplexity,el2n,memorization", "--context", "64", "--window", window, "--bos", "none", "--out", "run");
        Assert.True(scored.Exit == 0, scored.ToString());
        JsonElement[] rows = [.. winnow.Run("scores", "run").Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(fixture, "expected.json")));
        JsonElement[] docs = [.. expected.RootElement.GetProperty("docs").EnumerateArray()];
        Assert.Equal(docs.Length, rows.Length);
        for (int i = 0; i < docs.Length; i++)
        {
            JsonElement want = docs[i].GetProperty(policy);
            string place = $"document {i}";
            if (want.ValueKind == JsonValueKind.Null || want.GetProperty("mean_nll").ValueKind == JsonValueKind.Null)
            {
                Assert.True(rows[i].GetProperty("perplexity").ValueKind == JsonValueKind.Null, place);
                Assert.True(rows[i].GetProperty("status").GetString() is "empty" or "too_short", place);
                continue;
            }
            int tokens = rows[i].GetProperty("tokens").GetInt32();
            Assert.True(want.GetProperty("predicted_tokens").GetInt32() == tokens, place);
            Close(want.GetProperty("mean_nll").GetDouble(), rows[i].GetProperty("nll").GetDouble() / tokens, NllTolerance, place + " nll");
            Close(Math.Log(want.GetProperty("perplexity").GetDouble()), Math.Log(rows[i].GetProperty("perplexity").GetDouble()), NllTolerance, place + " perplexity");
            Close(want.GetProperty("el2n").GetDouble(), rows[i].GetProperty("el2n").GetDouble(), El2nTolerance, place + " el2n");
            JsonElement memorization = docs[i].GetProperty("memorization");
            if (memorization.ValueKind == JsonValueKind.Number) Close(memorization.GetDouble(), rows[i].GetProperty("memorization").GetDouble(), 0, place + " memorization");
            else Assert.True(rows[i].GetProperty("memorization").ValueKind == JsonValueKind.Null, place);
        }
    }

    [Fact]
    public void Ids_are_those_of_hugging_face()
    {
        using var winnow = new Winnow();
        string fixture = Fixtures.Root("e2e");
        string[] lines = winnow.Run("tokenizer", "encode", fixture, Path.Combine(fixture, "docs.jsonl")).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(fixture, "expected.json")));
        JsonElement[] docs = [.. expected.RootElement.GetProperty("docs").EnumerateArray()];
        Assert.Equal(docs.Length, lines.Length);
        for (int i = 0; i < docs.Length; i++)
        {
            JsonElement got = JsonDocument.Parse(lines[i]).RootElement;
            Assert.Equal(i, got.GetProperty("row").GetInt32());
            Assert.Equal(docs[i].GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32()), got.GetProperty("ids").EnumerateArray().Select(t => t.GetInt32()));
        }
    }

    private static void Close(double expected, double got, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - got) <= tolerance, string.Create(CultureInfo.InvariantCulture, $"{what}: expected {expected:R}, got {got:R}"));
}
