using System.Globalization;
using System.Text;
using Winnow.Pruning.Selection;
using Winnow.Studies.Evaluation;
using Winnow.Studies.Execution;
using Winnow.Studies.Glue;
using Winnow.Studies.Works;

namespace Winnow.Studies;

/// <summary>A variant's result on one test set, over all seeds.</summary>
/// <param name="Training">The trained model's name.</param>
/// <param name="Variant">What it was trained on.</param>
/// <param name="Test">The test set.</param>
/// <param name="Perplexity">exp of the mean loss over seeds, per test token.</param>
/// <param name="Seeds">Each seed's perplexity.</param>
/// <param name="SeedDeviation">Sample standard deviation over seeds; 0 for one seed.</param>
/// <param name="OverNone">Relative improvement over no pruning: 0.01 is one per cent lower perplexity; with its interval.</param>
/// <param name="OverRandom">The same over random pruning at the same fraction; null for no pruning and for random.</param>
/// <param name="Tokens">Tokens each model was trained on.</param>
/// <param name="KeptUnits">Units kept, of the first seed's selection; null for no pruning.</param>
public sealed record VariantResult(
    string Training, Variant Variant, string Test, double Perplexity, IReadOnlyList<double> Seeds, double SeedDeviation,
    Estimate OverNone, Estimate? OverRandom, long Tokens, long? KeptUnits)
{
    /// <summary><c>better</c> or <c>worse</c> than no pruning where the interval excludes 0, else <c>unclear</c>.</summary>
    public string Verdict => Judge(OverNone);

    /// <summary>The same against random pruning.</summary>
    public string? VerdictOverRandom => OverRandom is null ? null : Judge(OverRandom);

    private static string Judge(Estimate estimate) => estimate switch
    {
        { Low: > 0 } => "better",
        { High: < 0 } => "worse",
        _ => "unclear",
    };
}

/// <summary>The GLUE numbers of a variant, over its models' seeds.</summary>
/// <param name="Training">The trained model's name.</param>
/// <param name="Variant">What it was trained on.</param>
/// <param name="Task">The task.</param>
/// <param name="Set">The dev set.</param>
/// <param name="Measure">What was measured.</param>
/// <param name="Mean">Over models and fine-tunings.</param>
/// <param name="Deviation">Sample standard deviation over them.</param>
/// <param name="Runs">How many.</param>
public sealed record GlueLine(string Training, Variant Variant, string Task, string Set, string Measure, double Mean, double Deviation, int Runs);

/// <summary>Everything a study measured.</summary>
/// <param name="Results">A line per trained model, variant and test set.</param>
/// <param name="Glue">A line per variant and task; empty without GLUE.</param>
/// <param name="Unfinished">Models whose measurement is missing.</param>
public sealed record StudyResults(IReadOnlyList<VariantResult> Results, IReadOnlyList<GlueLine> Glue, int Unfinished)
{
    /// <summary>What kind of text each variant keeps.</summary>
    public IReadOnlyList<KeptText> Kept { get; init; } = [];

    /// <summary>Perplexity along the trainings whose checkpoints are measured.</summary>
    public IReadOnlyList<LearningCurve> Curves { get; init; } = [];

    /// <summary>What scores cost and save.</summary>
    public IReadOnlyList<ScoringCost> Costs { get; init; } = [];

    /// <summary>Gathers what is done; a variant appears when all its seeds and the baselines' are measured.</summary>
    public static StudyResults Gather(StudyPlan plan, StepStore store)
    {
        var losses = new Dictionary<(string Training, Variant Variant, string Test), TestLosses[]>();
        int unfinished = 0;
        foreach (IGrouping<(string Training, Variant Variant), TrainedVariant> group in plan.Trained.GroupBy(t => (t.Training, t.Variant)))
        {
            int missing = group.Count(t => !IsDone(plan, store, t.Evaluate));
            unfinished += missing;
            if (missing > 0) continue;
            foreach (string test in plan.Tests)
            {
                losses[(group.Key.Training, group.Key.Variant, test)] =
                    [.. group.Select(t => StudyFiles.Read<TestLosses>(EvaluateWork.LossesFile(Output(plan, store, t.Evaluate), test)))];
            }
        }

        VariantResult[] lines = [.. Lines(plan, store, losses)];
        LearningCurve[] curves = [.. LearningCurves(plan, store, lines)];
        return new StudyResults(lines, [.. GlueLines(plan, store)], unfinished)
        {
            Kept = [.. KeptText.Gather(plan, store)],
            Curves = curves,
            Costs = [.. ScoringCost.Gather(plan, store, lines, curves)],
        };
    }

