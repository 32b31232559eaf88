using System.Globalization;
using Winnow.Pruning;
using Winnow.Pruning.Selection;
using Winnow.Studies.Works;
using static Winnow.Studies.Reports.Markup;

namespace Winnow.Studies.Reports;

/// <summary>The sections of a study's report about scores and text: how scores are distributed and agree, what is kept, what it costs.</summary>
internal static class StudySections
{
    private const int MostParts = 7;

    /// <summary>Writes them all; what is not done yet is left out.</summary>
    internal static void Write(Markup page, StudyView view)
    {
        Distributions(page, view);
        Agreement(page, view);
        WhatIsKept(page, view);
        Costs(page, view);
        Contamination(page, view);
    }

    private static void Distributions(Markup page, StudyView view)
    {
        if (!view.Plan.Scorings.Any(scoring => view.Run(scoring) is not null)) return;
        ReportPage.Section(page, "How the scores are distributed", "Every reference's scores of the corpus that is pruned.");
        page.Line("<div class=\"panels\">");
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
                page.Line("<figure>").Line($"<h3>{Escape($"{metric}, reference {scoring.Name}")}</h3>").Line(Charts.Histogram(histogram, width: 520)).Line("</figure>");
            }
        }

        page.Line("</div>").Line("</section>");
    }

    private static void Agreement(Markup page, StudyView view)
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
        var found = new Dictionary<(int, int), (double Rho, double Overlap)>();
        for (int i = 0; i < columns.Count; i++)
        {
            for (int j = i + 1; j < columns.Count; j++)
            {
                (int, long)[] both = [.. columns[i].Scores.Keys.Where(columns[j].Scores.ContainsKey).Order()];
                double[] x = [.. both.Select(unit => columns[i].Scores[unit])], y = [.. both.Select(unit => columns[j].Scores[unit])];
                found[(i, j)] = both.Length < 4 ? (double.NaN, double.NaN) : (RankAgreement.Correlate(x, y), MiddleOverlap(x, y));
            }
        }

        double Value(int r, int c) => r > c ? found[(c, r)].Rho : found[(r, c)].Overlap;
        string Say(int r, int c) => r > c
            ? string.Create(CultureInfo.InvariantCulture, $"{columns[c].Name}, {columns[r].Name}: Spearman’s ρ {Value(r, c):0.000}")
            : $"{columns[r].Name}, {columns[c].Name}: {Figures.Percent(Value(r, c))} of the middle half in common";
        ReportPage.Section(page, "Do the scores agree?", "Times 100. Below the diagonal: Spearman’s ρ between metrics and references. Above it: the share of one’s middle half that is in the other’s too (chance: 50).");
        page.Line("<figure>").Line($"<div class=\"scroll\">{StudyCharts.Matrix([.. columns.Select(c => c.Name)], Value, (r, c) => Say(r, c), "Agreement of scores")}</div>").Line("</figure>").Line("</section>");
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

    private static void WhatIsKept(Markup page, StudyView view)
    {
        List<(Variant Variant, SelectionSummary Summary)> selections = [];
        foreach (TrainedVariant trained in view.Plan.Trained.DistinctBy(t => t.Variant))
            if (trained.Select is { } select && StudyResults.IsDone(view.Plan, view.Store, select))
                selections.Add((trained.Variant, SelectionDirectory.Open(Path.Combine(StudyResults.Output(view.Plan, view.Store, select), SelectWork.Folder)).Summary));
        if (selections.Count == 0) return;
        string[] sources = [.. selections.SelectMany(s => s.Summary.Shares).Where(t => t.Column == "source").SelectMany(t => t.Values)
            .GroupBy(v => v.Value).OrderByDescending(g => g.First().ShareBefore).Take(MostParts).Select(g => g.Key)];
        SelectionSummary whole = selections[0].Summary;
        double shown = view.Plan.Recipe.Fractions.MinBy(f => Math.Abs(f - 0.5));
        ReportPage.Section(page, "What each variant keeps", $"How the largest sources’ shares change, where {Figures.Percent(shown)} is kept, and the length and density of what is kept; the first line is the whole corpus.");
        if (sources.Length > 1)
        {
            (string, string)[] parts = [.. sources.Select((source, i) => (source.Length == 0 ? "no source" : source, StudyCharts.Kinds[i])), ("others", "eighth")];
            List<(string, double[])> bars = [("whole corpus", Parts(whole, share => share.ShareBefore))];
            bars.AddRange(selections.Where(s => s.Variant.Fraction == shown).Select(s => (s.Variant.ToString(), Parts(s.Summary, share => share.ShareAfter))));
            page.Line(StudyCharts.Legend(parts, baseline: false)).Line("<figure>").Line($"<div class=\"scroll\">{StudyCharts.Shares(bars, parts, "Sources of what is kept")}</div>").Line("</figure>");
        }

        page.Line($"<details><summary><b>All {selections.Count} variants</b><span>units, length, bytes a token, shares of sources</span></summary>");
        page.Line($"<div class=\"scroll nowrap\"><table><thead><tr><th>variant</th><th class=\"n\">units</th><th class=\"n\">tokens a unit</th><th class=\"n\">bytes a token</th>{string.Concat(sources.Select(s => $"<th class=\"n\">{Escape(s)}</th>"))}</tr></thead><tbody>");
        Row("whole corpus", whole.All, sources.Select(s => Of(whole, s)?.ShareBefore));
        foreach ((Variant variant, SelectionSummary summary) in selections) Row(variant.ToString(), summary.Kept, sources.Select(s => Of(summary, s)?.ShareAfter));
        page.Line("</tbody></table></div></details>").Line("</section>");

        void Row(string name, Amount amount, IEnumerable<double?> shares) => page.Line(
            $"<tr><th scope=\"row\">{Escape(name)}</th><td class=\"n\">{Figures.Count(amount.Units)}</td><td class=\"n\">{Figures.Significant(amount.Tokens / (double)Math.Max(1, amount.Units), 4)}</td><td class=\"n\">{Figures.Significant(amount.Bytes / (double)Math.Max(1, amount.Tokens), 3)}</td>"
            + string.Concat(shares.Select(share => $"<td class=\"n\">{(share is { } s ? Figures.Percent(s) : "–")}</td>")) + "</tr>");

        double[] Parts(SelectionSummary summary, Func<Share, double> share)
        {
            double[] named = [.. sources.Select(source => Of(summary, source) is { } one ? share(one) : 0)];
            return [.. named, Math.Max(0, 1 - named.Sum())];
        }

        static Share? Of(SelectionSummary summary, string source) => summary.Shares.FirstOrDefault(t => t.Column == "source")?.Values.FirstOrDefault(v => v.Value == source);
    }

    private static void Costs(Markup page, StudyView view)
    {
        string name = view.Plan.Recipe.Training[0].Name, test = view.Plan.Tests[0];
        double training = view.Trained($"train/{name}/").Select(t => t.Flops).DefaultIfEmpty(0).Average();
        if (training == 0) return;
        ReportPage.Section(page, "What scoring costs, and what it buys",
            $"FLOP by the models’ formulas: the reference’s training and its pass over the corpus, against one training of {name}, and the best improvement of each score on {test}. A score is paid once and serves every later training; it pays where the better text is worth more than it costs.");
        VariantResult? none = view.Line(name, Variant.None, test);
        var dots = new List<CostDot>();
        var table = new Markup();
        foreach (ScoringPlan scoring in view.Plan.Scorings)
        {
            if (view.Run(scoring) is not { } run) continue;
            double trained = view.Trained($"reference/{scoring.Reference}/").Sum(t => t.Flops) * scoring.Share, scored = RunDirectory.ReadManifest(run).Cost.Flops;
            foreach ((string metric, int i) in scoring.Metrics.Select(metric => (metric, view.Plan.Recipe.Metrics.ToList().IndexOf(metric))))
            {
                VariantResult? best = none is null ? null : view.Best(none, v => v.Scoring == scoring.Name && v.Metric == metric);
                if (best is not null) dots.Add(new CostDot(scoring.Name, StudyCharts.Kinds[i], (trained + scored) / training, best.OverNone.Value));
                table.Line($"<tr><th scope=\"row\">{Escape(scoring.Name)}</th><td>{Escape(metric)}</td><td class=\"n\">{Figures.Short(trained)}FLOP</td><td class=\"n\">{Figures.Short(scored)}FLOP</td><td class=\"n\">{Figures.Percent((trained + scored) / training)}</td>"
                    + $"<td class=\"n\">{(best is null ? "–" : StudyPage.Signed(best.OverNone.Value))}</td><td>{(best is null ? "" : Escape($"{best.Variant.Band} {best.Variant.Percent}, {best.Verdict}"))}</td></tr>");
            }
        }

        if (dots.Count > 1)
            page.Line(StudyCharts.Legend(view.Plan.Recipe.Metrics.Select((metric, i) => (metric, StudyCharts.Kinds[i])))).Line("<figure>").Line($"<div class=\"scroll\">{StudyCharts.CostAgainstGain(dots, "Cost of scores against what they gain")}</div>").Line("</figure>");
        page.Line("<div class=\"scroll nowrap\"><table><thead><tr><th>reference</th><th>metric</th><th class=\"n\">training it</th><th class=\"n\">scoring</th><th class=\"n\">of one final training</th><th class=\"n\">best gain</th><th>with</th></tr></thead><tbody>").Raw(table.ToString());
        page.Line($"<tr class=\"sum\"><th scope=\"row\">one final training</th><td></td><td class=\"n\">{Figures.Short(training)}FLOP</td><td></td><td></td><td></td><td></td></tr></tbody></table></div>").Line("</section>");
    }

    private static void Contamination(Markup page, StudyView view)
    {
        if (view.Prepared is not { } prepared) return;
        ReportPage.Section(page, "Test sets", "No text of a test set is trained on: copies are removed by hash. Documents that still share a 13-gram with the training corpus are counted.");
        page.Line("<div class=\"scroll\"><table><thead><tr><th>test set</th><th class=\"n\">documents</th><th class=\"n\">bytes</th><th class=\"n\">copies removed from training</th><th class=\"n\">share a 13-gram</th></tr></thead><tbody>");
        foreach ((string name, TestSetFacts facts) in prepared.Test)
            page.Line($"<tr><th scope=\"row\">{Escape(name)}</th><td class=\"n\">{Figures.Count(facts.Documents)}</td><td class=\"n\">{Figures.Bytes(facts.Bytes)}</td><td class=\"n\">{Figures.Count(facts.Removed)}</td><td class=\"n\">{Figures.Percent(facts.Overlapping / (double)Math.Max(1, facts.Documents))}</td></tr>");
        page.Line("</tbody></table></div>").Line("</section>");
    }
}
