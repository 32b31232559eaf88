using Winnow.Data;
using Winnow.Kernels.Cpu;
using Winnow.Pruning;
using Winnow.Pruning.Scoring;
using Xunit;

namespace Winnow.Tests.Pruning;

public sealed class PairedScoresTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CpuBackend _backend = new(2);

    public void Dispose()
    {
        _backend.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Documents_are_paired_by_id_and_counted_as_a_loop_counts_them()
    {
        string[] texts = [.. Enumerable.Range(0, 30).Select(i => $"some text number {i} and {i * i}")];
        ScoreTable one = await ScoreAsync("one", texts.Select((text, i) => ($"d{i}", i % 5 == 0 ? text : text + " " + Convert.ToString(i * 977, 2))));
        ScoreTable other = await ScoreAsync("other", texts.Select((text, i) => ($"d{i}", text)).Reverse().Append(("alone", "nothing beside it")));
        int column = one.Schema.IndexOf("perplexity");
        double[] differences = [.. one.ReadRows().Select(row => row.Values[column] - other.ReadRows().Single(o => o.Id == row.Id).Values[column])];
        PairedScores pair = PairedScores.Compare(one, other).Single(p => p.Metric == "perplexity");
        Assert.Equal((30, differences.Count(d => d > 0), differences.Count(d => d < 0)), (pair.Pairs, pair.Higher, pair.Lower));
        Assert.Equal(6, pair.Pairs - pair.Higher - pair.Lower);
        Assert.Equal(differences.Order().Skip(14).Take(2).Average(), pair.MedianDifference, 1e-12);
        Assert.True(pair.Low < pair.Share && pair.Share < pair.High);
        Assert.Equal(1 - pair.Share!.Value, PairedScores.Compare(other, one).Single(p => p.Metric == "perplexity").Share!.Value, 1e-12);
        Assert.Null(PairedScores.Compare(one, one)[0].Share);
    }

    [Fact]
    public async Task Runs_without_pairs_and_ids_that_stand_twice_are_refused()
    {
        ScoreTable one = await ScoreAsync("one", [("a", "first text"), ("b", "second text")]), twice = await ScoreAsync("twice", [("a", "first text"), ("a", "second text")]);
        ScoreTable far = await ScoreAsync("far", [("x", "first text")]), sequences = await ScoreAsync("sequences", [("a", string.Join(' ', Enumerable.Range(0, 99)))], UnitKind.Sequence);
        Assert.Contains("none of its ids stands in", Assert.Throws<CorpusException>(() => PairedScores.Compare(one, far)).Message, StringComparison.Ordinal);
        Assert.Contains("the id `a` stands twice", Assert.Throws<CorpusException>(() => PairedScores.Compare(one, twice)).Message, StringComparison.Ordinal);
        Assert.Contains("the id `a` stands twice", Assert.Throws<CorpusException>(() => PairedScores.Compare(twice, one)).Message, StringComparison.Ordinal);
        Assert.Contains("its units are sequences", Assert.Throws<CorpusException>(() => PairedScores.Compare(one, sequences)).Message, StringComparison.Ordinal);
    }

    private async Task<ScoreTable> ScoreAsync(string name, IEnumerable<(string Id, string Text)> documents, UnitKind unit = UnitKind.Document)
    {
        string model = _directory["model"];
        if (!Directory.Exists(model)) TinyModel.Write(model, seed: 1);
        File.WriteAllLines(_directory[name + ".jsonl"], documents.Select(d => System.Text.Json.JsonSerializer.Serialize(new { id = d.Id, text = d.Text })));
        await Scorer.ScoreAsync(
            new ScoringRequest
            {
                Inputs = [_directory[name + ".jsonl"]],
                Models = [model],
                Output = _directory[name],
                Options = new ScoringOptions { Metrics = Metrics.Perplexity | Metrics.El2n, Context = 32, Unit = unit },
            },
            _backend);
        return ScoreTable.Open(_directory[name]);
    }
}
