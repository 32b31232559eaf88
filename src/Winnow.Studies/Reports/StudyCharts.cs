using System.Globalization;
using System.Text;
using static Winnow.Studies.Reports.Markup;

namespace Winnow.Studies.Reports;

/// <summary>A line of a study's figure: perplexity at each fraction kept.</summary>
/// <param name="Name">For the legend.</param>
/// <param name="Kind">Its colour: one of <see cref="StudyCharts.Kinds"/>.</param>
/// <param name="Points">Fraction, perplexity and its spread over seeds, by ascending fraction.</param>
internal sealed record FractionLine(string Name, string Kind, IReadOnlyList<(double Fraction, double Perplexity, double Deviation)> Points);

/// <summary>One line of a picture of intervals.</summary>
/// <param name="Name">On the left.</param>
/// <param name="Value">The dot.</param>
/// <param name="Low">Left end; null where nothing is known.</param>
/// <param name="High">Right end.</param>
internal sealed record IntervalLine(string Name, double Value, double? Low, double? High);

/// <summary>A dot of a picture of cost against gain.</summary>
/// <param name="Name">Beside it.</param>
/// <param name="Kind">Its colour.</param>
/// <param name="Cost">In final trainings; positive.</param>
/// <param name="Gain">Relative improvement.</param>
internal sealed record CostDot(string Name, string Kind, double Cost, double Gain);

/// <summary>The pictures of a study's report.</summary>
internal static class StudyCharts
{
    /// <summary>Colours, by class; lines from the fifth on are dashed too.</summary>
    internal static readonly string[] Kinds = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"];

    /// <summary>The legend of pictures that share their colours.</summary>
    internal static string Legend(IEnumerable<(string Name, string Kind)> keys, bool baseline = true) =>
        "<div class=\"legend keys\">" + string.Concat(keys.Select(key => $"<span><i class=\"swatch key {key.Kind}\"></i>{Escape(key.Name)}</span>"))
        + (baseline ? "<span><i class=\"dash\"></i>no pruning</span>" : "") + "</div>";

    /// <summary>About how wide a label is, in pixels: ideographs are twice as wide as letters.</summary>
    private static double WidthOf(string text) => text.EnumerateRunes().Sum(WidthOf);

    private static double WidthOf(Rune rune) => rune.Value >= 0x1100 ? 12.5 : 6.6;

    /// <summary>A label that is cut with an ellipsis where it is wider than its room.</summary>
    private static string Fit(string text, double room)
    {
        if (WidthOf(text) <= room) return text;
        var kept = new StringBuilder();
        double width = WidthOf(new Rune('…'));
        foreach (Rune rune in text.EnumerateRunes())
        {
            if ((width += WidthOf(rune)) > room) break;
            kept.Append(rune);
        }

        return kept.Append('…').ToString();
    }

