using static Winnow.Studies.Reports.Markup;

namespace Winnow.Studies.Reports;

/// <summary>A line of a study's figure: perplexity at each fraction kept.</summary>
/// <param name="Name">For the legend.</param>
/// <param name="Points">Fraction, perplexity and its spread over seeds, by ascending fraction.</param>
internal sealed record FractionLine(string Name, IReadOnlyList<(double Fraction, double Perplexity, double Deviation)> Points);

/// <summary>One line of a picture of intervals.</summary>
/// <param name="Name">On the left.</param>
/// <param name="Value">The dot.</param>
/// <param name="Low">Left end; null where nothing is known.</param>
/// <param name="High">Right end.</param>
internal sealed record IntervalLine(string Name, double Value, double? Low, double? High);

/// <summary>The pictures of a study's report.</summary>
internal static class StudyCharts
{
    private static readonly string[] Classes = ["first", "second", "third", "fourth"];

    /// <summary>Test perplexity against the fraction kept: a line per band, seeds' spread as whiskers, no pruning as a level line.</summary>
    internal static string Fractions(IReadOnlyList<FractionLine> lines, double baseline, double baselineDeviation, string label)
    {
        const double height = 330, top = 20, bottom = 52, legendWidth = 150;
        double low = Math.Min(baseline - baselineDeviation, lines.SelectMany(l => l.Points).Min(p => p.Perplexity - p.Deviation));
        double high = Math.Max(baseline + baselineDeviation, lines.SelectMany(l => l.Points).Max(p => p.Perplexity + p.Deviation));
        double room = Math.Max((high - low) * 0.06, high * 0.002), right = Charts.Width - Charts.Right - legendWidth;
        var x = new Axis(0, 1, Charts.Left, right, false);
        var y = new Axis(Math.Max(low - room, 0), high + room, height - bottom, top, false);
        Markup svg = Charts.Open(height, label);
        Charts.Grid(svg, y, y.Ticks(6), "test perplexity");
        string from = At(Charts.Left), to = At(right);
        if (baselineDeviation > 0)
            svg.Line($"<rect class=\"out\" fill-opacity=\".35\" x=\"{from}\" width=\"{At(right - Charts.Left)}\" y=\"{At(y.At(baseline + baselineDeviation))}\" height=\"{At(y.At(baseline - baselineDeviation) - y.At(baseline + baselineDeviation))}\"/>");
        svg.Line($"<line class=\"cut\" x1=\"{from}\" x2=\"{to}\" y1=\"{At(y.At(baseline))}\" y2=\"{At(y.At(baseline))}\"><title>no pruning: {Escape(Figures.Score(baseline, 5))}</title></line>");
        for (int i = 0; i < lines.Count; i++) Draw(svg, lines[i], Classes[i % Classes.Length], x, y);
        double legend = top + 10;
        svg.Line($"<line class=\"cut\" x1=\"{At(right + 14)}\" x2=\"{At(right + 38)}\" y1=\"{At(legend - 4)}\" y2=\"{At(legend - 4)}\"/><text class=\"tick\" x=\"{At(right + 46)}\" y=\"{At(legend)}\">no pruning</text>");
        for (int i = 0; i < lines.Count; i++)
        {
            legend += 21;
            svg.Line($"<line class=\"line {Classes[i % Classes.Length]}\" x1=\"{At(right + 14)}\" x2=\"{At(right + 38)}\" y1=\"{At(legend - 4)}\" y2=\"{At(legend - 4)}\"/><text class=\"tick\" x=\"{At(right + 46)}\" y=\"{At(legend)}\">{Escape(lines[i].Name)}</text>");
        }

        svg.Line($"<line class=\"base\" x1=\"{from}\" x2=\"{to}\" y1=\"{At(y.Start)}\" y2=\"{At(y.Start)}\"/>");
        Charts.Bottom(svg, x, [0.1, 0.3, 0.5, 0.7, 0.9], y.Start + 20, "fraction kept", height - 8);
        return svg.Line("</svg>").ToString();
    }

    /// <summary>Improvements with their intervals, one line each, 0 marked: right of it is better.</summary>
    internal static string Intervals(IReadOnlyList<IntervalLine> lines, string axis, string label)
    {
        const double row = 24, top = 12, bottom = 50, names = 300;
        double height = top + (row * lines.Count) + bottom;
        double most = 1.08 * Math.Max(1e-4, lines.Max(l => Math.Max(Math.Abs(l.Low ?? l.Value), Math.Abs(l.High ?? l.Value))));
        var x = new Axis(-100 * most, 100 * most, names, Charts.Width - Charts.Right, false);
        double floor = height - bottom;
        Markup svg = Charts.Open(height, label);
        string zero = At(x.At(0));
        svg.Line($"<line class=\"base\" x1=\"{zero}\" x2=\"{zero}\" y1=\"{At(top - 4)}\" y2=\"{At(floor)}\"/>");
        for (int i = 0; i < lines.Count; i++)
        {
            double y = top + (row * i) + (row / 2);
            IntervalLine line = lines[i];
            string kind = line.Low > 0 ? "second" : line.High < 0 ? "fourth" : "first";
            svg.Line($"<text class=\"tick\" x=\"{At(names - 12)}\" y=\"{At(y + 4)}\" text-anchor=\"end\">{Escape(line.Name)}</text>");
            if (line is { Low: { } low, High: { } high })
                svg.Line($"<line class=\"line {kind}\" x1=\"{At(x.At(100 * low))}\" x2=\"{At(x.At(100 * high))}\" y1=\"{At(y)}\" y2=\"{At(y)}\"><title>{Escape($"{Figures.Percent(low)} – {Figures.Percent(high)}")}</title></line>");
            svg.Line($"<circle class=\"dot {kind}\" cx=\"{At(x.At(100 * line.Value))}\" cy=\"{At(y)}\" r=\"4\"><title>{Escape(Figures.Percent(line.Value))}</title></circle>");
        }

        Charts.Bottom(svg, x, x.Ticks(8), floor + 20, axis, height - 6);
        return svg.Line("</svg>").ToString();
    }

    private static void Draw(Markup svg, FractionLine line, string kind, Axis x, Axis y)
    {
        string points = string.Join(' ', line.Points.Select(p => At(x.At(p.Fraction)) + "," + At(y.At(p.Perplexity))));
        svg.Line($"<polyline class=\"line {kind}\" points=\"{points}\"/>");
        foreach ((double fraction, double perplexity, double deviation) in line.Points)
        {
            string at = At(x.At(fraction));
            if (deviation > 0) svg.Line($"<line class=\"line {kind}\" stroke-opacity=\".5\" x1=\"{at}\" x2=\"{at}\" y1=\"{At(y.At(perplexity + deviation))}\" y2=\"{At(y.At(perplexity - deviation))}\"/>");
            svg.Line($"<circle class=\"dot {kind}\" cx=\"{at}\" cy=\"{At(y.At(perplexity))}\" r=\"4\"><title>{Escape($"{line.Name}, {Figures.Percent(fraction)} kept: {Figures.Score(perplexity, 5)} ± {Figures.Score(deviation, 2)}")}</title></circle>");
        }
    }
}
