using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Models.Training;
using Winnow.Pruning.Scoring;

namespace Winnow.Pruning.References;

/// <summary>What training one reference took.</summary>
/// <param name="Directory">The model.</param>
/// <param name="Half">The half of the corpus that it saw.</param>
/// <param name="SampledDocuments">Documents it was trained on.</param>
/// <param name="Tokens">Tokens it predicted while training.</param>
/// <param name="Loss">Of its last step, in nats a token.</param>
/// <param name="Flops">Three forwards a token, by the model's formula.</param>
/// <param name="Seconds">Over all attempts.</param>
public sealed record TrainedReference(
    string Directory, int Half, long SampledDocuments, long Tokens, double Loss, double Flops, double Seconds);

/// <summary><c>reference.json</c>: what the references of a corpus are, and what they cost.</summary>
public sealed record ReferenceManifest
{
    /// <summary>Always <c>winnow-reference</c>.</summary>
    public string Format { get; init; } = "winnow-reference";

    /// <summary>Of this format.</summary>
    public int Version { get; init; } = 1;

    /// <summary>As given.</summary>
    public required AutoReferenceOptions Options { get; init; }

    /// <summary>How the corpus was read, as given.</summary>
    public required JsonElement Corpus { get; init; }

    /// <summary>SHA-256 of the tokenizer that was given; null for one that is trained.</summary>
    public string? GivenTokenizer { get; init; }

    /// <summary>The input files' names and SHA-256.</summary>
    public required IReadOnlyList<RunInput> Inputs { get; init; }

    /// <summary>The halves of the corpus.</summary>
    public required IReadOnlyList<HalfSize> Halves { get; init; }

    /// <summary>What was chosen.</summary>
    public required ReferencePlan Plan { get; init; }

    /// <summary>The models, when they are trained: the first saw half 0 and scores half 1.</summary>
    public IReadOnlyList<TrainedReference> References { get; init; } = [];
}

/// <summary>
/// Two-fold cross-fitting: the corpus is split into halves by a hash of the text, a reference is trained on a seeded sample of
/// each, and each half is scored by the reference that did not see it.
/// </summary>
public sealed class AutoReferences
{
    private const long TokenizerSampleBytes = 32L << 20;
    private readonly PruneRequest request;
    private readonly string directory;
    private readonly IBackend backend;
    private readonly IProgress<PruneProgress>? progress;
    private readonly CorpusReader corpus;
    private readonly CorpusFold fold;

    private AutoReferences(PruneRequest request, string directory, IBackend backend, IProgress<PruneProgress>? progress)
    {
        this.request = request;
        this.directory = directory;
        this.backend = backend;
        this.progress = progress;
        corpus = CorpusReader.Open(request.Inputs, request.Corpus with { KeepRecords = false });
        fold = new CorpusFold(request.Auto.Seed);
    }

    private string ManifestPath => Path.Combine(directory, "reference.json");

    private string TokenizerPath => Path.Combine(directory, "tokenizer");

    /// <summary>Makes the references under <paramref name="directory"/>, or goes on with them.</summary>
    /// <param name="request">The corpus and <see cref="PruneRequest.Auto"/>.</param>
    /// <param name="directory">Gets <c>reference.json</c>, <c>tokenizer/</c>, <c>half-0/</c>, <c>half-1/</c>.</param>
    /// <param name="backend">Trains.</param>
    /// <param name="progress">Told a few times a second.</param>
    /// <param name="cancel">Stops; the same call goes on.</param>
    public static Task<ReferenceManifest> MakeAsync(
        PruneRequest request, string directory, IBackend backend, IProgress<PruneProgress>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new AutoReferences(request, directory, backend, progress).MakeAsync(cancel);
    }

    /// <summary>What would be made, from the sizes of the files alone: nothing is read.</summary>
    public static ReferencePlan Estimate(PruneRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        long half = (long)(CorpusSize.TextBytes(CorpusReader.Open(request.Inputs, request.Corpus).Shards) / 2);
        return ReferencePlan.Choose(request.Auto, [new HalfSize(0, half), new HalfSize(0, half)]);
    }

    /// <summary>The references under <paramref name="directory"/>, or null when there are none.</summary>
    public static ReferenceManifest? Find(string directory)
    {
        string path = Path.Combine(directory, "reference.json");
        return File.Exists(path) ? JsonSerializer.Deserialize<ReferenceManifest>(File.ReadAllBytes(path), RunManifest.Json) : null;
    }