    /// <summary>The lines as comma-separated values, round-trip numbers.</summary>
    public string ToCsv()
    {
        var text = new StringBuilder(
            "training,test,metric,reference,band,fraction,perplexity,seed_std,seeds,over_none,over_none_low,over_none_high,verdict,over_random,over_random_low,over_random_high,verdict_over_random,train_tokens,kept_units\n");
        foreach (VariantResult r in Results)
        {
            text.AppendJoin(',', [
                Quote(r.Training), Quote(r.Test), r.Variant.Metric, Quote(r.Variant.Scoring), r.Variant.Band, Number(r.Variant.Fraction), Number(r.Perplexity), Number(r.SeedDeviation),
                Number(r.Seeds.Count), Number(r.OverNone.Value), Number(r.OverNone.Low), Number(r.OverNone.High), r.Verdict,
                Number(r.OverRandom?.Value), Number(r.OverRandom?.Low), Number(r.OverRandom?.High), r.VerdictOverRandom ?? "", Number(r.Tokens), Number(r.KeptUnits)]);
            text.Append('\n');
        }

        return text.ToString();
    }

    internal static bool IsDone(StudyPlan plan, StepStore store, string step) => store.IsDone(plan.Graph[step], plan.Graph.KeyOf(plan.Graph[step]));

    internal static string Output(StudyPlan plan, StepStore store, string step) => store.DirectoryOf(plan.Graph[step], plan.Graph.KeyOf(plan.Graph[step]));

    private static IEnumerable<VariantResult> Lines(
        StudyPlan plan, StepStore store, Dictionary<(string Training, Variant Variant, string Test), TestLosses[]> losses)
    {
        var evaluation = plan.Recipe.Evaluation;
        foreach (((string training, Variant variant, string test), TestLosses[] seeds) in losses)
        {
            if (!losses.TryGetValue((training, Variant.None, test), out TestLosses[]? none)) continue;
            TestLosses[]? random = variant.Metric is "none" or "random" ? null
                : losses.GetValueOrDefault((training, new Variant("random", "", "random", variant.Fraction), test));
            Estimate Over(TestLosses[] baseline) => SeedBootstrap.Improvement(
                [.. seeds.Select(s => s.Documents)], [.. baseline.Select(s => s.Documents)], evaluation.Confidence, evaluation.Resamples, (ulong)plan.Recipe.Seed);
            double[] perplexities = [.. seeds.Select(s => Math.Exp(s.Nll.Sum() / s.Tokens.Sum()))];
            TrainedVariant first = plan.Trained.First(t => t.Training == training && t.Variant == variant);
            var trained = StudyFiles.Read<TrainedFacts>(Path.Combine(Output(plan, store, first.Train), "trained.json"));
            long? kept = first.Select is null ? null : SelectionDirectory.Open(Path.Combine(Output(plan, store, first.Select), SelectWork.Folder)).Summary.Kept.Units;
            yield return new VariantResult(
                training, variant, test, Math.Exp(perplexities.Average(Math.Log)), perplexities, Deviation(perplexities),
                Over(none), random is null ? null : Over(random), trained.Tokens, kept);
        }
    }

    private static IEnumerable<LearningCurve> LearningCurves(StudyPlan plan, StepStore store, VariantResult[] lines)
    {
        ILookup<(string, Variant), TrainedVariant> trained = plan.Trained.ToLookup(t => (t.Training, t.Variant));
        foreach (VariantResult line in lines)
        {
            TrainedVariant[] models = [.. trained[(line.Training, line.Variant)]];
            if (models[0].Earlier.Count == 0 || !models.All(model => model.Earlier.All(point => IsDone(plan, store, point.Evaluate)))) continue;
            double At(int point) => Math.Exp(models.Average(model =>
            {
                TestLosses losses = StudyFiles.Read<TestLosses>(EvaluateWork.LossesFile(Output(plan, store, model.Earlier[point].Evaluate), line.Test));
                return losses.Nll.Sum() / losses.Tokens.Sum();
            }));
            CurvePoint[] points = [.. models[0].Earlier.Select((point, i) => new CurvePoint(point.Share, At(i))), new CurvePoint(1, line.Perplexity)];
            yield return new LearningCurve(line.Training, line.Variant, line.Test, [.. points.OrderBy(point => point.Share)]);
        }
    }

    private static IEnumerable<GlueLine> GlueLines(StudyPlan plan, StepStore store)
    {
        foreach (var group in plan.Trained.Where(t => t.Glue is not null && IsDone(plan, store, t.Glue)).GroupBy(t => (t.Training, t.Variant)))
        {
            IEnumerable<GlueScore> scores = group.SelectMany(t => StudyFiles.Read<GlueResult>(Path.Combine(Output(plan, store, t.Glue!), "glue.json")).Scores);
            foreach (var line in scores.GroupBy(s => (s.Task, s.Set, s.Measure)))
            {
                double[] values = [.. line.Select(s => s.Value)];
                yield return new GlueLine(group.Key.Training, group.Key.Variant, line.Key.Task, line.Key.Set, line.Key.Measure, values.Average(), Deviation(values), values.Length);
            }
        }
    }

    private static double Deviation(double[] values)
    {
        if (values.Length < 2) return 0;
        double mean = values.Average();
        return Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
    }

    private static string Number(double? value) => value?.ToString("R", CultureInfo.InvariantCulture) ?? "";

    private static string Quote(string text) => text.IndexOfAny([',', '"', '\n']) < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