    /// <summary>Test perplexity against the fraction kept: a line each, seeds' spread as whiskers, no pruning as a level line.</summary>
    internal static string Fractions(IReadOnlyList<FractionLine> lines, double baseline, double baselineDeviation, string label, string axis = "kept")
    {
        const double width = 520, height = 270, top = 12, bottom = 46, right = width - 14;
        double low = Math.Min(baseline - baselineDeviation, lines.SelectMany(l => l.Points).Min(p => p.Perplexity - p.Deviation));
        double high = Math.Max(baseline + baselineDeviation, lines.SelectMany(l => l.Points).Max(p => p.Perplexity + p.Deviation));
        double room = Math.Max((high - low) * 0.06, high * 0.002);
        double[] fractions = [.. lines.SelectMany(l => l.Points).Select(p => p.Fraction).Distinct().Order()];
        var x = new Axis(Math.Max(0, fractions[0] - 0.06), fractions[^1] < 1 ? Math.Min(1, fractions[^1] + 0.06) : 1.06, Charts.Left, right, false);
        var y = new Axis(Math.Max(low - room, 0), high + room, height - bottom, top, false);
        Markup svg = Charts.Open(height, label, width);
        Charts.Grid(svg, y, y.Ticks(5), "test perplexity", right);
        string from = At(Charts.Left), to = At(right);
        if (baselineDeviation > 0)
            svg.Line($"<rect class=\"out\" fill-opacity=\".35\" x=\"{from}\" width=\"{At(right - Charts.Left)}\" y=\"{At(y.At(baseline + baselineDeviation))}\" height=\"{At(y.At(baseline - baselineDeviation) - y.At(baseline + baselineDeviation))}\"/>");
        svg.Line($"<line class=\"cut\" x1=\"{from}\" x2=\"{to}\" y1=\"{At(y.At(baseline))}\" y2=\"{At(y.At(baseline))}\"><title>no pruning: {Escape(Figures.Score(baseline, 5))}</title></line>");
        // Whiskers at one fraction stand beside each other, not on top.
        for (int i = 0; i < lines.Count; i++) Draw(svg, lines[i], (i - ((lines.Count - 1) / 2.0)) * 5, x, y);
        svg.Line($"<line class=\"base\" x1=\"{from}\" x2=\"{to}\" y1=\"{At(y.Start)}\" y2=\"{At(y.Start)}\"/>");
        foreach (double fraction in fractions) svg.Line($"<text class=\"tick\" x=\"{At(x.At(fraction))}\" y=\"{At(y.Start + 19)}\" text-anchor=\"middle\">{Escape((100 * fraction).ToString("0.##", CultureInfo.InvariantCulture))} %</text>");
        svg.Line($"<text class=\"axis\" x=\"{At((x.Start + x.End) / 2)}\" y=\"{At(height - 6)}\" text-anchor=\"middle\">{Escape(axis)}</text>");
        return svg.Line("</svg>").ToString();
    }

    private static void Draw(Markup svg, FractionLine line, double aside, Axis x, Axis y)
    {
        string points = string.Join(' ', line.Points.Select(p => At(x.At(p.Fraction) + aside) + "," + At(y.At(p.Perplexity))));
        svg.Line($"<polyline class=\"line {line.Kind}\" points=\"{points}\"/>");
        foreach ((double fraction, double perplexity, double deviation) in line.Points)
        {
            string at = At(x.At(fraction) + aside);
            if (deviation > 0) svg.Line($"<line class=\"line {line.Kind}\" style=\"stroke-width:1.2;stroke-dasharray:none\" stroke-opacity=\".6\" x1=\"{at}\" x2=\"{at}\" y1=\"{At(y.At(perplexity + deviation))}\" y2=\"{At(y.At(perplexity - deviation))}\"/>");
            svg.Line($"<circle class=\"dot {line.Kind}\" cx=\"{at}\" cy=\"{At(y.At(perplexity))}\" r=\"3.5\"><title>{Escape($"{line.Name}, {Figures.Percent(fraction)} kept: {Figures.Score(perplexity, 5)} ± {Figures.Score(deviation, 2)}")}</title></circle>");
        }
    }

    /// <summary>Improvements with their intervals, one line each, 0 marked: right of it is better. An interval that goes on past the edge ends in an arrow.</summary>
    internal static string Intervals(IReadOnlyList<IntervalLine> lines, string axis, string label)
    {
        const double row = 22, top = 8, bottom = 46, names = 300;
        double height = top + (row * lines.Count) + bottom, floor = height - bottom;
        double least = lines.Min(l => l.Value), most = lines.Max(l => l.Value), room = Math.Max(Math.Max(most, 0) - Math.Min(least, 0), 1e-4);
        double left = Math.Max(Math.Min(least, 0) - (0.5 * room), Math.Min(0, lines.Min(l => l.Low ?? l.Value)) - (0.03 * room));
        double right = Math.Min(Math.Max(most, 0) + (0.5 * room), Math.Max(0, lines.Max(l => l.High ?? l.Value)) + (0.03 * room));
        var x = new Axis(100 * left, 100 * right, names, Charts.Width - Charts.Right, false);
        Markup svg = Charts.Open(height, label);
        string zero = At(x.At(0));
        svg.Line($"<line class=\"base\" x1=\"{zero}\" x2=\"{zero}\" y1=\"{At(top - 4)}\" y2=\"{At(floor)}\"/>");
        for (int i = 0; i < lines.Count; i++)
        {
            double y = top + (row * i) + (row / 2);
            IntervalLine line = lines[i];
            string kind = line.Low > 0 ? "second" : line.High < 0 ? "fourth" : "eighth";
            svg.Line($"<text class=\"tick\" x=\"{At(names - 12)}\" y=\"{At(y + 4)}\" text-anchor=\"end\">{Escape(Fit(line.Name, names - 16))}</text>");
            if (line is { Low: { } low, High: { } high })
            {
                svg.Line($"<line class=\"line {kind}\" style=\"stroke-dasharray:none\" x1=\"{At(x.At(100 * low))}\" x2=\"{At(x.At(100 * high))}\" y1=\"{At(y)}\" y2=\"{At(y)}\"><title>{Escape($"{Figures.Percent(low)} – {Figures.Percent(high)}")}</title></line>");
                if (low < left) svg.Line(Arrow(kind, x.Start, y, 7));
                if (high > right) svg.Line(Arrow(kind, x.End, y, -7));
            }

            svg.Line($"<circle class=\"dot {kind}\" cx=\"{At(x.At(100 * line.Value))}\" cy=\"{At(y)}\" r=\"4\"><title>{Escape(Figures.Percent(line.Value))}</title></circle>");
        }

        Charts.Bottom(svg, x, x.Ticks(8), floor + 20, axis, height - 6);
        return svg.Line("</svg>").ToString();
    }

    private static string Arrow(string kind, double x, double y, double back) =>
        $"<polygon class=\"dot {kind}\" points=\"{At(x)},{At(y)} {At(x + back)},{At(y - 4)} {At(x + back)},{At(y + 4)}\"/>";

    /// <summary>A square of numbers in [−1, 1], the stronger the farther from 0: below the diagonal one measure, above it another.</summary>
    internal static string Matrix(IReadOnlyList<string> names, Func<int, int, double> value, Func<int, int, string> say, string label)
    {
        const double top = 8;
        double left = Math.Clamp(names.Max(WidthOf) + 36, 120, 380);
        double cell = Math.Min(70, (Charts.Width - left - Charts.Right) / names.Count), row = Math.Min(cell, 34), height = top + (row * names.Count) + 26;
        Markup svg = Charts.Open(height, label);
        for (int r = 0; r < names.Count; r++)
        {
            double y = top + (row * r);
            svg.Line($"<text class=\"tick\" x=\"{At(left - 10)}\" y=\"{At(y + (row / 2) + 4)}\" text-anchor=\"end\">{Escape($"{Fit(names[r], left - 36)}  {r + 1}")}</text>");
            svg.Line($"<text class=\"tick\" x=\"{At(left + (cell * (r + 0.5)))}\" y=\"{At(height - 8)}\" text-anchor=\"middle\">{r + 1}</text>");
            for (int c = 0; c < names.Count; c++)
            {
                if (c == r) continue;
                double shown = value(r, c);
                string text = double.IsNaN(shown) ? "–" : (100 * shown).ToString("0", CultureInfo.InvariantCulture), opacity = Figures.Significant(double.IsNaN(shown) ? 0 : 0.75 * Math.Abs(shown), 2);
                svg.Line($"<rect class=\"dot {(shown < 0 ? "seventh" : "first")}\" fill-opacity=\"{opacity}\" x=\"{At(left + (cell * c))}\" y=\"{At(y)}\" width=\"{At(cell - 1)}\" height=\"{At(row - 1)}\"><title>{Escape(say(r, c))}</title></rect>");
                svg.Line($"<text class=\"inside\" x=\"{At(left + (cell * (c + 0.5)))}\" y=\"{At(y + (row / 2) + 4)}\" text-anchor=\"middle\">{text}</text>");
            }
        }

        return svg.Line("</svg>").ToString();
    }

    /// <summary>Shares of a whole, a bar a row.</summary>
    internal static string Shares(IReadOnlyList<(string Name, double[] Shares)> rows, IReadOnlyList<(string Name, string Kind)> parts, string label)
    {
        const double row = 24, top = 6, left = 300, right = Charts.Width - Charts.Right;
        Markup svg = Charts.Open(top + (row * rows.Count) + 6, label);
        for (int r = 0; r < rows.Count; r++)
        {
            double y = top + (row * r), x = left, scale = (right - left) / Math.Max(1e-9, rows[r].Shares.Sum());
            svg.Line($"<text class=\"tick\" x=\"{At(left - 12)}\" y=\"{At(y + 16)}\" text-anchor=\"end\">{Escape(Fit(rows[r].Name, left - 16))}</text>");
            for (int p = 0; p < parts.Count; p++)
            {
                double width = rows[r].Shares[p] * scale;
                if (width > 0) svg.Line($"<rect class=\"dot {parts[p].Kind}\" x=\"{At(x)}\" y=\"{At(y + 3)}\" width=\"{At(Math.Max(width - 1, 0.3))}\" height=\"{At(row - 6)}\"><title>{Escape($"{rows[r].Name}: {parts[p].Name} {Figures.Percent(rows[r].Shares[p])}")}</title></rect>");
                x += width;
            }
        }

        return svg.Line("</svg>").ToString();
    }

    /// <summary>What a score costs, on a log scale, against what the best variant by it gains; with a line where both are as much, if asked for.</summary>
    internal static string CostAgainstGain(IReadOnlyList<CostDot> dots, string gainAxis, bool breakEven, string label)
    {
        const double height = 330, top = 14, bottom = 50, right = Charts.Width - 150;
        double low = Math.Min(0, dots.Min(d => d.Gain)), high = Math.Max(0, dots.Max(d => d.Gain)), room = Math.Max(high - low, 1e-3);
        var x = new Axis(dots.Min(d => d.Cost) / 1.3, dots.Max(d => d.Cost) * 1.3, Charts.Left, right, true);
        var y = new Axis(100 * (low - (0.4 * room)), 100 * (high + (0.4 * room)), height - bottom, top, false);
        Markup svg = Charts.Open(height, label);
        Charts.Grid(svg, y, y.Ticks(6), gainAxis, right);
        svg.Line($"<line class=\"cut\" x1=\"{At(Charts.Left)}\" x2=\"{At(right)}\" y1=\"{At(y.At(0))}\" y2=\"{At(y.At(0))}\"/>");
        if (breakEven)
        {
            double[] costs = [.. Enumerable.Range(0, 41).Select(i => x.Low * Math.Pow(x.High / x.Low, i / 40.0)).Where(cost => 100 * cost <= y.High)];
            svg.Line($"<polyline class=\"line eighth\" points=\"{string.Join(' ', costs.Select(cost => At(x.At(cost)) + "," + At(y.At(100 * cost))))}\"><title>above this line a score pays with the first training</title></polyline>");
        }

        var labels = new List<(double Left, double Right, double At)>();
        foreach (CostDot dot in dots.OrderBy(d => -d.Gain))
        {
            double at = x.At(dot.Cost), gain = y.At(100 * dot.Gain), left = at + 9, end = left + WidthOf(dot.Name), labelAt = gain + 4;
            // From top to bottom: a label goes below those that are in its way.
            foreach ((double from, double to, double taken) in labels) if (from < end && left < to && Math.Abs(taken - labelAt) < 15) labelAt = taken + 15;
            labels.Add((left, end, labelAt));
            svg.Line($"<circle class=\"dot {dot.Kind}\" cx=\"{At(at)}\" cy=\"{At(gain)}\" r=\"4.5\"><title>{Escape($"{dot.Name}: {Figures.Percent(dot.Gain)} at {Figures.Significant(dot.Cost, 3)} final trainings")}</title></circle>");
            svg.Line($"<text class=\"tick\" style=\"paint-order:stroke;stroke:var(--card);stroke-width:4px\" x=\"{At(at + 9)}\" y=\"{At(labelAt)}\">{Escape(dot.Name)}</text>");
        }

        svg.Line($"<line class=\"base\" x1=\"{At(Charts.Left)}\" x2=\"{At(right)}\" y1=\"{At(y.Start)}\" y2=\"{At(y.Start)}\"/>");
        Charts.Bottom(svg, x, x.Ticks(8), y.Start + 20, "cost of the score, in final trainings (log scale)", height - 8);
        return svg.Line("</svg>").ToString();
    }
}