    /// <summary>Where the model that saw a half lies.</summary>
    internal static string ModelPath(string directory, int half) =>
        Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"half-{half}"));

    private async Task<ReferenceManifest> MakeAsync(CancellationToken cancel)
    {
        if (corpus.Shards.Any(RunIdentity.IsStandardInput))
        {
            throw new CorpusException("-", "standard input cannot be read twice, which `--model auto` needs", "write it to a file, or name a model");
        }

        ReferenceManifest manifest = await BeginAsync(cancel).ConfigureAwait(false);
        if (manifest.References.Count == 2) return manifest;
        Tokenizer tokenizer = await MakeTokenizerAsync(manifest, cancel).ConfigureAwait(false);
        long[] documents = await WriteTokensAsync(manifest, tokenizer, cancel).ConfigureAwait(false);
        TrainedReference[] references = [.. Enumerable.Range(0, 2).Select(half => Train(manifest.Plan, tokenizer, half, documents[half], cancel))];
        for (int half = 0; half < references.Length; half++) File.Delete(TokensPath(half));
        manifest = manifest with { References = references };
        Write(manifest);
        return manifest;
    }

    private async Task<ReferenceManifest> BeginAsync(CancellationToken cancel)
    {
        List<RunInput> inputs = [];
        foreach (CorpusShard shard in corpus.Shards)
        {
            inputs.Add(new RunInput(shard.Index, shard.Path, shard.Name, shard.Bytes, await ContentHash.OfFileAsync(shard.Path, cancel).ConfigureAwait(false)));
        }

        JsonElement read = JsonSerializer.SerializeToElement(request.Corpus with { KeepRecords = true }, RunManifest.Json);
        string? given = request.Tokenizer is null ? null : Tokenizer.Load(request.Tokenizer).Hash;
        if (File.Exists(ManifestPath) && !request.Runtime.Restart && !request.Runtime.Force) return Same(inputs, read, given);

        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        Directory.CreateDirectory(directory);
        HalfSize[] halves = await MeasureAsync(cancel).ConfigureAwait(false);
        ReferenceManifest manifest = new()
        {
            Options = request.Auto,
            Corpus = read,
            GivenTokenizer = given,
            Inputs = inputs,
            Halves = halves,
            Plan = ReferencePlan.Choose(request.Auto, halves),
        };
        Write(manifest);
        return manifest;
    }

    private ReferenceManifest Same(List<RunInput> inputs, JsonElement read, string? given)
    {
        ReferenceManifest earlier = JsonSerializer.Deserialize<ReferenceManifest>(File.ReadAllBytes(ManifestPath), RunManifest.Json)!;
        List<string> changes = [];
        if (earlier.Options != request.Auto) changes.Add("their options");
        if (!JsonElement.DeepEquals(earlier.Corpus, read)) changes.Add("how the corpus is read");
        if (earlier.GivenTokenizer != given) changes.Add("the tokenizer");
        if (!earlier.Inputs.Select(input => (input.Name, input.Sha256)).SequenceEqual(inputs.Select(input => (input.Name, input.Sha256)))) changes.Add("the inputs");
        if (changes.Count == 0) return earlier;
        throw new CorpusException(directory, $"the references there are others: {string.Join(", ", changes)} changed",
            "start over with `--restart`, or name another directory");
    }

    /// <summary>One reading of the corpus: what each half holds.</summary>
    private async Task<HalfSize[]> MeasureAsync(CancellationToken cancel)
    {
        HalfSize[] halves = new HalfSize[2];
        await foreach (Document document in ReadAsync("measure", cancel).ConfigureAwait(false))
        {
            int half = fold.Of(document.Text.Span);
            halves[half] = new HalfSize(halves[half].Documents + 1, halves[half].Bytes + document.Text.Length);
        }

        return halves;
    }

    private async Task<Tokenizer> MakeTokenizerAsync(ReferenceManifest manifest, CancellationToken cancel)
    {
        if (Directory.Exists(TokenizerPath)) return Tokenizer.Load(TokenizerPath);
        double share = TokenizerSampleBytes / (double)Math.Max(1, manifest.Halves.Sum(half => half.Bytes));
        Tokenizer tokenizer = request.Tokenizer is not null
            ? Tokenizer.Load(request.Tokenizer)
            : await BytePairTrainer.TrainAsync(
                SampleAsync("tokenizer", _ => share, cancel), new BytePairOptions(manifest.Plan.Vocabulary) { Threads = request.Threads }, null, cancel).ConfigureAwait(false);
        string beside = TokenizerPath + AtomicFile.Suffix;
        tokenizer.Save(beside);
        Directory.Move(beside, TokenizerPath);
        return tokenizer;
    }

    /// <summary>Writes each half's sample as ids, each document followed by the end-of-text token.</summary>
    /// <returns>Documents of each half's sample.</returns>
    private async Task<long[]> WriteTokensAsync(ReferenceManifest manifest, Tokenizer tokenizer, CancellationToken cancel)
    {
        string counts = Path.Combine(directory, "samples.json");
        if (File.Exists(counts)) return JsonSerializer.Deserialize<long[]>(File.ReadAllBytes(counts))!;
        double[] share = [.. manifest.Halves.Select(half => SampleShare(manifest.Plan, half))];
        long[] documents = new long[2];
        int endOfText = ScoringPlan.EndOfText(tokenizer);
        TokenEncoder encoder = tokenizer.CreateEncoder();
        List<int> ids = [];
        using (TokenFile.Writer first = new(TokensPath(0)), second = new(TokensPath(1)))
        {
            TokenFile.Writer[] writers = [first, second];
            await foreach (Document document in SampleAsync("tokenize", half => share[half], cancel).ConfigureAwait(false))
            {
                int half = fold.Of(document.Text.Span);
                ids.Clear();
                encoder.Encode(document.Text.Span, ids);
                ids.Add(endOfText);
                writers[half].Add(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids));
                documents[half]++;
            }

            if (writers.Any(writer => writer.Tokens <= manifest.Plan.Context)) throw ReferencePlan.TooSmall();
            first.Finish();
            second.Finish();
        }

        AtomicFile.Write(counts, JsonSerializer.SerializeToUtf8Bytes(documents));
        return documents;
    }

    private TrainedReference Train(ReferencePlan plan, Tokenizer tokenizer, int half, long documents, CancellationToken cancel)
    {
        string output = ModelPath(directory, half);
        using TokenFile data = TokenFile.Open(TokensPath(half), plan.Context);
        TrainingOptions options = plan.Training(half, request.Auto.Seed, data.Sequences);
        DecoderConfig config = plan.Config(tokenizer.VocabularySize);
        TrainingRequest training = new()
        {
            Options = options,
            Output = output,
            Initialize = () => DecoderParameters.Create(config, options.Seed, backend),
            Companions = [.. Directory.EnumerateFiles(TokenizerPath).Order(StringComparer.Ordinal)],
            Resume = true,
            Clock = request.Runtime.Clock,
        };
        Relay<TrainingProgress> relay = new(told => progress?.Report(new PruneProgress(
            string.Create(CultureInfo.InvariantCulture, $"train {half + 1}/2"), (double)told.Last.Step / told.Steps, told.TokensPerSecond, told.Remaining)));
        TrainingResult result = Trainer.Train(training, backend, data, relay, cancel);
        double flops = 3 * config.ForwardFlops(plan.Context) * result.Last.Tokens;
        return new TrainedReference(output, half, documents, result.Last.Tokens, result.Last.Loss, flops, result.Last.Seconds);
    }

    /// <summary>Enough of a half for the training's tokens, with some to spare, or all of it.</summary>
    private static double SampleShare(ReferencePlan plan, HalfSize half) => Math.Min(1, 6.0 * plan.Tokens / Math.Max(1, half.Bytes));

    private async IAsyncEnumerable<Document> SampleAsync(string phase, Func<int, double> share, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (Document document in ReadAsync(phase, cancel).ConfigureAwait(false))
        {
            if (fold.IsSampled(document.Text.Span, share(fold.Of(document.Text.Span)))) yield return document;
        }
    }

    private async IAsyncEnumerable<Document> ReadAsync(string phase, [EnumeratorCancellation] CancellationToken cancel)
    {
        double all = Math.Max(1, CorpusSize.TextBytes(corpus.Shards));
        long bytes = 0, told = Stopwatch.GetTimestamp();
        await foreach (Document document in corpus.ReadAsync(cancel).ConfigureAwait(false))
        {
            bytes += document.Text.Length;
            if (Stopwatch.GetElapsedTime(told).TotalSeconds > 0.2)
            {
                told = Stopwatch.GetTimestamp();
                progress?.Report(new PruneProgress(phase, Math.Min(1, bytes / all), 0, null));
            }

            yield return document;
        }
    }

    private string TokensPath(int half) => Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"half-{half}.tokens"));

    private void Write(ReferenceManifest manifest) =>
        AtomicFile.Write(ManifestPath, JsonSerializer.SerializeToUtf8Bytes(manifest, RunManifest.Json));
}
