using System.Globalization;
using Winnow.Pruning;
using Winnow.Pruning.Selection;
using Winnow.Studies.Recipes;
using Winnow.Studies.Works;
using static Winnow.Studies.Reports.Markup;

namespace Winnow.Studies.Reports;

/// <summary>The sections of a study's report about scores and text: how scores are distributed and agree, what is kept, what it costs.</summary>
internal static class StudySections
{
    private const int MostParts = 7, MostBars = 24;

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
        IReadOnlyList<KeptText> kept = view.Results.Kept;
        if (kept.Count == 0) return;
        double shown = view.Plan.Recipe.Fractions.MinBy(f => Math.Abs(f - 0.5));
        KeptText[] bars = [.. kept.Where(text => text.Variant.Fraction == shown)];
        if (bars.Length > MostBars) bars = [.. bars.Where(text => !text.Variant.Scoring.Contains('@', StringComparison.Ordinal))];
        ReportPage.Section(page, "What each variant keeps", $"Shares of units where {Figures.Percent(shown)} is kept; the first bar is the whole corpus."
            + (view.Plan.Recipe.Unit == "sequence" ? " Units are sequences, all of one length." : ""));
        Shares(page, kept, bars, "source", "By source", "");
        Shares(page, kept, bars, "length", "By length", "Tokens of a document.");
        Shares(page, kept, bars, "script", "By script", "The script of most letters in a unit’s first tokens, of at most some 10,000 units. It is a guess at the language and no more: English and French are both Latin.");
        page.Line($"<details><summary><b>Size and density of all {kept.Count} variants</b><span>units, tokens a unit, bytes a token</span></summary>");
        page.Line("<div class=\"scroll nowrap\"><table><thead><tr><th>variant</th><th class=\"n\">units</th><th class=\"n\">tokens a unit</th><th class=\"n\">bytes a token</th></tr></thead><tbody>");
        foreach ((string name, Amount amount) in kept.Select(text => (text.Variant.ToString(), text.Kept)).Prepend(("whole corpus", kept[0].All)))
            page.Line($"<tr><th scope=\"row\">{Escape(name)}</th><td class=\"n\">{Figures.Count(amount.Units)}</td><td class=\"n\">{Figures.Significant(amount.Tokens / (double)Math.Max(1, amount.Units), 4)}</td><td class=\"n\">{Figures.Significant(amount.Bytes / (double)Math.Max(1, amount.Tokens), 3)}</td></tr>");
        page.Line("</tbody></table></div></details>").Line("</section>");
    }

    /// <summary>A bar a variant of one column's shares, and the table of all; nothing where nearly all units have one value.</summary>
    private static void Shares(Markup page, IReadOnlyList<KeptText> kept, KeptText[] bars, string column, string title, string say)
    {
        if (kept[0].Of(column) is not { } whole || whole.Values.Max(value => value.Before) > 0.995) return;
        string[] largest = [.. whole.Values.Where(value => value.Value != KeptShare.Rest).OrderByDescending(value => value.Before).Take(MostParts).Select(value => value.Value)];
        // In the table's own order: lengths ascend.
        string[] named = [.. whole.Values.Select(value => value.Value).Where(largest.Contains)];
        bool more = named.Length < whole.Values.Count;
        (string, string)[] parts = [.. named.Select((value, i) => (value.Length == 0 ? "no " + column : value, StudyCharts.Kinds[i])), .. more ? new[] { (KeptShare.Rest, "eighth") } : []];
        double[] Of(KeptText text, Func<KeptShare, double> share)
        {
            KeptTable? table = text.Of(column);
            double[] values = [.. named.Select(value => table?.Values.FirstOrDefault(one => one.Value == value) is { } found ? share(found) : 0)];
            return more ? [.. values, Math.Max(0, 1 - values.Sum())] : values;
        }

        page.Line($"<h3>{Escape(title)}</h3>").Line(say.Length > 0 ? $"<p class=\"say\">{Escape(say)}</p>" : "").Line(StudyCharts.Legend(parts, baseline: false));
        (string, double[])[] rows = [("whole corpus", Of(kept[0], value => value.Before)), .. bars.Select(text => (text.Variant.ToString(), Of(text, value => value.After)))];
        page.Line("<figure>").Line($"<div class=\"scroll\">{StudyCharts.Shares(rows, parts, title)}</div>").Line("</figure>");
        page.Line($"<details><summary><b>All {kept.Count} variants</b><span>{Escape(title.ToLowerInvariant())}</span></summary>");
        page.Line($"<div class=\"scroll nowrap\"><table><thead><tr><th>variant</th>{string.Concat(parts.Select(part => $"<th class=\"n\">{Escape(part.Item1)}</th>"))}</tr></thead><tbody>");
        foreach ((string name, double[] shares) in kept.Select(text => (text.Variant.ToString(), Of(text, value => value.After))).Prepend(rows[0]))
            page.Line($"<tr><th scope=\"row\">{Escape(name)}</th>{string.Concat(shares.Select(share => $"<td class=\"n\">{Figures.Percent(share)}</td>"))}</tr>");
        page.Line("</tbody></table></div></details>");
    }

    private static void Costs(Markup page, StudyView view)
    {
        TrainingPlan training = view.Plan.Recipe.Training[0];
        string test = view.Plan.Tests[0];
        ScoringCost[] costs = [.. view.Results.Costs.Where(cost => cost.Training == training.Name && cost.Test == test)];
        if (costs.Length == 0) return;
        ReportPage.Section(page, "What scoring costs, and what it buys",
            $"FLOP by the models’ formulas: the reference’s training (none for one that was there) and its pass over the corpus, against one training of {training.Name}, and the best improvement of each score on {test}. A score is paid once and serves every later training. " + Saved(training, costs));
        VariantResult none = view.Line(training.Name, Variant.None, test)!;
        string[] metrics = [.. view.Plan.Recipe.Metrics];
        string Kind(ScoringCost cost) => StudyCharts.Kinds[Array.IndexOf(metrics, cost.Metric)];
        (ScoringCost Cost, VariantResult? Best)[] lines = [.. costs.Select(cost => (cost, view.Best(none, v => v.Scoring == cost.Reference && v.Metric == cost.Metric)))];
        CostDot[] gains = [.. lines.Where(line => line.Best is not null).Select(line => new CostDot(line.Cost.Reference, Kind(line.Cost), line.Cost.Spent, line.Best!.OverNone.Value))];
        CostDot[] savings = [.. costs.Where(cost => cost.Saved is not null).Select(cost => new CostDot(cost.Reference, Kind(cost), cost.Spent, cost.Saved!.Value))];
        if (gains.Length > 1 || savings.Length > 0) page.Line(StudyCharts.Legend(metrics.Select((metric, i) => (metric, StudyCharts.Kinds[i]))));
        if (gains.Length > 1) page.Line("<figure>").Line($"<div class=\"scroll\">{StudyCharts.CostAgainstGain(gains, "gain over no pruning, %", false, "Cost of scores against what they gain")}</div>").Line("</figure>");
        if (savings.Any(dot => dot.Gain > 0)) page.Line("<figure>").Line($"<div class=\"scroll\">{StudyCharts.CostAgainstGain(savings, "saved of one training, %", true, "Cost of scores against what they save")}</div>").Line("</figure>");
        Curves(page, view, none);
        page.Line("<div class=\"scroll nowrap\"><table><thead><tr><th>reference</th><th>metric</th><th class=\"n\">training it</th><th class=\"n\">scoring</th><th class=\"n\">of one training</th><th class=\"n\">best gain</th><th>with</th><th class=\"n\">saved</th><th>with</th><th class=\"n\">pays after</th></tr></thead><tbody>");
        foreach ((ScoringCost cost, VariantResult? best) in lines)
        {
            page.Line($"<tr><th scope=\"row\">{Escape(cost.Reference)}</th><td>{Escape(cost.Metric)}</td><td class=\"n\">{Figures.Short(cost.ReferenceFlops)}FLOP</td><td class=\"n\">{Figures.Short(cost.ScoringFlops)}FLOP</td><td class=\"n\">{Figures.Percent(cost.Spent)}</td>"
                + $"<td class=\"n\">{(best is null ? "–" : StudyPage.Signed(best.OverNone.Value))}</td><td>{(best is null ? "" : Escape($"{best.Variant.Band} {best.Variant.Percent}, {best.Verdict}"))}</td>"
                + $"<td class=\"n\">{(cost.Saved is { } saved ? Figures.Percent(saved) : "–")}</td><td>{(cost.With is { } with ? Escape($"{with.Band} {with.Percent}") : "")}</td><td class=\"n\">{(cost.BreakEven is { } even ? Figures.Significant(even, 2) + " trainings" : "–")}</td></tr>");
        }

        page.Line($"<tr class=\"sum\"><th scope=\"row\">one training</th><td></td><td class=\"n\">{Figures.Short(costs[0].TrainingFlops)}FLOP</td>{string.Concat(Enumerable.Repeat("<td></td>", 7))}</tr></tbody></table></div>").Line("</section>");
    }

    /// <summary>What “saved” means in this study.</summary>
    private static string Saved(TrainingPlan training, ScoringCost[] costs) =>
        training.Equal == "epochs" ? "Saved: smaller sets train for less; it counts where the perplexity is no higher than without pruning."
        : costs.All(cost => cost.Saved is null) ? "What it saves was not measured: every variant trains on as many tokens. `checkpoints: [25%, 50%, 75%]` under the recipe’s `training` measures how much sooner a variant is as good as no pruning."
        : "Saved: the share of a training that is still to come when a variant’s checkpoint is already as good as the finished model without pruning, log-linear between checkpoints. Their learning rate has not come down yet, so a training made that short would do better. It has no interval: where a gain is unclear, so is what is saved, and the best of several variants is flattered by being picked.";

    /// <summary>The way to no pruning’s perplexity: no pruning itself and, of each metric, the variant that saves most.</summary>
    private static void Curves(Markup page, StudyView view, VariantResult none)
    {
        LearningCurve[] curves = [.. view.Results.Curves.Where(curve => curve.Training == none.Training && curve.Test == none.Test)];
        if (curves.FirstOrDefault(curve => curve.Variant == Variant.None) is not { } baseline) return;
        var lines = new List<FractionLine> { Line(baseline, "eighth") };
        foreach ((string metric, int i) in view.Plan.Recipe.Metrics.Select((metric, i) => (metric, i)))
            if (curves.Where(curve => curve.Variant.Metric == metric).MinBy(curve => (curve.ShareTo(none.Perplexity), curve.Points[^1].Perplexity)) is { } best) lines.Add(Line(best, StudyCharts.Kinds[i]));
        page.Line(StudyCharts.Legend(lines.Select(line => (line.Name, line.Kind)), baseline: true)).Line("<div class=\"panels\"><figure>")
            .Line($"<h3>{Escape($"Perplexity along the training: {none.Training} on {none.Test}")}</h3>").Line(StudyCharts.Fractions(lines, none.Perplexity, none.SeedDeviation, "Perplexity along the training", "of the training done")).Line("</figure></div>");
        static FractionLine Line(LearningCurve curve, string kind) => new(curve.Variant.ToString(), kind, [.. curve.Points.Select(point => (point.Share, point.Perplexity, 0.0))]);
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
