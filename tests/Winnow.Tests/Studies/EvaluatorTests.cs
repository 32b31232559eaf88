using Winnow.Data;
using Winnow.Kernels.Cpu;
using Winnow.Pruning;
using Winnow.Pruning.Scoring;
using Winnow.Studies.Evaluation;
using Winnow.Tests.Pruning;
using Xunit;

namespace Winnow.Tests.Studies;

public sealed class EvaluatorTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CpuBackend _backend = new CpuBackend(2);

    public void Dispose()
    {
        _backend.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task An_evaluation_sums_what_scoring_says_of_each_document_and_of_each_source()
    {
        string model = TinyModel.Write(_directory["model"], seed: 1), corpus = TinyCorpus.Write(_directory["held-out.jsonl"], 60, 2);
        EvaluationRequest request = new() { Model = model, Inputs = [corpus], Context = 32 };
        EvaluationResult result = await Evaluator.EvaluateAsync(request, _backend);
        await Scorer.ScoreAsync(
            new ScoringRequest
            {
                Inputs = [corpus],
                Models = [model],
                Output = _directory["run"],
                Options = new ScoringOptions { Metrics = Metrics.Perplexity, Context = 32 },
            },
            _backend);
        ScoreTable table = ScoreTable.Open(_directory["run"]);
        int nll = table.Schema.IndexOf("nll");
        ScoreRow[] scored = [.. table.ReadRows().Where(row => row.Status == ScoreStatus.Ok)];
        Assert.Equal(scored.Length, result.All.Documents);
        Assert.Equal(Math.Exp(scored.Sum(row => row.Values[nll]) / scored.Sum(row => row.Tokens)), result.All.Perplexity.Value, 1e-9);
        Assert.Equal(scored.Sum(row => row.Values[nll]) / Math.Log(2) / scored.Sum(row => row.ScoredBytes), result.All.BitsPerByte.Value, 1e-9);
        Assert.Equal(["books", "web"], result.Sources.Select(source => source.Name).Order(StringComparer.Ordinal));
        Assert.Equal(result.All.Tokens, result.Sources.Sum(source => source.Tokens));
        Assert.True(result.All.Perplexity.Low < result.All.Perplexity.Value && result.All.Perplexity.Value < result.All.Perplexity.High);
        Assert.Equal(60, result.All.Documents + result.Unscored.Values.Sum());
        Assert.Equal(result.All, (await Evaluator.EvaluateAsync(request, _backend)).All);
    }

    [Fact]
    public async Task Text_without_a_token_to_predict_has_no_perplexity()
    {
        string model = TinyModel.Write(_directory["model"], seed: 1), corpus = _directory["empty.jsonl"];
        File.WriteAllText(corpus, "{\"text\": \"\"}\n{\"text\": \"\"}\n");
        CorpusException error = await Assert.ThrowsAsync<CorpusException>(
            () => Evaluator.EvaluateAsync(new EvaluationRequest { Model = model, Inputs = [corpus] }, _backend));
        Assert.Contains("no document has a token to predict", error.Message, StringComparison.Ordinal);
    }
}
