using System.Text.Json;
using System.Text.Json.Serialization;

namespace Winnow.Tests.Models;

/// <summary>What transformers computed for a fixture's checkpoint: its <c>expected.json</c>.</summary>
internal sealed record ExpectedScores([property: JsonPropertyName("sequences")] IReadOnlyList<ExpectedSequence> Sequences)
{
    public static ExpectedScores Read(string directory) =>
        JsonSerializer.Deserialize<ExpectedScores>(File.ReadAllBytes(Path.Combine(directory, "expected.json")))!;
}

/// <summary>One sequence and its scores.</summary>
internal sealed record ExpectedSequence(
    [property: JsonPropertyName("kind")] string Kind,
    [property: JsonPropertyName("input_ids")] int[] Ids,
    [property: JsonPropertyName("nll")] double[] Losses,
    [property: JsonPropertyName("el2n_per_token")] double[] El2n,
    [property: JsonPropertyName("logits")] IReadOnlyDictionary<string, float[]>? Logits,
    [property: JsonPropertyName("greedy_continuation")] int[]? GreedyContinuation,
    [property: JsonPropertyName("memorization")] double? Memorization);
