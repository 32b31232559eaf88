using System.Globalization;
using System.Reflection;
using Winnow.Studies.Evaluation;
using Winnow.Studies.Execution;
using Winnow.Studies.Recipes;
using static Winnow.Studies.Reports.Markup;

namespace Winnow.Studies.Reports;

/// <summary>A study's report: one HTML file with the figures of arXiv 2309.04564 from the user's own run, and what the paper lacks.</summary>
public static class StudyPage
{
    private const int MostBars = 40, MostLines = 12;

    /// <summary>Renders what is measured so far.</summary>
    /// <param name="plan">The study.</param>
    /// <param name="directory">Its directory.</param>
    /// <param name="results">What <see cref="StudyResults.Gather"/> found.</param>
    /// <param name="created">When.</param>
    public static string Render(StudyPlan plan, string directory, StudyResults results, DateTimeOffset created)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(results);
        var view = new StudyView(plan, new StepStore(directory), results);
        var page = new Markup();
        ReportPage.Head(page, plan.Recipe.Name, Summary(view));
        ReportPage.Facts(page, FactsOf(view));
        foreach (TrainingPlan training in plan.Recipe.Training)
        {
            foreach (string test in plan.Tests)
            {
                if (view.Line(training.Name, Variant.None, test) is not { } none) continue;
                Best(page, view, none);
                Curves(page, view, none);
                Comparison(page, view, training.Name, test);
            }
        }

