using System.Text.Json;
using Winnow.Kernels;
using Winnow.Pruning.Export;
using Winnow.Pruning.References;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;
using Winnow.Work;

namespace Winnow.Pruning;

/// <summary>A pruning as work for many processes. The references of <c>auto</c> are made while it is planned, by the process that plans.</summary>
public static class PruneWork
{
    /// <summary>The stages, in order.</summary>
    public static IReadOnlyList<WorkStep> Steps { get; } = [.. ScoringWork.Steps, SelectStage.Step, ExportWork.Step];

    /// <summary>Where the work of a pruning is described: its run.</summary>
    public static string PlaceOf(PruneRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Path.GetFullPath(Pruner.At(request, "run"));
    }

    /// <summary>Begins a pruning, or goes on with one, and describes what is left of it.</summary>
    /// <param name="request">What, and where to.</param>
    /// <param name="backend">Trains the references; what the workers will score with.</param>
    /// <param name="split">How the scoring is cut.</param>
    /// <param name="progress">Told a few times a second.</param>
    /// <param name="cancel">Stops; the same call goes on.</param>
    /// <returns>The references of <c>auto</c>; null with given models.</returns>
    /// <exception cref="Winnow.Data.CorpusException">The request, its input or the output directory cannot be used.</exception>
    public static async Task<ReferenceManifest?> PlanAsync(
        PruneRequest request, IBackend backend, ScoringSplit split, IProgress<PruneProgress>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(backend);
        SelectionOptions selection = Pruner.Within(request).Validated();
        bool wentBefore = Pruner.Prepare(request);
        Pruner.RefuseOtherSelection(request, selection);
        ReferenceManifest? references = await Pruner.ReferencesAsync(request, backend, progress, cancel).ConfigureAwait(false);
        await ScoringWork.PlanAsync(Pruner.Scoring(request, references), backend, split, Pruner.Relayed(progress), cancel).ConfigureAwait(false);
        string place = PlaceOf(request), chosen = Pruner.At(request, "selection");
        SelectStage.Plan(place, place, chosen, selection, force: true);
        ExportWork.Plan(place, place, chosen, Pruner.Exporting(request, wentBefore), Pruner.At(request, "prune.json"));
        return references;
    }

    /// <summary>What a finished pruning made.</summary>
    public static PruneResult ResultOf(PruneRequest request, ReferenceManifest? references)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new PruneResult(
            request.Output, RunDirectory.ReadManifest(PlaceOf(request)), SelectionDirectory.Open(Pruner.At(request, "selection")).Summary,
            JsonSerializer.Deserialize<ExportReport>(File.ReadAllBytes(Pruner.At(request, "prune.json")), RunManifest.Json)!, references);
    }
}
