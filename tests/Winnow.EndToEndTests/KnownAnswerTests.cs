using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xunit;

namespace Winnow.EndToEndTests;

/// <summary>The whole experiment, through the built command, where the answer is known: pruning must find the noise, and it must pay.</summary>
public sealed class KnownAnswerTests
{
    private const string Recipe = """
        name: known-answer
        unit: document
        context: 128
        data: {train: [train.jsonl], test: {clean: [test.jsonl]}, reference: {clean: [reference.jsonl]}}
        tokenizer: {vocabulary: 1024}
        models:
          tiny: {layers: 1, width: 64, heads: 2}
          small: {layers: 2, width: 96, heads: 3}
        references:
          clean: {data: clean, model: small, tokens: 800k, batch_tokens: 2048, lr: 0.004}
        bands: [bottom, top]
        fractions: [0.6]
        seeds: 5
        training:
          tiny: {model: tiny, tokens: 300k, batch_tokens: 2048, lr: 0.004}
        """;

    [Fact]
    [Trait("speed", "slow")]
    public void Perplexity_drops_the_noise_and_beats_random_at_equal_compute_and_the_reverse_loses()
    {
        using var winnow = new Winnow();
        NoisyCorpus.Write(winnow, train: 2000, reference: 1500, test: 150);
        winnow.Write("known.yaml", Recipe);
        using Process process = winnow.Start("study", "known.yaml", "--out", "study", "--json");
        process.StandardInput.Close();
        Outcome study = Winnow.Finish(process, minutes: 15);
        Assert.True(study.Exit == 0, study.ToString());
        JsonElement[] results = [.. JsonDocument.Parse(study.Out).RootElement.GetProperty("results").EnumerateArray()];
        Dictionary<string, (long All, long Kept)> bottom = KeptBySource(winnow, "perplexity:bottom:0.6"), top = KeptBySource(winnow, "perplexity:top:0.6");
        string facts = string.Join('\n', results.Select(r => r.GetRawText())) + "\nkept of each source, bottom and top: "
            + string.Join("; ", bottom.Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Key} {s.Value.Kept} and {top[s.Key].Kept} of {s.Value.All}")));
        TestContext.Current.SendDiagnosticMessage("{0}", facts);

        // A known four tenths are noise: under a tenth of it stays, of shuffled words (a small model reads little order) under half;
        // the reversed band holds nearly all of it.
        Assert.True(NoisyCorpus.Noise.Sum(kind => bottom[kind].Kept) < 0.1 * NoisyCorpus.Noise.Sum(kind => bottom[kind].All), facts);
        Assert.True(NoisyCorpus.Noise.All(kind => bottom[kind].Kept < 0.5 * bottom[kind].All && top[kind].Kept > 0.9 * top[kind].All), facts);

        // Every model saw as many tokens. The intervals hold the chance of documents and of seeds.
        Assert.Single(results.Select(r => r.GetProperty("tokens").GetInt64()).Distinct());
        Assert.All(results, r => Assert.Equal(5, r.GetProperty("seeds").GetArrayLength()));
        JsonElement kept = Of(results, "bottom"), reversed = Of(results, "top");
        Assert.True(kept.GetProperty("over_random").GetProperty("low").GetDouble() > 0 && kept.GetProperty("verdict_over_random").GetString() == "better", facts);
        Assert.True(reversed.GetProperty("over_random").GetProperty("high").GetDouble() < 0 && reversed.GetProperty("verdict_over_random").GetString() == "worse", facts);
    }

    private static JsonElement Of(JsonElement[] results, string band) => results.Single(r => r.GetProperty("variant").GetProperty("band").GetString() == band);

    private static Dictionary<string, (long All, long Kept)> KeptBySource(Winnow winnow, string rule)
    {
        string step = Directory.EnumerateDirectories(winnow.At("study/steps"), "select-*").Single(d => File.ReadAllText(Path.Combine(d, "step.json")).Contains($"\"{rule}\"", StringComparison.Ordinal));
        JsonElement summary = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(step, "selection", "selection.json"))).RootElement;
        JsonElement sources = summary.GetProperty("shares").EnumerateArray().Single(table => table.GetProperty("column").GetString() == "source").GetProperty("values");
        return sources.EnumerateArray().ToDictionary(
            s => s.GetProperty("value").GetString()!, s => (s.GetProperty("all").GetProperty("units").GetInt64(), s.GetProperty("kept").GetProperty("units").GetInt64()));
    }
}
