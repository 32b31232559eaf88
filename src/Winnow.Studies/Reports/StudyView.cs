using Winnow.Studies.Execution;
using Winnow.Studies.Works;

namespace Winnow.Studies.Reports;

/// <summary>The plan, its outputs, and look-ups in them.</summary>
internal sealed class StudyView(StudyPlan plan, StepStore store, StudyResults results)
{
    private readonly Dictionary<(string, Variant, string), VariantResult> _lines = results.Results.ToDictionary(r => (r.Training, r.Variant, r.Test));

    internal StudyPlan Plan { get; } = plan;

    internal StepStore Store { get; } = store;

    internal StudyResults Results { get; } = results;

    internal PreparedFacts? Prepared { get; } = StudyResults.IsDone(plan, store, "prepare")
        ? StudyFiles.Read<PreparedFacts>(Path.Combine(StudyResults.Output(plan, store, "prepare"), "prepare.json"))
        : null;

    internal VariantResult? Line(string training, Variant variant, string test) => _lines.GetValueOrDefault((training, variant, test));

    internal string? Run(ScoringPlan scoring) => StudyResults.IsDone(Plan, Store, scoring.Step)
        ? Path.Combine(StudyResults.Output(Plan, Store, scoring.Step), ScoreWork.Folder)
        : null;

    internal IEnumerable<TrainedFacts> Trained(string prefix) => Plan.Graph.Steps
        .Where(step => step.Id.StartsWith(prefix, StringComparison.Ordinal) && StudyResults.IsDone(Plan, Store, step.Id))
        .Select(step => StudyFiles.Read<TrainedFacts>(Path.Combine(StudyResults.Output(Plan, Store, step.Id), "trained.json")));

    /// <summary>The best of some variants, of the same trained model on the same test set as a baseline; null where none is measured.</summary>
    internal VariantResult? Best(VariantResult none, Func<Variant, bool> which) =>
        Results.Results.Where(r => r.Training == none.Training && r.Test == none.Test && which(r.Variant)).MaxBy(r => r.OverNone.Value);
}
