using System.Globalization;
using System.Reflection;
using Winnow.Pruning;
using Winnow.Pruning.Selection;
using Winnow.Studies.Evaluation;
using Winnow.Studies.Execution;
using Winnow.Studies.Recipes;
using Winnow.Studies.Works;
using static Winnow.Studies.Reports.Markup;

namespace Winnow.Studies.Reports;

/// <summary>A study's report: one HTML file with the figures of arXiv 2309.04564 from the user's own run, and what the paper lacks.</summary>
public static class StudyPage
{
    private const int MostBars = 40;

    /// <summary>Renders what is measured so far.</summary>
    /// <param name="plan">The study.</param>
    /// <param name="directory">Its directory.</param>
    /// <param name="results">What <see cref="StudyResults.Gather"/> found.</param>
    /// <param name="created">When.</param>
    public static string Render(StudyPlan plan, string directory, StudyResults results, DateTimeOffset created)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(results);
        var view = new View(plan, new StepStore(directory), results);
        var page = new Markup();
        ReportPage.Head(page, plan.Recipe.Name, Summary(view));
        ReportPage.Facts(page, FactsOf(view));
        foreach (TrainingPlan training in plan.Recipe.Training)
        {
            foreach (string test in plan.Tests)
            {
                if (view.Line(training.Name, Variant.None, test) is null) continue;
                Figures1(page, view, training.Name, test);
                Comparison(page, view, training.Name, test);
            }
        }

