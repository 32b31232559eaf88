using Winnow.Pruning;
using Winnow.Studies.Execution;
using Winnow.Studies.Works;

namespace Winnow.Studies;

/// <summary>What the scores of a metric by a reference cost, and what training on the text they keep does without.</summary>
/// <param name="Reference">The scoring's name: <c>web</c>, <c>web@14%</c>.</param>
/// <param name="Metric">The metric.</param>
/// <param name="Training">The trained model's name.</param>
/// <param name="Test">The test set that says what is as good.</param>
/// <param name="ReferenceFlops">Training the reference up to its checkpoint, all its seeds; 0 for one that was there.</param>
/// <param name="ScoringFlops">Its pass over the corpus.</param>
/// <param name="TrainingFlops">One training without pruning.</param>
/// <param name="Saved">
/// The largest share of that training that a variant by these scores does without and is still as good as no pruning; 0 where none is.
/// With equal epochs: what it trains less. With equal tokens: from the first measured checkpoint on at which its mean perplexity over
/// the seeds is at most that of the whole training without pruning, log-linear between checkpoints. Null where no checkpoint was measured.
/// </param>
/// <param name="With">The variant that saves most; null where none saves.</param>
public sealed record ScoringCost(
    string Reference, string Metric, string Training, string Test, double ReferenceFlops, double ScoringFlops, double TrainingFlops, double? Saved, Variant? With)
{
    /// <summary>FLOPs of the reference and its pass, in final trainings.</summary>
    public double Spent => (ReferenceFlops + ScoringFlops) / TrainingFlops;

    /// <summary>Trainings on the kept text after which less is spent than saved; null where nothing is saved.</summary>
    public double? BreakEven => Saved > 0 ? Spent / Saved : null;

    /// <summary>A line per scoring, metric, trained model and test set, as far as they are measured.</summary>
    internal static IEnumerable<ScoringCost> Gather(StudyPlan plan, StepStore store, IReadOnlyList<VariantResult> results, IReadOnlyList<LearningCurve> curves)
    {
        TrainedFacts Facts(string step) => StudyFiles.Read<TrainedFacts>(Path.Combine(StudyResults.Output(plan, store, step), "trained.json"));
        Dictionary<(string, Variant, string), LearningCurve> curveOf = curves.ToDictionary(curve => (curve.Training, curve.Variant, curve.Test));
        foreach (VariantResult none in results.Where(result => result.Variant == Variant.None))
        {
            double training = Facts(plan.Trained.First(t => t.Training == none.Training && t.Variant == Variant.None).Train).Flops;
            bool equalEpochs = plan.Recipe.Training.First(t => t.Name == none.Training).Equal == "epochs";
            foreach (ScoringPlan scoring in plan.Scorings.Where(scoring => StudyResults.IsDone(plan, store, scoring.Step)))
            {
                double reference = plan.Graph[scoring.Step].Inputs.Where(input => input.Key.StartsWith("model", StringComparison.Ordinal)).Sum(input => Facts(input.Value).Flops) * scoring.Share;
                double scored = RunDirectory.ReadManifest(Path.Combine(StudyResults.Output(plan, store, scoring.Step), ScoreWork.Folder)).Cost.Flops;
                foreach (string metric in scoring.Metrics)
                {
                    var savings = new List<(double Saved, Variant Variant)>();
                    foreach (VariantResult line in results.Where(r => r.Training == none.Training && r.Test == none.Test && r.Variant.Metric == metric && r.Variant.Scoring == scoring.Name))
                    {
                        if (equalEpochs) savings.Add((line.OverNone.Value >= 0 ? 1 - (line.Tokens / (double)none.Tokens) : 0, line.Variant));
                        else if (curveOf.TryGetValue((line.Training, line.Variant, line.Test), out LearningCurve? curve)) savings.Add((1 - curve.ShareTo(none.Perplexity), line.Variant));
                    }

                    (double Saved, Variant? Variant) best = savings.Count == 0 ? (0, null) : savings.MaxBy(one => one.Saved);
                    yield return new ScoringCost(
                        scoring.Name, metric, none.Training, none.Test, reference, scored, training, savings.Count == 0 ? null : best.Saved, best.Saved > 0 ? best.Variant : null);
                }
            }
        }
    }
}

/// <summary>Test perplexity of a variant's models while they are trained.</summary>
/// <param name="Training">The trained model's name.</param>
/// <param name="Variant">What it was trained on.</param>
/// <param name="Test">The test set.</param>
/// <param name="Points">By ascending share of the training; the last is the finished model.</param>
public sealed record LearningCurve(string Training, Variant Variant, string Test, IReadOnlyList<CurvePoint> Points)
{
    /// <summary>
    /// The share of the training at which a perplexity is reached, perplexity taken as linear in the logarithm of the share between two
    /// points; the first point where that is good enough already, and 1 where none is.
    /// </summary>
    public double ShareTo(double perplexity)
    {
        for (int i = 0; i < Points.Count; i++)
        {
            if (Points[i].Perplexity > perplexity) continue;
            if (i == 0) return Points[0].Share;
            (CurvePoint before, CurvePoint after) = (Points[i - 1], Points[i]);
            double way = (before.Perplexity - perplexity) / (before.Perplexity - after.Perplexity);
            return before.Share * Math.Pow(after.Share / before.Share, way);
        }

        return 1;
    }
}

/// <summary>A checkpoint's place in its training and its test perplexity, the geometric mean over seeds.</summary>
public sealed record CurvePoint(double Share, double Perplexity);
