using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using Winnow.Data.Corpus;
using Winnow.Kernels;
using Winnow.Models.Checkpoints;

namespace Winnow.Pruning.Scoring;

/// <summary>Makes the manifest of a scoring that is about to begin: what it will be recognised by.</summary>
internal static class RunIdentity
{
    /// <summary>Hashes models and inputs.</summary>
    public static async Task<RunManifest> MakeAsync(
        ScoringRequest request, ScoringPlan plan, CorpusReader corpus, IReadOnlyList<ModelDirectory> models, IBackend backend,
        IProgress<ScoringProgress>? progress, CancellationToken cancel)
    {
        progress?.Report(new ScoringProgress("hash", 0, 0, 0, null, null));
        List<RunModel> runModels = [];
        foreach (ModelDirectory model in models)
        {
            string hash = await ContentHash.OfFilesAsync([Path.Combine(model.Path, "config.json"), .. model.Files], cancel).ConfigureAwait(false);
            runModels.Add(new RunModel(model.Path, hash, model.Config.Parameters, model.Config.MaxLength, model.Config.VocabularySize));
        }

        List<RunInput> inputs = [];
        double all = Math.Max(1, corpus.Shards.Sum(shard => Math.Max(0, shard.Bytes)));
        long hashed = 0;
        foreach (CorpusShard shard in corpus.Shards)
        {
            string hash = IsStandardInput(shard) ? "" : await ContentHash.OfFileAsync(shard.Path, cancel).ConfigureAwait(false);
            inputs.Add(new RunInput(shard.Index, shard.Path, shard.Name, shard.Bytes, hash));
            hashed += Math.Max(0, shard.Bytes);
            progress?.Report(new ScoringProgress("hash", 0, 0, 0, hashed / all, null));
        }

        return new RunManifest
        {
            Winnow = Version,
            State = RunState.Running,
            Started = request.Runtime.Clock.GetUtcNow(),
            Options = request.Options,
            Corpus = JsonSerializer.SerializeToElement(request.Corpus with { KeepRecords = true }, RunManifest.Json),
            Precision = backend.Precision,
            Context = plan.Context,
            BosIds = plan.Bos,
            FoldSeed = request.Fold?.Seed,
            Models = runModels,
            Tokenizer = new RunTokenizer(plan.Tokenizer.Kind, plan.Tokenizer.Hash, plan.Tokenizer.VocabularySize),
            Inputs = inputs,
            Machine = Machine(backend),
        };
    }

    /// <summary>Whether a shard is standard input, which can neither be compared nor read twice.</summary>
    public static bool IsStandardInput(CorpusShard shard) => shard.Path == "-";

    private static string Version =>
        typeof(RunIdentity).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    private static RunMachine Machine(IBackend backend) => new(
        CpuName(), Environment.ProcessorCount, backend.Description,
        $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}", RuntimeInformation.FrameworkDescription);

    private static string CpuName()
    {
        const string info = "/proc/cpuinfo";
        if (!File.Exists(info)) return RuntimeInformation.ProcessArchitecture.ToString();
        string? line = File.ReadLines(info).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
        return line is null ? RuntimeInformation.ProcessArchitecture.ToString() : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