        foreach (string test in plan.Tests) References(page, view, test);
        Glue(page, results);
        StudySections.Write(page, view);
        ReportPage.Options(page, OptionsOf(plan.Recipe));
        return ReportPage.Foot(page, Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "", created);
    }

    private static string Summary(StudyView view)
    {
        if (view.Results.Results.Count == 0) return "Nothing is measured yet: the same command goes on.";
        Recipe recipe = view.Plan.Recipe;
        string test = view.Plan.Tests[0];
        VariantResult? best = view.Results.Results.Where(r => r.Test == test && r.Variant.Metric is not ("none" or "random"))
            .OrderByDescending(r => r.Verdict == "better").ThenByDescending(r => r.OverNone.Value).FirstOrDefault();
        string verdict = best is null ? ""
            : best.Verdict == "better" ? $" On the test set `{test}` the best is {best.Variant}: perplexity {Signed(-best.OverNone.Value)} against no pruning, with an interval that excludes 0."
            : $" On the test set `{test}` no variant is better than no pruning beyond what chance explains; the nearest is {best.Variant}.";
        string missing = view.Results.Unfinished > 0 ? $" {view.Results.Unfinished} of {view.Plan.Trained.Count} models are not measured yet." : "";
        return $"{recipe.References.Count} references, {view.Plan.Trained.Count} trained models, {recipe.Seeds.Count} seeds each, equal {recipe.Training[0].Equal}.{verdict}{missing}";
    }

    private static List<Fact> FactsOf(StudyView view)
    {
        if (view.Prepared is not { } prepared) return [];
        var facts = new List<Fact>
        {
            new("corpus", Figures.Bytes(prepared.Train.Bytes), $"{Figures.Count(prepared.Train.Documents)} documents to prune"),
            new("trained models", Figures.Count(view.Plan.Trained.Count - view.Results.Unfinished), $"of {Figures.Count(view.Plan.Trained.Count)}"),
        };
        if (view.Results.Results is [{ } any, ..]) facts.Add(new Fact("tokens a model", Figures.Short(any.Tokens), "predicted while training"));
        int better = view.Results.Results.Count(r => r.Variant.Metric is not ("none" or "random") && r.Verdict == "better");
        int worse = view.Results.Results.Count(r => r.Variant.Metric is not ("none" or "random") && r.Verdict == "worse");
        facts.Add(new Fact("against no pruning", $"{better} : {worse}", "results better : worse, beyond their intervals"));
        return facts;
    }

    /// <summary>The best line of each metric: of all references and bands, the one with the lowest mean log-perplexity over the fractions.</summary>
    private static void Best(Markup page, StudyView view, VariantResult none)
    {
        FractionLine[] all = [.. view.Plan.Recipe.Metrics.Select((metric, i) => view.Plan.Scorings
            .Where(scoring => scoring.Metrics.Contains(metric))
            .SelectMany(scoring => view.Plan.Recipe.Bands.Select(band => Line(view, none, metric, scoring.Name, band, $"{metric} ({scoring.Name}) {band}", StudyCharts.Kinds[i])))
            .OfType<FractionLine>().OrderByDescending(line => line.Points.Count).ThenBy(line => line.Points.Average(point => Math.Log(point.Perplexity))).FirstOrDefault())
            .OfType<FractionLine>()];
        if (all.Length == 0) return;
        if (Random(view, none) is { } random) all = [.. all, random];
        ReportPage.Section(page, $"The best of each metric: {none.Training} on {none.Test}", "Of every metric, the reference and band whose perplexities are lowest over all fractions. It is picked by these very results, so its lead is flattered.");
        page.Line(StudyCharts.Legend(all.Select(line => (line.Name, line.Kind)))).Line("<div class=\"panels\"><figure>")
            .Line(StudyCharts.Fractions(all, none.Perplexity, none.SeedDeviation, "The best of each metric")).Line("</figure></div>").Line("</section>");
    }

    private static void Curves(Markup page, StudyView view, VariantResult none)
    {
        ReportPage.Section(page, $"Perplexity and the fraction kept: {none.Training} on {none.Test}",
            "Lower is better. A point is the mean over seeds, its whisker one standard deviation; the dashed line is no pruning, its shade the spread of its seeds.");
        FractionLine? random = Random(view, none);
        IReadOnlyList<string> bands = view.Plan.Recipe.Bands;
        page.Line(StudyCharts.Legend([.. bands.Select((band, i) => (band, StudyCharts.Kinds[i])), ("random", "eighth")])).Line("<div class=\"panels\">");
        foreach (ScoringPlan scoring in view.Plan.Scorings)
        {
            foreach (string metric in scoring.Metrics)
            {
                List<FractionLine> lines = [.. bands.Select((band, i) => Line(view, none, metric, scoring.Name, band, band, StudyCharts.Kinds[i])).OfType<FractionLine>()];
                if (lines.Count == 0) continue;
                if (random is not null) lines.Add(random);
                Figure(page, $"{metric}, reference {scoring.Name}", none, lines);
            }
        }

        page.Line("</div>").Line("</section>");
    }

    private static void Figure(Markup page, string title, VariantResult none, IReadOnlyList<FractionLine> lines) => page.Line("<figure>").Line($"<h3>{Escape(title)}</h3>")
        .Line(StudyCharts.Fractions(lines, none.Perplexity, none.SeedDeviation, title)).Line("</figure>");

    private static FractionLine? Random(StudyView view, VariantResult none) => Line(view, none, "random", "", "random", "random", "eighth");

    private static FractionLine? Line(StudyView view, VariantResult none, string metric, string scoring, string band, string name, string kind)
    {
        List<(double, double, double)> points = [];
        foreach (double fraction in view.Plan.Recipe.Fractions.Order())
            if (view.Line(none.Training, new Variant(metric, scoring, band, fraction), none.Test) is { } line) points.Add((fraction, line.Perplexity, line.SeedDeviation));
        return points.Count == 0 ? null : new FractionLine(name, kind, points);
    }

    private static void Comparison(Markup page, StudyView view, string training, string test)
    {
        VariantResult[] lines = [.. view.Results.Results.Where(r => r.Training == training && r.Test == test && r.Variant.Metric != "none").OrderByDescending(r => r.OverNone.Value)];
        if (lines.Length == 0) return;
        ReportPage.Section(page, $"Against no pruning: {training} on {test}",
            $"Relative change of test perplexity, positive is better, with {Figures.Percent(view.Plan.Recipe.Evaluation.Confidence)} intervals over test documents and seeds. A win whose interval holds 0 is not called one; of {lines.Length} intervals about {Math.Round(lines.Length * (1 - view.Plan.Recipe.Evaluation.Confidence))} exclude 0 by chance alone."
            + (lines.Length > MostBars ? $" The picture has the best and the worst {MostBars / 2}." : ""));
        page.Line("<figure>").Line($"<div class=\"scroll\">{StudyCharts.Intervals(Bars(lines), "improvement over no pruning, %", "Improvement over no pruning")}</div>").Line("</figure>");
        bool folded = lines.Length > MostLines;
        page.Line(folded ? $"<details><summary><b>All {lines.Length} variants</b><span>perplexity, spread over seeds, improvement over no pruning and over random</span></summary>" : "");
        page.Line("<div class=\"scroll nowrap\"><table><thead><tr><th>variant</th><th class=\"n\">perplexity</th><th class=\"n\">± seeds</th><th class=\"n\">over no pruning</th><th class=\"n\">interval</th><th>verdict</th><th class=\"n\">over random</th><th class=\"n\">interval</th><th>verdict</th></tr></thead><tbody>");
        foreach (VariantResult line in lines.Prepend(view.Line(training, Variant.None, test)!))
        {
            page.Line($"<tr><th scope=\"row\">{Escape(line.Variant.ToString())}</th><td class=\"n\">{Figures.Score(line.Perplexity, 5)}</td><td class=\"n\">{Figures.Score(line.SeedDeviation, 2)}</td>"
                + $"{Cells(line.Variant.Metric == "none" ? null : line.OverNone, line.Verdict)}{Cells(line.OverRandom, line.VerdictOverRandom)}</tr>");
        }

        page.Line("</tbody></table></div>").Line(folded ? "</details>" : "").Line("</section>");
    }

    private static List<IntervalLine> Bars(VariantResult[] lines)
    {
        IEnumerable<VariantResult> shown = lines.Length <= MostBars ? lines : lines.Take(MostBars / 2).Concat(lines.TakeLast(MostBars / 2));
        return [.. shown.Select(line => new IntervalLine(line.Variant.ToString(), line.OverNone.Value, line.OverNone.Low, line.OverNone.High))];
    }

    private static string Cells(Estimate? estimate, string? verdict) => estimate is null
        ? "<td></td><td></td><td></td>"
        : $"<td class=\"n\">{Signed(estimate.Value)}</td><td class=\"n\">{(estimate is { Low: { } low, High: { } high } ? $"{Signed(low)[..^2]} … {Signed(high)[..^2]}" : "–")}</td><td>{Escape(verdict ?? "")}</td>";

    /// <summary>Reference size, Wikipedia against web, early checkpoints: every reference's line, per metric and band.</summary>
    private static void References(Markup page, StudyView view, string test)
    {
        if (view.Plan.Scorings.Count < 2 || view.Line(view.Plan.Recipe.Training[0].Name, Variant.None, test) is not { } none) return;
        string[] metrics = [.. view.Plan.Recipe.Metrics.Where(metric => view.Plan.Scorings.Count(scoring => scoring.Metrics.Contains(metric)) > 1)];
        if (metrics.Length == 0) return;
        ReportPage.Section(page, $"Which reference, and how much of its training: {none.Training} on {test}",
            "The same metric and band by every reference: larger against smaller, trained on one text or on another, early checkpoints (@) against finished ones.");
        string Kind(ScoringPlan scoring) => StudyCharts.Kinds[view.Plan.Scorings.ToList().IndexOf(scoring) % (StudyCharts.Kinds.Length - 1)];
        page.Line(StudyCharts.Legend([.. view.Plan.Scorings.Where(s => s.Metrics.Intersect(metrics).Any()).Select(s => (s.Name, Kind(s))), ("random", "eighth")])).Line("<div class=\"panels\">");
        foreach (string metric in metrics)
        {
            foreach (string band in view.Plan.Recipe.Bands)
            {
                List<FractionLine> lines = [.. view.Plan.Scorings.Where(s => s.Metrics.Contains(metric)).Select(s => Line(view, none, metric, s.Name, band, s.Name, Kind(s))).OfType<FractionLine>()];
                if (lines.Count == 0) continue;
                if (Random(view, none) is { } random) lines.Add(random);
                Figure(page, $"{metric}, {band}", none, lines);
            }
        }

        page.Line("</div>").Line("<h3>The best fraction of each band, over no pruning</h3>").Line("<div class=\"scroll nowrap\"><table><thead><tr><th>reference</th><th>metric</th>");
        foreach (string band in view.Plan.Recipe.Bands) page.Line($"<th class=\"n\">{Escape(band)}</th><th class=\"n\">at</th>");
        page.Line("</tr></thead><tbody>");
        foreach (ScoringPlan scoring in view.Plan.Scorings)
        {
            foreach (string metric in scoring.Metrics)
            {
                page.Line($"<tr><th scope=\"row\">{Escape(scoring.Name)}</th><td>{Escape(metric)}</td>");
                foreach (string band in view.Plan.Recipe.Bands)
                {
                    VariantResult? best = view.Best(none, r => r.Scoring == scoring.Name && r.Metric == metric && r.Band == band);
                    page.Line(best is null ? "<td class=\"n\">–</td><td></td>" : $"<td class=\"n\">{Signed(best.OverNone.Value)}</td><td class=\"n\">{best.Variant.Percent}</td>");
                }

                page.Line("</tr>");
            }
        }

        page.Line("</tbody></table></div>").Line("</section>");
    }

    private static void Glue(Markup page, StudyResults results)
    {
        if (results.Glue.Count == 0) return;
        static string Column(GlueLine line) => $"{line.Task} {line.Measure}{(line.Set == "dev" ? "" : $" ({line.Set[4..]})")}";
        string[] columns = [.. results.Glue.Select(Column).Distinct()];
        bool several = results.Glue.Select(line => line.Training).Distinct().Count() > 1;
        ReportPage.Section(page, "GLUE", "Dev-set results of fine-tuned models, times 100: mean ± standard deviation over models and fine-tunings.");
        page.Line($"<div class=\"scroll nowrap\"><table><thead><tr><th>variant</th>{string.Concat(columns.Select(c => $"<th class=\"n\">{Escape(c)}</th>"))}</tr></thead><tbody>");
        foreach (var group in results.Glue.GroupBy(line => (line.Training, line.Variant)))
        {
            Dictionary<string, GlueLine> cells = group.ToDictionary(Column);
            page.Line($"<tr><th scope=\"row\">{Escape($"{(several ? group.Key.Training + ": " : "")}{group.Key.Variant}")}</th>"
                + string.Concat(columns.Select(column => !cells.TryGetValue(column, out GlueLine? line) ? "<td class=\"n\">–</td>" : $"<td class=\"n\">{Hundredfold(line.Mean)} ± {Hundredfold(line.Deviation)}</td>")) + "</tr>");
        }

        page.Line("</tbody></table></div>").Line("</section>");
        static string Hundredfold(double value) => (100 * value).ToString("0.00", CultureInfo.InvariantCulture);
    }

    private static List<OptionGroup> OptionsOf(Recipe recipe)
    {
        static KeyValuePair<string, string> Pair(string name, object value) => new(name, Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
        var groups = new List<OptionGroup>
        {
            new("Study", [Pair("unit", recipe.Unit), Pair("context", recipe.Context), Pair("seed", recipe.Seed), Pair("seeds", string.Join(", ", recipe.Seeds)), Pair("hold-out", Figures.Percent(recipe.Data.HoldOut)), Pair("reference share", Figures.Percent(recipe.Data.ReferenceShare))]),
        };
        groups.AddRange(recipe.References.Select(r => new OptionGroup($"Reference {r.Name}", r.Directory is { } path
            ? [Pair("checkpoint", path)]
            : [Pair("data", r.Data), Pair("model", Shape(recipe.Models[r.Model])), Pair("length", Length(r.Length)), Pair("schedule", Schedule(r.Schedule)), Pair("seeds", string.Join(", ", r.Seeds))])));
        groups.AddRange(recipe.Training.Select(t => new OptionGroup($"Trained model {t.Name}", [Pair("model", Shape(recipe.Models[t.Model])), Pair("length", Length(t.Length)), Pair("equal", t.Equal), Pair("schedule", Schedule(t.Schedule))])));
        return groups;
    }

    private static string Shape(ModelShape shape) => $"{shape.Architecture}, {shape.Layers} layers × {shape.Width}, {shape.Heads} heads";

    private static string Schedule(ScheduleSettings s) => FormattableString.Invariant(
        $"{s.Shape}, peak {s.LearningRate}, warm-up {100 * s.WarmUp:0.##} %, {s.BatchTokens} tokens a step, weight decay {s.WeightDecay}");

    private static string Length(TrainingLength length) => length.Tokens > 0 ? $"{Figures.Short(length.Tokens)} tokens" : $"{Figures.Significant(length.Epochs, 3)} epochs";

    internal static string Signed(double fraction) => (100 * fraction).ToString("+0.00;−0.00;0.00", CultureInfo.InvariantCulture) + " %";
}