        References(page, view);
        Distributions(page, view);
        Agreement(page, view);
        WhatIsKept(page, view);
        Glue(page, results);
        Costs(page, view);
        Contamination(page, view);
        ReportPage.Options(page, OptionsOf(plan.Recipe));
        return ReportPage.Foot(page, Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "", created);
    }

    private static string Summary(View view)
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

    private static List<Fact> FactsOf(View view)
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

    private static void Figures1(Markup page, View view, string training, string test)
    {
        VariantResult none = view.Line(training, Variant.None, test)!;
        ReportPage.Section(page, $"Perplexity and the fraction kept: {training} on {test}",
            "Lower is better. A point is the mean over seeds, its whisker one standard deviation; the dashed line is no pruning, its shade the spread of its seeds.");
        FractionLine? random = Line(view, training, test, "random", "", "random");
        foreach (ScoringPlan scoring in view.Plan.Scorings)
        {
            foreach (string metric in scoring.Metrics)
            {
                List<FractionLine> lines = [.. view.Plan.Recipe.Bands.Select(band => Line(view, training, test, metric, scoring.Name, band)).OfType<FractionLine>()];
                if (lines.Count == 0) continue;
                if (random is not null) lines.Add(random);
                string title = $"{metric}, reference {scoring.Name}";
                page.Line("<figure>").Line($"<h3>{Escape(title)}</h3>")
                    .Line($"<div class=\"scroll\">{StudyCharts.Fractions(lines, none.Perplexity, none.SeedDeviation, title)}</div>").Line("</figure>");
            }
        }

        page.Line("</section>");
    }

    private static FractionLine? Line(View view, string training, string test, string metric, string scoring, string band)
    {
        List<(double, double, double)> points = [];
        foreach (double fraction in view.Plan.Recipe.Fractions.Order())
            if (view.Line(training, new Variant(metric, scoring, band, fraction), test) is { } line) points.Add((fraction, line.Perplexity, line.SeedDeviation));
        return points.Count == 0 ? null : new FractionLine(band, points);
    }

    private static void Comparison(Markup page, View view, string training, string test)
    {
        VariantResult[] lines = [.. view.Results.Results.Where(r => r.Training == training && r.Test == test && r.Variant.Metric != "none").OrderByDescending(r => r.OverNone.Value)];
        if (lines.Length == 0) return;
        ReportPage.Section(page, $"Against no pruning: {training} on {test}",
            $"Relative change of test perplexity, positive is better, with {Figures.Percent(view.Plan.Recipe.Evaluation.Confidence)} intervals over test documents and seeds. A win whose interval holds 0 is not called one; of {lines.Length} intervals about {Math.Round(lines.Length * (1 - view.Plan.Recipe.Evaluation.Confidence))} exclude 0 by chance alone.");
        page.Line("<figure>").Line($"<div class=\"scroll\">{StudyCharts.Intervals(Bars(lines), "improvement over no pruning, %", "Improvement over no pruning")}</div>").Line("</figure>");
        page.Line("<div class=\"scroll\"><table><thead><tr><th>variant</th><th class=\"n\">perplexity</th><th class=\"n\">± seeds</th><th class=\"n\">over no pruning</th><th class=\"n\">interval</th><th>verdict</th><th class=\"n\">over random</th><th class=\"n\">interval</th><th>verdict</th></tr></thead><tbody>");
        foreach (VariantResult line in lines.Prepend(view.Line(training, Variant.None, test)!))
        {
            page.Line($"<tr><th scope=\"row\">{Escape(line.Variant.ToString())}</th><td class=\"n\">{Figures.Score(line.Perplexity, 5)}</td><td class=\"n\">{Figures.Score(line.SeedDeviation, 2)}</td>"
                + $"{Cells(line.Variant.Metric == "none" ? null : line.OverNone, line.Verdict)}{Cells(line.OverRandom, line.VerdictOverRandom)}</tr>");
        }

        page.Line("</tbody></table></div>").Line("</section>");
    }

    private static List<IntervalLine> Bars(VariantResult[] lines)
    {
        IEnumerable<VariantResult> shown = lines.Length <= MostBars ? lines : lines.Take(MostBars / 2).Concat(lines.TakeLast(MostBars / 2));
        return [.. shown.Select(line => new IntervalLine(line.Variant.ToString(), line.OverNone.Value, line.OverNone.Low, line.OverNone.High))];
    }

    private static string Cells(Estimate? estimate, string? verdict) => estimate is null
        ? "<td></td><td></td><td></td>"
        : $"<td class=\"n\">{Signed(estimate.Value)}</td><td class=\"n\">{(estimate is { Low: { } low, High: { } high } ? $"{Signed(low)} … {Signed(high)}" : "–")}</td><td>{Escape(verdict ?? "")}</td>";

    private static void References(Markup page, View view)
    {
        if (view.Plan.Scorings.Count < 2) return;
        string test = view.Plan.Tests[0], training = view.Plan.Recipe.Training[0].Name;
        ReportPage.Section(page, "Which reference, and how much of its training",
            $"The best fraction of each band, as improvement over no pruning on {test}: larger against smaller references, other training data, early checkpoints.");
        page.Line("<div class=\"scroll\"><table><thead><tr><th>reference</th><th>metric</th>");
        foreach (string band in view.Plan.Recipe.Bands) page.Line($"<th class=\"n\">{Escape(band)}</th><th class=\"n\">at</th>");
        page.Line("</tr></thead><tbody>");
        foreach (ScoringPlan scoring in view.Plan.Scorings)
        {
            foreach (string metric in scoring.Metrics)
            {
                page.Line($"<tr><th scope=\"row\">{Escape(scoring.Name)}</th><td>{Escape(metric)}</td>");
                foreach (string band in view.Plan.Recipe.Bands)
                {
                    VariantResult? best = view.Results.Results
                        .Where(r => r.Training == training && r.Test == test && r.Variant.Scoring == scoring.Name && r.Variant.Metric == metric && r.Variant.Band == band)
                        .MaxBy(r => r.OverNone.Value);
                    page.Line(best is null ? "<td class=\"n\">–</td><td></td>" : $"<td class=\"n\">{Signed(best.OverNone.Value)}</td><td class=\"n\">{best.Variant.Percent}</td>");
                }

                page.Line("</tr>");
            }
        }

        page.Line("</tbody></table></div>").Line("</section>");
    }

    private static void Distributions(Markup page, View view)
    {
        if (!view.Plan.Scorings.Any(scoring => view.Run(scoring) is not null)) return;
        ReportPage.Section(page, "How the scores are distributed", "Every reference's scores of the corpus that is pruned.");
        foreach (ScoringPlan scoring in view.Plan.Scorings)
        {
            if (view.Run(scoring) is not { } run) continue;
            ScoreTable table = ScoreTable.Open(run);
            foreach (string metric in scoring.Metrics)
            {
                var statistics = new ScoreStatistics(metric, table.Schema.IndexOf(metric), []);
                foreach (ScoreRow row in table.ReadRows()) statistics.Measure(row, true);
                statistics.Prepare();
                foreach (ScoreRow row in table.ReadRows()) statistics.Place(row, true);
                if (statistics.Histogram() is not { } histogram) continue;
                page.Line("<figure>").Line($"<h3>{Escape($"{metric}, reference {scoring.Name}")}</h3>").Line($"<div class=\"scroll\">{Charts.Histogram(histogram)}</div>").Line("</figure>");
            }
        }

        page.Line("</section>");
    }

    private static void Agreement(Markup page, View view)
    {
        List<(string Name, Dictionary<(int, long), double> Scores)> columns = [];
        foreach (ScoringPlan scoring in view.Plan.Scorings)
        {
            if (view.Run(scoring) is not { } run) continue;
            ScoreTable table = ScoreTable.Open(run);
            foreach (string metric in scoring.Metrics)
            {
                int at = table.Schema.IndexOf(metric);
                columns.Add(($"{metric} ({scoring.Name})", table.ReadRows().Where(row => double.IsFinite(row.Values[at])).ToDictionary(row => (row.Shard, row.Row), row => row.Values[at])));
            }
        }

        if (columns.Count < 2) return;
        ReportPage.Section(page, "Do the scores agree?", "Spearman's ρ between metrics and references, and the share of the middle half that both keep (chance: 50 %).");
        page.Line("<div class=\"scroll\"><table><thead><tr><th>first</th><th>second</th><th class=\"n\">Spearman’s ρ</th><th class=\"n\">middle half in common</th></tr></thead><tbody>");
        for (int i = 0; i < columns.Count; i++)
        {
            for (int j = i + 1; j < columns.Count; j++)
            {
                (int, long)[] both = [.. columns[i].Scores.Keys.Where(columns[j].Scores.ContainsKey).Order()];
                if (both.Length < 4) continue;
                double[] x = [.. both.Select(unit => columns[i].Scores[unit])], y = [.. both.Select(unit => columns[j].Scores[unit])];
                page.Line($"<tr><th scope=\"row\">{Escape(columns[i].Name)}</th><td>{Escape(columns[j].Name)}</td><td class=\"n\">{RankAgreement.Correlate(x, y).ToString("0.000", CultureInfo.InvariantCulture)}</td><td class=\"n\">{Figures.Percent(MiddleOverlap(x, y))}</td></tr>");
            }
        }

        page.Line("</tbody></table></div>").Line("</section>");
    }

    private static double MiddleOverlap(double[] x, double[] y)
    {
        HashSet<int> Middle(double[] values)
        {
            int kept = values.Length / 2, from = (values.Length - kept) / 2;
            return [.. Enumerable.Range(0, values.Length).OrderBy(i => values[i]).ThenBy(i => i).Skip(from).Take(kept)];
        }

        HashSet<int> first = Middle(x);
        return Middle(y).Count(first.Contains) / (double)Math.Max(1, first.Count);
    }

    private static void WhatIsKept(Markup page, View view)
    {
        List<(Variant Variant, SelectionSummary Summary)> selections = [];
        foreach (TrainedVariant trained in view.Plan.Trained.DistinctBy(t => t.Variant))
            if (trained.Select is { } select && StudyResults.IsDone(view.Plan, view.Store, select))
                selections.Add((trained.Variant, SelectionDirectory.Open(Path.Combine(StudyResults.Output(view.Plan, view.Store, select), SelectWork.Folder)).Summary));
        string[] sources = [.. selections.SelectMany(s => s.Summary.Shares).Where(t => t.Column == "source").SelectMany(t => t.Values)
            .GroupBy(v => v.Value).OrderByDescending(g => g.First().ShareBefore).Take(8).Select(g => g.Key)];
        if (selections.Count == 0) return;
        ReportPage.Section(page, "What each variant keeps", "Mean length of the kept units, and how the largest sources' shares change; the first line is the whole corpus.");
        page.Line($"<div class=\"scroll\"><table><thead><tr><th>variant</th><th class=\"n\">units</th><th class=\"n\">tokens a unit</th><th class=\"n\">bytes a token</th>{string.Concat(sources.Select(s => $"<th class=\"n\">{Escape(s)}</th>"))}</tr></thead><tbody>");
        SelectionSummary whole = selections[0].Summary;
        Row("whole corpus", whole.All, sources.Select(s => Of(whole, s)?.ShareBefore));
        foreach ((Variant variant, SelectionSummary summary) in selections) Row(variant.ToString(), summary.Kept, sources.Select(s => Of(summary, s)?.ShareAfter));
        page.Line("</tbody></table></div>").Line("</section>");

        void Row(string name, Amount amount, IEnumerable<double?> shares) => page.Line(
            $"<tr><th scope=\"row\">{Escape(name)}</th><td class=\"n\">{Figures.Count(amount.Units)}</td><td class=\"n\">{Figures.Significant(amount.Tokens / (double)Math.Max(1, amount.Units), 4)}</td><td class=\"n\">{Figures.Significant(amount.Bytes / (double)Math.Max(1, amount.Tokens), 3)}</td>"
            + string.Concat(shares.Select(share => $"<td class=\"n\">{(share is { } s ? Figures.Percent(s) : "–")}</td>")) + "</tr>");

        static Share? Of(SelectionSummary summary, string source) => summary.Shares.FirstOrDefault(t => t.Column == "source")?.Values.FirstOrDefault(v => v.Value == source);
    }

    private static void Glue(Markup page, StudyResults results)
    {
        if (results.Glue.Count == 0) return;
        string[] columns = [.. results.Glue.Select(line => $"{line.Task} {line.Measure}{(line.Set == "dev" ? "" : $" ({line.Set[4..]})")}").Distinct()];
        ReportPage.Section(page, "GLUE", "Dev-set results of fine-tuned models, times 100: mean ± standard deviation over models and fine-tunings.");
        page.Line($"<div class=\"scroll\"><table><thead><tr><th>variant</th>{string.Concat(columns.Select(c => $"<th class=\"n\">{Escape(c)}</th>"))}</tr></thead><tbody>");
        foreach (var group in results.Glue.GroupBy(line => (line.Training, line.Variant)))
        {
            page.Line($"<tr><th scope=\"row\">{Escape(group.Key.Variant.ToString())}</th>"
                + string.Concat(group.Select(line => $"<td class=\"n\">{(100 * line.Mean).ToString("0.00", CultureInfo.InvariantCulture)} ± {(100 * line.Deviation).ToString("0.00", CultureInfo.InvariantCulture)}</td>")) + "</tr>");
        }

        page.Line("</tbody></table></div>").Line("</section>");
    }

    private static void Costs(Markup page, View view)
    {
        double training = view.Trained("train/").Select(t => t.Flops).DefaultIfEmpty(0).Average();
        if (training == 0) return;
        ReportPage.Section(page, "What scoring costs, and what it buys",
            "FLOPs by the models’ formulas. Scoring pays where what a smaller set saves, or what better text gains, is worth more than the reference and its pass over the corpus; a score is paid once and serves every later training.");
        page.Line("<div class=\"scroll\"><table><thead><tr><th>reference</th><th class=\"n\">training it</th><th class=\"n\">scoring</th><th class=\"n\">of one final training</th></tr></thead><tbody>");
        foreach (ScoringPlan scoring in view.Plan.Scorings)
        {
            if (view.Run(scoring) is not { } run) continue;
            double trained = view.Trained($"reference/{scoring.Reference}/").Sum(t => t.Flops) * scoring.Share, scored = RunDirectory.ReadManifest(run).Cost.Flops;
            page.Line($"<tr><th scope=\"row\">{Escape(scoring.Name)}</th><td class=\"n\">{Figures.Short(trained)}FLOP</td><td class=\"n\">{Figures.Short(scored)}FLOP</td><td class=\"n\">{Figures.Percent((trained + scored) / training)}</td></tr>");
        }

        page.Line($"<tr class=\"sum\"><th scope=\"row\">one final training</th><td class=\"n\">{Figures.Short(training)}FLOP</td><td></td><td></td></tr></tbody></table></div>").Line("</section>");
    }

    private static void Contamination(Markup page, View view)
    {
        if (view.Prepared is not { } prepared) return;
        ReportPage.Section(page, "Test sets", "No text of a test set is trained on: copies are removed by hash. Documents that still share a 13-gram with the training corpus are counted.");
        page.Line("<div class=\"scroll\"><table><thead><tr><th>test set</th><th class=\"n\">documents</th><th class=\"n\">bytes</th><th class=\"n\">copies removed from training</th><th class=\"n\">share a 13-gram</th></tr></thead><tbody>");
        foreach ((string name, TestSetFacts facts) in prepared.Test)
            page.Line($"<tr><th scope=\"row\">{Escape(name)}</th><td class=\"n\">{Figures.Count(facts.Documents)}</td><td class=\"n\">{Figures.Bytes(facts.Bytes)}</td><td class=\"n\">{Figures.Count(facts.Removed)}</td><td class=\"n\">{Figures.Percent(facts.Overlapping / (double)Math.Max(1, facts.Documents))}</td></tr>");
        page.Line("</tbody></table></div>").Line("</section>");
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
            : [Pair("data", r.Data), Pair("model", recipe.Models[r.Model]), Pair("length", Length(r.Length)), Pair("schedule", r.Schedule), Pair("seeds", string.Join(", ", r.Seeds))])));
        groups.AddRange(recipe.Training.Select(t => new OptionGroup($"Trained model {t.Name}", [Pair("model", recipe.Models[t.Model]), Pair("length", Length(t.Length)), Pair("equal", t.Equal), Pair("schedule", t.Schedule)])));
        return groups;
    }

    private static string Length(TrainingLength length) => length.Tokens > 0 ? $"{Figures.Short(length.Tokens)} tokens" : $"{Figures.Significant(length.Epochs, 3)} epochs";

    private static string Signed(double fraction) => (100 * fraction).ToString("+0.00;−0.00;0.00", CultureInfo.InvariantCulture) + " %";

    /// <summary>The plan, its outputs, and look-ups in them.</summary>
    private sealed class View(StudyPlan plan, StepStore store, StudyResults results)
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
    }
}
