using System.Globalization;
using static Winnow.Studies.Reports.Markup;

namespace Winnow.Studies.Reports;

/// <summary>Renders a report as one HTML file that asks for nothing else: styles and pictures are inside.</summary>
public static class ReportPage
{
    /// <summary>The page. The same data gives the same text.</summary>
    public static string Render(ReportData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        var page = new Markup();
        Head(page, data.Title, data.Summary);
        Facts(page, data.Facts);
        Distribution(page, data.Histogram);
        Sources(page, data);
        Lengths(page, data.Lengths);
        Samples(page, data.Samples);
        Training(page, data.Curves);
        LeftOut(page, data);
        Costs(page, data);
        Options(page, data.Options);
        return Foot(page, data.Version, data.Created);
    }

    /// <summary>The end of a page, and the page.</summary>
    internal static string Foot(Markup page, string version, DateTimeOffset created)
    {
        page.Line($"<footer>Written by Winnow {Escape(version)} on {Stamp(created)} UTC. This page holds everything it shows; it loads nothing.</footer>");
        return page.Line("</main>").Line("</body>").Line("</html>").ToString();
    }

    private static string Stamp(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    /// <summary>Everything up to the first section.</summary>
    internal static void Head(Markup page, string title, string summary)
    {
        page.Line("<!doctype html>").Line("<html lang=\"en\">").Line("<head>").Line("<meta charset=\"utf-8\">");
        page.Line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
        page.Line("<meta name=\"color-scheme\" content=\"light dark\">");
        page.Line("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">");
        page.Line($"<title>{Escape(title)} · Winnow</title>").Line("<style>").Raw(ReportStyle.Css).Line("</style>").Line("</head>");
        page.Line("<body>").Line("<main>").Line("<header>").Line($"<div class=\"mark\">{ReportStyle.Mark}<span>Winnow</span></div>");
        page.Line($"<h1>{Escape(title)}</h1>").Line($"<p class=\"lead\">{Escape(summary)}</p>").Line("</header>");
    }

    internal static void Facts(Markup page, IReadOnlyList<Fact> facts)
    {
        if (facts.Count == 0) return;
        page.Line("<dl class=\"facts\">");
        foreach (Fact fact in facts)
        {
            page.Line($"<div><dt>{Escape(fact.Label)}</dt><dd>{Escape(fact.Value)}</dd><dd class=\"note\">{Escape(fact.Note)}</dd></div>");
        }
        page.Line("</dl>");
    }

    private static void Distribution(Markup page, ScoreHistogram? data)
    {
        if (data is null) return;
        string cuts = data.Cuts.Count switch
        {
            0 => "",
            _ => $" The selection cuts at {string.Join(" and ", data.Cuts.Select(c => c.Words))}{(data.Cuts[0].Scores.Count > 1 ? ": each half of the corpus is ranked by itself, because another reference scored it" : "")}.",
        };
        string outside = data.Below + data.Above == 0 ? "" : $" {Figures.Count(data.Below + data.Above)} units lie outside the picture.";
        Section(page, "Where the cut falls", $"Units by {data.Metric}.{cuts}{outside}");
        page.Line("<figure>").Line("<div class=\"legend\"><span><i class=\"swatch in\"></i>kept</span><span><i class=\"swatch out\"></i>not kept</span></div>");
        page.Line($"<div class=\"scroll\">{Charts.Histogram(data)}</div>").Line("</figure>").Line("</section>");
    }

    private static void Sources(Markup page, ReportData data)
    {
        if (data.Sources.Count == 0) return;
        long units = Math.Max(1, data.Sources.Sum(s => s.Units)), kept = Math.Max(1, data.Sources.Sum(s => s.KeptUnits));
        string metric = data.Histogram?.Metric ?? "score";
        Section(page, "What each source keeps", "A selection by score changes the mixture: the shares before and after say by how much.");
        page.Line("<div class=\"scroll\"><table>");
        page.Line($"<thead><tr><th>source</th><th class=\"n\">units</th><th class=\"n\">kept</th><th class=\"wide\">kept of its units</th><th class=\"n\">share before</th><th class=\"n\">share after</th><th class=\"n\">kept bytes</th><th class=\"n\">median {Escape(metric)}</th></tr></thead><tbody>");
        foreach (SourceShare source in data.Sources)
        {
            double fraction = source.Units == 0 ? 0 : source.KeptUnits / (double)source.Units;
            string width = Figures.Significant(100 * fraction, 3);
            page.Line($"<tr><th scope=\"row\">{(source.Source.Length == 0 ? "<em>none</em>" : Escape(source.Source))}</th><td class=\"n\">{Figures.Count(source.Units)}</td><td class=\"n\">{Figures.Count(source.KeptUnits)}</td>"
                + $"<td class=\"wide\"><div class=\"meter\"><div class=\"track\"><div style=\"width:{width}%\"></div></div><span>{Figures.Percent(fraction)}</span></div></td>"
                + $"<td class=\"n\">{Figures.Percent(source.Units / (double)units)}</td><td class=\"n\">{Figures.Percent(source.KeptUnits / (double)kept)}</td><td class=\"n\">{Figures.Bytes(source.KeptBytes)}</td><td class=\"n\">{Figures.Score(source.MedianScore)}</td></tr>");
        }
        page.Line("</tbody></table></div>").Line("</section>");
    }

    private static void Lengths(Markup page, LengthDensity? data)
    {
        if (data is null || data.Counts.Count == 0 || data.Counts.Max() == 0) return;
        Section(page, "Score against length", $"The stronger the colour, the more units; the line is the median. Spearman's ρ of {data.Metric} and length: {data.RankCorrelation.ToString("+0.00;−0.00;0.00", CultureInfo.InvariantCulture)}. A strong relation means that the cut also selects by length.");
        page.Line("<figure>").Line($"<div class=\"scroll\">{Charts.Density(data)}</div>").Line("</figure>").Line("</section>");
    }

    private static void Samples(Markup page, IReadOnlyList<SampleGroup> groups)
    {
        if (groups.Count == 0) return;
        Section(page, "Read the text", "What the score calls low and high, and what lies on either side of each cut. Long texts are shortened.");
        foreach (SampleGroup group in groups)
        {
            page.Line($"<details{(group == groups[0] ? " open" : "")}><summary><b>{Escape(group.Title)}</b><span>{Escape(group.Note)}</span></summary>").Line("<ol class=\"samples\">");
            foreach (Sample sample in group.Samples)
            {
                string where = string.Join(" · ", new[] { sample.Source, sample.Id }.Where(s => s.Length > 0).Distinct().Select(Escape));
                page.Line($"<li><div class=\"meta\"><b>{Figures.Score(sample.Score)}</b><span class=\"tag {(sample.Kept ? "in" : "out")}\">{(sample.Kept ? "kept" : "not kept")}</span><span>{where}</span><span class=\"n\">{Figures.Bytes(sample.Bytes)}, {Figures.Count(sample.Tokens)} tokens</span></div>");
                page.Line($"<p dir=\"auto\">{Escape(sample.Text)}</p></li>");
            }
            page.Line("</ol></details>");
        }
        page.Line("</section>");
    }

    private static void Training(Markup page, IReadOnlyList<TrainingCurve> curves)
    {
        string picture = Charts.Curves(curves);
        if (picture.Length == 0) return;
        Section(page, "How the reference learned", "Loss of each training batch, pale, and its moving average.");
        page.Line("<figure>").Line($"<div class=\"scroll\">{picture}</div>").Line("</figure>").Line("</section>");
    }

    private static void LeftOut(Markup page, ReportData data)
    {
        Section(page, "What has no score", data.Skipped.Count + data.BadRecordCount == 0
            ? "Nothing: every record was read, and every unit has a score."
            : "Units that could not be scored never count as best or worst; what happens to them is the selection's option.");
        if (data.Skipped.Count > 0)
        {
            page.Line("<div class=\"scroll\"><table><thead><tr><th>status</th><th class=\"n\">units</th><th class=\"n\">bytes</th><th>why</th></tr></thead><tbody>");
            foreach (Skipped skipped in data.Skipped)
            {
                page.Line($"<tr><th scope=\"row\"><code>{Escape(skipped.Status)}</code></th><td class=\"n\">{Figures.Count(skipped.Units)}</td><td class=\"n\">{Figures.Bytes(skipped.Bytes)}</td><td>{Escape(skipped.Meaning)}</td></tr>");
            }
            page.Line("</tbody></table></div>");
        }
        if (data.BadRecordCount > 0)
        {
            page.Line($"<h3>{Figures.Count(data.BadRecordCount)} record{(data.BadRecordCount == 1 ? "" : "s")} could not be read{(data.BadRecords.Count < data.BadRecordCount ? $"; the first {Figures.Count(data.BadRecords.Count)}" : "")}</h3>").Line("<ul class=\"mono\">");
            foreach (string bad in data.BadRecords) page.Line($"<li>{Escape(bad)}</li>");
            page.Line("</ul>");
        }
        page.Line("</section>");
    }

    private static void Costs(Markup page, ReportData data)
    {
        if (data.Costs.Count == 0) return;
        Section(page, "What it cost", data.CostNote);
        page.Line("<div class=\"scroll\"><table><thead><tr><th>phase</th><th class=\"n\">time</th><th class=\"n\">tokens</th><th class=\"n\">tokens/s</th><th class=\"n\">FLOP</th><th class=\"n\">GFLOP/s</th><th class=\"n\">of peak</th></tr></thead><tbody>");
        foreach (CostLine line in data.Costs) CostRow(page, line, "");
        if (data.Costs.Count > 1)
        {
            CostRow(page, new CostLine("all", data.Costs.Sum(c => c.Seconds), 0, data.Costs.Sum(c => c.Flops), null), " class=\"sum\"");
        }
        page.Line("</tbody></table></div>").Line("</section>");
    }

    private static void CostRow(Markup page, CostLine line, string kind)
    {
        bool timed = line.Seconds > 0;
        string tokens = line.Tokens == 0 ? "" : Figures.Count(line.Tokens);
        string rate = line.Tokens == 0 || !timed ? "" : Figures.Count((long)(line.Tokens / line.Seconds));
        string flops = line.Flops == 0 ? "" : Figures.Short(line.Flops);
        string speed = line.Flops == 0 || !timed ? "" : Figures.Significant(line.Flops / line.Seconds / 1e9, 3);
        string peak = line.FractionOfPeak is { } part ? Figures.Percent(part) : "";
        page.Line($"<tr{kind}><th scope=\"row\">{Escape(line.Phase)}</th><td class=\"n\">{Figures.Duration(line.Seconds)}</td><td class=\"n\">{tokens}</td><td class=\"n\">{rate}</td><td class=\"n\">{flops}</td><td class=\"n\">{speed}</td><td class=\"n\">{peak}</td></tr>");
    }

    internal static void Options(Markup page, IReadOnlyList<OptionGroup> groups)
    {
        if (groups.Count == 0) return;
        Section(page, "How to get the same again", "The same inputs, options and versions give the same bytes, for any number of threads.");
        page.Line("<div class=\"groups\">");
        foreach (OptionGroup group in groups)
        {
            page.Line($"<div><h3>{Escape(group.Title)}</h3>").Line("<dl class=\"pairs\">");
            foreach ((string name, string value) in group.Values) page.Line($"<dt>{Escape(name)}</dt><dd>{Escape(value)}</dd>");
            page.Line("</dl></div>");
        }
        page.Line("</div>").Line("</section>");
    }

    internal static void Section(Markup page, string title, string note)
    {
        page.Line("<section>").Line($"<h2>{Escape(title)}</h2>");
        if (note.Length > 0) page.Line($"<p class=\"say\">{Escape(note)}</p>");
    }
}
