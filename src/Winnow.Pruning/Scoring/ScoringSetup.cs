using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Models.Checkpoints;
using Winnow.Pruning.Duplicates;

namespace Winnow.Pruning.Scoring;

/// <summary>A scoring's inputs, opened and checked against each other, weights not yet loaded.</summary>
internal sealed class ScoringSetup : IDisposable
{
    private readonly ScoringRequest request;

    private ScoringSetup(ScoringRequest request, CorpusReader corpus, IReadOnlyList<ModelDirectory> models, ScoringPlan plan)
    {
        this.request = request;
        Corpus = corpus;
        Models = models;
        Plan = plan;
    }

    public CorpusReader Corpus { get; }

    public IReadOnlyList<ModelDirectory> Models { get; }

    public ScoringPlan Plan { get; }

    public static ScoringSetup Open(ScoringRequest request)
    {
        if (request.Models.Count == 0) throw new CorpusException("`--model`", "no model is named", "name a Hugging Face directory");
        // Before the corpus is opened: that waits for the first bytes of standard input.
        if (request.Options.Dedup != Dedup.None && request.Inputs.Contains("-"))
            throw new CorpusException("`--dedup`", "copies are found in a pass of their own, and standard input can be read only once", "write it to a file first");
        return Open(request, CorpusReader.Open(request.Inputs, Read(request, request.Corpus.MaxBadRecords)));
    }

    /// <summary>Opens a request over a corpus whose files are known already.</summary>
    public static ScoringSetup Open(ScoringRequest request, CorpusReader corpus)
    {
        List<ModelDirectory> models = [];
        try
        {
            foreach (string directory in request.Models) models.Add(ModelDirectory.Open(directory));
            Tokenizer tokenizer = Tokenizer.Load(request.Tokenizer ?? request.Models[0]);
            if (request.Tokenizer is null) CheckTokenizers(request.Models, tokenizer);
            corpus.Tokenizer = tokenizer;
            return new ScoringSetup(request, corpus, models, ScoringPlan.Create(request, tokenizer, [.. models.Select(model => model.Config)]));
        }
        catch
        {
            models.ForEach(model => model.Dispose());
            throw;
        }
    }

    /// <summary>The corpus again, with another allowance of bad records.</summary>
    public CorpusReader CorpusFor(long maxBadRecords) =>
        maxBadRecords == request.Corpus.MaxBadRecords ? Corpus : Reopen(maxBadRecords);

    /// <summary>The corpus again, as if nothing had been read.</summary>
    public CorpusReader Reopen() => Reopen(request.Corpus.MaxBadRecords);

    /// <summary>Loads the weights.</summary>
    public LoadedModels Load(IBackend backend)
    {
        List<Decoder> decoders = [];
        try
        {
            foreach (ModelDirectory model in Models) decoders.Add(model.Load(backend));
            return new LoadedModels(decoders);
        }
        catch
        {
            decoders.ForEach(decoder => decoder.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ModelDirectory model in Models) model.Dispose();
    }

    private CorpusReader Reopen(long maxBadRecords)
    {
        CorpusReader corpus = CorpusReader.Open(request.Inputs, Read(request, maxBadRecords));
        corpus.Tokenizer = Plan.Tokenizer;
        return corpus;
    }

    /// <summary>The limit is the scorer's business: it goes on counting where an earlier attempt stopped.</summary>
    private static CorpusOptions Read(ScoringRequest request, long maxBadRecords) =>
        request.Corpus with { Limit = null, KeepRecords = false, MaxBadRecords = maxBadRecords };

    private static void CheckTokenizers(IReadOnlyList<string> models, Tokenizer first)
    {
        foreach (string model in models.Skip(1))
        {
            if (!HasTokenizer(model) || Tokenizer.Load(model).Hash == first.Hash) continue;
            throw new CorpusException(model, $"its tokenizer is another than that of `{models[0]}`", "models of one run share their tokenizer; score with the others in a run of their own");
        }
    }

    private static bool HasTokenizer(string model) =>
        File.Exists(Path.Combine(model, "tokenizer.json")) || File.Exists(Path.Combine(model, "vocab.json"));
}

/// <summary>Models with their weights; owns them.</summary>
internal sealed class LoadedModels(IReadOnlyList<Decoder> decoders) : IDisposable
{
    public IReadOnlyList<Decoder> Decoders => decoders;

    public void Dispose()
    {
        foreach (Decoder decoder in decoders) decoder.Dispose();
    }
}
