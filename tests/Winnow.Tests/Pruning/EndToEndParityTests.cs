using System.Text.Json;
using Winnow.Kernels.Cpu;
using Winnow.Pruning;
using Winnow.Pruning.Scoring;
using Xunit;

namespace Winnow.Tests.Pruning;

/// <summary>Text in, scores out, against PyTorch and transformers: every directory under <c>tests/fixtures/e2e</c>.</summary>
public sealed class EndToEndParityTests
{
    /// <summary>Relative; the fixture's own spread between attention implementations is 4.5e-6.</summary>
    private const double Tolerance = 1e-4;

    private static readonly string[] Policies = ["truncate64", "windows64", "bos_truncate64"];

    public static IEnumerable<TheoryDataRow<string, string>> Cases() =>
        from directory in Directories()
        from policy in Policies
        select new TheoryDataRow<string, string>(directory, policy);

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Scores_are_those_of_the_original(string directory, string policy)
    {
        string fixture = Path.Combine(Fixtures.Root("e2e"), directory);
        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(fixture, "expected.json")));
        using TemporaryDirectory temporary = new();
        using CpuBackend backend = new(2);
        bool memorizes = policy != "bos_truncate64";
        ScoringRequest request = new()
        {
            Inputs = [Path.Combine(fixture, "docs.jsonl")],
            Models = [fixture],
            Output = temporary["run"],
            Options = new ScoringOptions
            {
                Metrics = Metrics.Perplexity | Metrics.El2n | (memorizes ? Metrics.Memorization : Metrics.None),
                Context = 64,
                Window = new WindowRule(policy == "windows64" ? WindowKind.Disjoint : WindowKind.Truncate),
                Bos = policy == "bos_truncate64" ? BosPolicy.EndOfText : BosPolicy.Tokenizer,
            },
        };
        await Scorer.ScoreAsync(request, backend, cancel: TestContext.Current.CancellationToken);
        ScoreTable table = ScoreTable.Open(temporary["run"]);
        JsonElement[] documents = [.. expected.RootElement.GetProperty("docs").EnumerateArray()];
        ScoreRow[] rows = [.. table.ReadRows()];
        Assert.Equal(documents.Length, rows.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            Compare(table.Schema, rows[i], documents[i].GetProperty(policy));
            if (memorizes) CompareMemorization(table.Schema, rows[i], documents[i]);
        }
    }

    /// <summary>The fixture lies in the directory itself, or in directories below it.</summary>
    private static IEnumerable<string> Directories()
    {
        if (File.Exists(Path.Combine(Fixtures.Root("e2e"), "expected.json"))) yield return ".";
        foreach (string name in Fixtures.Names("e2e", "expected.json")) yield return name;
    }

    private static void Compare(ScoreSchema schema, ScoreRow row, JsonElement expected)
    {
        if (expected.ValueKind == JsonValueKind.Null || expected.GetProperty("perplexity").ValueKind == JsonValueKind.Null)
        {
            Assert.True(row.Status is ScoreStatus.Empty or ScoreStatus.TooShort, row.Status);
            Assert.All(row.Values, value => Assert.Equal(double.NaN, value));
            return;
        }

        int tokens = expected.GetProperty("predicted_tokens").GetInt32();
        Assert.Equal(tokens, row.Tokens);
        Near(expected.GetProperty("mean_nll").GetDouble() * tokens, row.Values[schema.IndexOf("nll")], $"{row.Id} nll");
        Near(expected.GetProperty("perplexity").GetDouble(), row.Values[schema.IndexOf("perplexity")], $"{row.Id} perplexity");
        Near(expected.GetProperty("el2n").GetDouble(), row.Values[schema.IndexOf("el2n")], $"{row.Id} el2n");
    }

    private static void CompareMemorization(ScoreSchema schema, ScoreRow row, JsonElement expected)
    {
        JsonElement memorization = expected.GetProperty("memorization");
        double found = row.Values[schema.IndexOf("memorization")];
        if (memorization.ValueKind == JsonValueKind.Null) Assert.Equal(double.NaN, found);
        else if (expected.GetProperty("greedy_gap").GetDouble() > 1e-4) Assert.Equal(memorization.GetDouble(), found, 12);
    }

    private static void Near(double expected, double found, string what) =>
        Assert.True(Math.Abs(found - expected) <= Tolerance * Math.Abs(expected), $"{what}: {found}, expected {expected}");
}
