using System.Text.Json;
using Winnow.Data;
using Winnow.Kernels;
using Winnow.Pruning.Export;
using Winnow.Pruning.References;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;

namespace Winnow.Pruning;

/// <summary>The whole way from a corpus to a pruned corpus; what an earlier call has done is not done again.</summary>
public static class Pruner
{
    /// <summary>Makes references where no models are given, scores, selects, exports.</summary>
    /// <param name="request">What, and where to.</param>
    /// <param name="backend">Trains and scores.</param>
    /// <param name="progress">Told a few times a second.</param>
    /// <param name="cancel">Stops; the same call goes on.</param>
    /// <exception cref="CorpusException">The request, its input or the output directory cannot be used.</exception>
    public static async Task<PruneResult> PruneAsync(
        PruneRequest request, IBackend backend, IProgress<PruneProgress>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(backend);
        SelectionOptions selection = Within(request).Validated();
        bool wentBefore = Prepare(request);
        RefuseOtherSelection(request, selection);
        ReferenceManifest? references = await ReferencesAsync(request, backend, progress, cancel).ConfigureAwait(false);
        ScoringResult scoring = await Scorer.ScoreAsync(Scoring(request, references), backend, Relayed(progress), cancel).ConfigureAwait(false);
        SelectionSummary summary = Select(request, selection, scoring, progress, cancel);
        ExportReport export = await ExportAsync(request, scoring, wentBefore, progress, cancel).ConfigureAwait(false);
        return new PruneResult(request.Output, scoring.Manifest, summary, export, references);
    }

    /// <summary>Makes the references of <c>auto</c>; null with given models.</summary>
    internal static async Task<ReferenceManifest?> ReferencesAsync(
        PruneRequest request, IBackend backend, IProgress<PruneProgress>? progress, CancellationToken cancel) =>
        request.Models.Count > 0 ? null : await AutoReferences.MakeAsync(request, At(request, "reference"), backend, progress, cancel).ConfigureAwait(false);

    /// <summary>With two references the scores of the halves are not comparable: each half is ranked by itself.</summary>
    internal static SelectionOptions Within(PruneRequest request) => request.Models.Count > 0 || request.Selection.Within.Contains("fold")
        ? request.Selection
        : request.Selection with { Within = [.. request.Selection.Within, "fold"] };

    internal static string At(PruneRequest request, string name) => Path.Combine(request.Output, name);

    /// <summary>Refuses a directory that holds something else; true when an earlier call has been here.</summary>
    internal static bool Prepare(PruneRequest request)
    {
        bool ours = File.Exists(At(request, "run/manifest.json")) || File.Exists(At(request, "reference/reference.json"));
        if (!ours && !request.Runtime.Force && Directory.Exists(request.Output) && Directory.EnumerateFileSystemEntries(request.Output).Any(entry => !IsInput(request, entry)))
        {
            throw new CorpusException(request.Output, "the output directory is not empty and holds no pruning", "name another directory, or overwrite with `--force`");
        }

        Directory.CreateDirectory(request.Output);
        if (request.Runtime.Restart || request.Runtime.Force)
        {
            File.Delete(At(request, "prune.json"));
            if (File.Exists(At(request, "selection/selection.json"))) Directory.Delete(At(request, "selection"), recursive: true);
        }

        return ours;
    }

    private static bool IsInput(PruneRequest request, string entry) => request.Inputs.Any(input => Path.GetFullPath(input) == Path.GetFullPath(entry));

    internal static void RefuseOtherSelection(PruneRequest request, SelectionOptions wanted)
    {
        if (!File.Exists(At(request, "selection/selection.json"))) return;
        SelectionOptions there = SelectionDirectory.Open(At(request, "selection")).Summary.Options;
        if (JsonSerializer.Serialize(there) == JsonSerializer.Serialize(wanted)) return;
        throw new CorpusException(At(request, "selection"),
            $"another selection is there: it keeps {string.Join(", ", there.Keep)}, asked for is {string.Join(", ", wanted.Keep)}",
            $"select anew from the same scores with `winnow select {At(request, "run")} …`, or overwrite with `--force`");
    }

    internal static ScoringRequest Scoring(PruneRequest request, ReferenceManifest? references) => new()
    {
        Inputs = request.Inputs,
        Corpus = request.Corpus,
        Models = references is null ? request.Models : [.. references.References.Select(reference => AutoReferences.ModelPath(At(request, "reference"), reference.Half))],
        Tokenizer = references is null ? request.Tokenizer : null,
        Fold = references is null ? null : new CorpusFold(request.Auto.Seed),
        Output = At(request, "run"),
        Options = request.Scoring,
        Runtime = request.Runtime,
    };

    internal static Relay<ScoringProgress> Relayed(IProgress<PruneProgress>? progress) =>
        new(told => progress?.Report(new PruneProgress(told.Phase, told.FractionDone, told.TokensPerSecond, told.Remaining)));

    private static SelectionSummary Select(
        PruneRequest request, SelectionOptions options, ScoringResult scoring, IProgress<PruneProgress>? progress, CancellationToken cancel)
    {
        string path = At(request, "selection");
        if (scoring.WasComplete && File.Exists(Path.Combine(path, "selection.json"))) return SelectionDirectory.Open(path).Summary;
        Relay<SelectionProgress> relay = new(told => progress?.Report(
            new PruneProgress("select", told.TotalRows == 0 ? null : (double)told.Rows / told.TotalRows, 0, null)));
        return SelectionDirectory.Create(path, ParquetScores.Open(scoring.Directory), options, request.Threads, force: true, relay, cancel).Summary;
    }

    internal static ExportOptions Exporting(PruneRequest request, bool wentBefore) => new()
    {
        Output = At(request, "pruned"),
        Rejected = request.Rejected,
        Format = request.Format,
        Force = wentBefore || request.Runtime.Force,
    };

    private static async Task<ExportReport> ExportAsync(
        PruneRequest request, ScoringResult scoring, bool wentBefore, IProgress<PruneProgress>? progress, CancellationToken cancel)
    {
        string done = At(request, "prune.json");
        bool written = File.Exists(done) && (request.Rejected is null || Directory.Exists(request.Rejected));
        if (scoring.WasComplete && written) return JsonSerializer.Deserialize<ExportReport>(File.ReadAllBytes(done), RunManifest.Json)!;
        Relay<ExportProgress> relay = new(told => progress?.Report(
            new PruneProgress("export", told.TotalRecords == 0 ? null : (double)told.Records / told.TotalRecords, 0, null)));
        ExportReport report = await Exporter.ExportAsync(
            scoring.Directory, At(request, "selection"), Exporting(request, wentBefore), request.Threads, relay, cancel).ConfigureAwait(false);
        AtomicFile.Write(done, JsonSerializer.SerializeToUtf8Bytes(report, RunManifest.Json));
        return report;
    }
}
