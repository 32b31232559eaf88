using System.Runtime.InteropServices;
using Winnow.Data;
using Winnow.Kernels;
using Winnow.Pruning;
using Winnow.Pruning.Scoring;

namespace Winnow.Studies.Evaluation;

/// <summary>Perplexity and bits per byte of a model on held-out text, all of it and per source, with confidence intervals.</summary>
public static class Evaluator
{
    /// <summary>Scores the text as <see cref="Scorer"/> does, in a temporary run, and sums up.</summary>
    /// <param name="request">Which model, which text.</param>
    /// <param name="backend">Its workers score.</param>
    /// <param name="progress">Told a few times a second.</param>
    /// <param name="cancel">Stops between batches; nothing is left behind.</param>
    /// <exception cref="CorpusException">The input or the model cannot be used, or no document has a loss.</exception>
    public static async Task<EvaluationResult> EvaluateAsync(
        EvaluationRequest request, IBackend backend, IProgress<ScoringProgress>? progress = null, CancellationToken cancel = default)
    {
        string run = Directory.CreateTempSubdirectory("winnow-eval-").FullName;
        try
        {
            ScoringResult scored = await Scorer.ScoreAsync(Scoring(request, run), backend, progress, cancel).ConfigureAwait(false);
            return Summarize(request, scored.Manifest, ScoreTable.Open(run));
        }
        finally
        {
            Directory.Delete(run, recursive: true);
        }
    }

    private static ScoringRequest Scoring(EvaluationRequest request, string run) => new()
    {
        Inputs = request.Inputs,
        Corpus = request.Corpus,
        Models = [request.Model],
        Tokenizer = request.Tokenizer,
        Output = run,
        Options = new ScoringOptions
        {
            Metrics = Metrics.Perplexity,
            Context = request.Context,
            Window = request.Window,
            Bos = request.Bos,
        },
        Runtime = new ScoringRuntime { Visible = false },
    };

    private static EvaluationResult Summarize(EvaluationRequest request, RunManifest manifest, ScoreTable table)
    {
        List<DocumentLoss> all = [];
        Dictionary<string, List<DocumentLoss>> sources = [];
        SortedDictionary<string, long> unscored = new(StringComparer.Ordinal);
        int nll = table.Schema.IndexOf("nll");
        foreach (ScoreRow row in table.ReadRows())
        {
            if (!double.IsFinite(row.Values[nll]) || row.Tokens == 0)
            {
                unscored[row.Status] = unscored.GetValueOrDefault(row.Status) + 1;
                continue;
            }

            DocumentLoss loss = new(row.Values[nll], row.Tokens, row.ScoredBytes);
            all.Add(loss);
            if (!sources.TryGetValue(row.Source, out List<DocumentLoss>? source)) sources[row.Source] = source = [];
            source.Add(loss);
        }

        if (all.Count == 0) throw new CorpusException("evaluation", "no document has a token to predict", "give longer texts");
        return new EvaluationResult
        {
            Model = request.Model,
            Precision = manifest.Precision,
            Context = manifest.Context,
            Window = request.Window.ToString(),
            Confidence = request.Confidence,
            Resamples = request.Resamples,
            Seed = request.Seed,
            All = Set("all", all, request),
            Sources = [.. sources.Select(source => Set(source.Key, source.Value, request))
                .OrderByDescending(set => set.Tokens).ThenBy(set => set.Name, StringComparer.Ordinal)],
            Unscored = unscored,
            BadRecords = manifest.BadRecords,
        };
    }

    private static EvaluatedSet Set(string name, List<DocumentLoss> documents, EvaluationRequest request)
    {
        DocumentLoss total = documents.Aggregate(DocumentLoss.Add);
        (Estimate perplexity, Estimate bitsPerByte) = PerplexityBootstrap.Estimate(
            CollectionsMarshal.AsSpan(documents), request.Confidence, request.Resamples, request.Seed);
        return new EvaluatedSet(name, documents.Count, total.Tokens, total.Bytes, total.Nll / total.Tokens, perplexity, bitsPerByte);
    }
}
