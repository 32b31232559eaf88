using static Winnow.Studies.Reports.Markup;

namespace Winnow.Studies.Reports;

/// <summary>The report's pictures, as inline SVG whose colours come from the page's variables.</summary>
internal static class Charts
{
    internal const double Width = 960, Left = 62, Right = 18;

    /// <summary>The score's distribution: kept units filled, the others pale on top of them, cuts as labelled lines.</summary>
    internal static string Histogram(ScoreHistogram data, double width = Width)
    {
        const double height = 330, top = 46, bottom = 52;
        var x = new Axis(data.Edges[0], data.Edges[^1], Left, width - Right, data.Logarithmic);
        var y = new Axis(0, Math.Max(1, data.Total.Max()), height - bottom, top, false);
        Markup svg = Open(height, $"Distribution of {data.Metric}", width);
        Grid(svg, y, y.Ticks(4), "units", width - Right);
        for (int i = 0; i < data.Total.Count; i++)
        {
            if (data.Total[i] == 0) continue;
            double left = x.At(data.Edges[i]), across = Math.Max(x.At(data.Edges[i + 1]) - left - 1, 0.6);
            double whole = y.At(data.Total[i]), kept = y.At(data.Kept[i]);
            string tip = Escape($"{Figures.Score(data.Edges[i])} – {Figures.Score(data.Edges[i + 1])}: {Figures.Count(data.Total[i])} units, {Figures.Count(data.Kept[i])} kept");
            svg.Raw("<g>").Raw($"<title>{tip}</title>");
            if (kept > whole) svg.Raw($"<rect class=\"out\" x=\"{At(left)}\" y=\"{At(whole)}\" width=\"{At(across)}\" height=\"{At(kept - whole)}\"/>");
            if (kept < y.Start) svg.Raw($"<rect class=\"in\" x=\"{At(left)}\" y=\"{At(kept)}\" width=\"{At(across)}\" height=\"{At(y.Start - kept)}\"/>");
            svg.Line("</g>");
        }
        svg.Line($"<line class=\"base\" x1=\"{At(Left)}\" x2=\"{At(width - Right)}\" y1=\"{At(y.Start)}\" y2=\"{At(y.Start)}\"/>");
        foreach (double decile in data.Deciles)
        {
            string at = At(x.At(decile));
            svg.Line($"<line class=\"decile\" x1=\"{at}\" x2=\"{at}\" y1=\"{At(y.Start)}\" y2=\"{At(y.Start + 7)}\"/>");
        }
        Bottom(svg, x, x.Ticks((int)(width / 105)), y.Start + 22, data.Metric + (data.Logarithmic ? " (log scale; short strokes: deciles)" : " (short strokes: deciles)"), height - 8);
        CutLines(svg, data.Cuts, x, top - 12, y.Start);
        return svg.Line("</svg>").ToString();
    }

    /// <summary>Score against length: the darker a cell, the more units; the line is the median.</summary>
    internal static string Density(LengthDensity data)
    {
        const double height = 380, top = 18, bottom = 52;
        int columns = data.LengthEdges.Count - 1, rows = data.ScoreEdges.Count - 1;
        var x = new Axis(data.LengthEdges[0], data.LengthEdges[^1], Left, Width - Right, true);
        var y = new Axis(data.ScoreEdges[0], data.ScoreEdges[^1], height - bottom, top, data.Logarithmic);
        double most = Math.Log(1 + (double)data.Counts.Max());
        Markup svg = Open(height, $"{data.Metric} against length");
        Grid(svg, y, y.Ticks(7), data.Metric);
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                long count = data.Counts[(r * columns) + c];
                if (count == 0) continue;
                double left = x.At(data.LengthEdges[c]), right = x.At(data.LengthEdges[c + 1]);
                double high = y.At(data.ScoreEdges[r + 1]), low = y.At(data.ScoreEdges[r]);
                string tip = Escape($"{Figures.Score(data.LengthEdges[c], 3)} – {Figures.Score(data.LengthEdges[c + 1], 3)} {data.LengthUnit}, {data.Metric} {Figures.Score(data.ScoreEdges[r])} – {Figures.Score(data.ScoreEdges[r + 1])}: {Figures.Count(count)} units");
                string opacity = Figures.Significant(0.08 + (0.92 * Math.Log(1 + count) / most), 2);
                svg.Line($"<rect class=\"cell\" fill-opacity=\"{opacity}\" x=\"{At(left)}\" y=\"{At(high)}\" width=\"{At(right - left + 0.3)}\" height=\"{At(low - high + 0.3)}\"><title>{tip}</title></rect>");
            }
        }
        var points = new List<string>();
        for (int c = 0; c < columns; c++)
        {
            if (double.IsNaN(data.Medians[c])) continue;
            points.Add(At((x.At(data.LengthEdges[c]) + x.At(data.LengthEdges[c + 1])) / 2) + "," + At(y.At(data.Medians[c])));
        }
        if (points.Count > 1) svg.Line($"<polyline class=\"line halo\" points=\"{string.Join(' ', points)}\"/><polyline class=\"line first\" points=\"{string.Join(' ', points)}\"/>");
        foreach (Cut cut in data.Cuts)
        {
            foreach (double score in cut.Scores)
            {
                string at = At(y.At(score));
                svg.Line($"<line class=\"cut\" x1=\"{At(Left)}\" x2=\"{At(Width - Right)}\" y1=\"{at}\" y2=\"{at}\"/>");
            }
            svg.Line($"<text class=\"cutlabel\" x=\"{At(Width - Right - 4)}\" y=\"{At(y.At(cut.Scores[^1]) - 5)}\" text-anchor=\"end\">cut {Escape(cut.Words)}</text>");
        }
        svg.Line($"<line class=\"base\" x1=\"{At(Left)}\" x2=\"{At(Width - Right)}\" y1=\"{At(y.Start)}\" y2=\"{At(y.Start)}\"/>");
        Bottom(svg, x, x.Ticks(9), y.Start + 20, data.LengthUnit + " (log scale)", height - 8);
        return svg.Line("</svg>").ToString();
    }

    /// <summary>Training loss against tokens seen: each run's batches pale, their moving average as a line.</summary>
    internal static string Curves(IReadOnlyList<TrainingCurve> curves)
    {
        const double height = 320, top = 18, bottom = 52;
        TrainingCurve[] drawn = [.. curves.Where(c => c.Tokens.Count > 1)];
        if (drawn.Length == 0) return "";
        double low = drawn.Min(c => c.Losses.Min()), high = drawn.Max(c => c.Losses.Max());
        double room = Math.Max((high - low) * 0.05, 0.05);
        var x = new Axis(0, drawn.Max(c => c.Tokens[^1]), Left, Width - Right, false);
        var y = new Axis(Math.Max(low - room, 0), high + room, height - bottom, top, false);
        Markup svg = Open(height, "Training loss");
        Grid(svg, y, y.Ticks(6), "nats per token");
        string[] names = ["first", "second", "third", "fourth"];
        for (int i = 0; i < drawn.Length; i++)
        {
            string name = names[i % names.Length];
            double[] smooth = Smooth(drawn[i].Losses);
            svg.Line($"<polyline class=\"line raw {name}\" points=\"{Points(drawn[i].Tokens, drawn[i].Losses, x, y)}\"/>");
            svg.Line($"<polyline class=\"line {name}\" points=\"{Points(drawn[i].Tokens, smooth, x, y)}\"/>");
            double legend = top + 14 + (20 * i);
            svg.Line($"<line class=\"line {name}\" x1=\"{At(Width - 250)}\" x2=\"{At(Width - 226)}\" y1=\"{At(legend - 4)}\" y2=\"{At(legend - 4)}\"/>");
            svg.Line($"<text class=\"tick\" x=\"{At(Width - 218)}\" y=\"{At(legend)}\">{Escape(drawn[i].Name)}: {Escape(Figures.Significant(smooth[^1], 3))}</text>");
        }
        svg.Line($"<line class=\"base\" x1=\"{At(Left)}\" x2=\"{At(Width - Right)}\" y1=\"{At(y.Start)}\" y2=\"{At(y.Start)}\"/>");
        Bottom(svg, x, x.Ticks(8), y.Start + 20, "tokens seen", height - 8);
        return svg.Line("</svg>").ToString();
    }

    internal static Markup Open(double height, string label, double width = Width) => new Markup().Line(
        $"<svg viewBox=\"0 0 {At(width)} {At(height)}\" role=\"img\" aria-label=\"{Escape(label)}\" xmlns=\"http://www.w3.org/2000/svg\">");

    internal static void Grid(Markup svg, Axis y, IReadOnlyList<double> ticks, string name, double right = Width - Right)
    {
        foreach (double tick in ticks)
        {
            string at = At(y.At(tick));
            if (tick != y.Low) svg.Line($"<line class=\"grid\" x1=\"{At(Left)}\" x2=\"{At(right)}\" y1=\"{at}\" y2=\"{at}\"/>");
            svg.Line($"<text class=\"tick\" x=\"{At(Left - 8)}\" y=\"{At(y.At(tick) + 4)}\" text-anchor=\"end\">{Escape(Axis.Label(tick))}</text>");
        }
        svg.Line($"<text class=\"axis\" transform=\"translate(13 {At((y.Start + y.End) / 2)}) rotate(-90)\" text-anchor=\"middle\">{Escape(name)}</text>");
    }

    internal static void Bottom(Markup svg, Axis x, IReadOnlyList<double> ticks, double labels, string name, double nameAt)
    {
        foreach (double tick in ticks)
        {
            svg.Line($"<text class=\"tick\" x=\"{At(x.At(tick))}\" y=\"{At(labels)}\" text-anchor=\"middle\">{Escape(Axis.Label(tick))}</text>");
        }
        svg.Line($"<text class=\"axis\" x=\"{At((x.Start + x.End) / 2)}\" y=\"{At(nameAt)}\" text-anchor=\"middle\">{Escape(name)}</text>");
    }

    private static void CutLines(Markup svg, IReadOnlyList<Cut> cuts, Axis x, double top, double bottom)
    {
        for (int i = 0; i < cuts.Count; i++)
        {
            // The lower of two labels stands left of its line and the upper one right, so that they cannot meet.
            double low = x.At(cuts[i].Scores[0]), high = x.At(cuts[i].Scores[^1]);
            bool left = (cuts.Count > 1 && i == 0 && low > x.Start + 130) || high > x.End - 130;
            foreach (double at in cuts[i].Scores.Select(x.At)) svg.Line($"<line class=\"cut\" x1=\"{At(at)}\" x2=\"{At(at)}\" y1=\"{At(top - 10)}\" y2=\"{At(bottom)}\"/>");
            svg.Line($"<text class=\"cutlabel\" x=\"{At(left ? low - 6 : high + 6)}\" y=\"{At(top)}\" text-anchor=\"{(left ? "end" : "start")}\">cut {Escape(cuts[i].Words)}</text>");
        }
    }

    private static string Points(IReadOnlyList<double> xs, IReadOnlyList<double> ys, Axis x, Axis y)
    {
        int stride = Math.Max(1, xs.Count / 600);
        return string.Join(' ', Enumerable.Range(0, xs.Count).Where(i => i % stride == 0 || i == xs.Count - 1).Select(i => At(x.At(xs[i])) + "," + At(y.At(ys[i]))));
    }

    private static double[] Smooth(IReadOnlyList<double> values)
    {
        int reach = Math.Max(1, values.Count / 40);
        var smooth = new double[values.Count];
        for (int i = 0; i < smooth.Length; i++)
        {
            // Near the ends the window shrinks on both sides, so that the curve is never pulled to one side.
            int half = Math.Min(reach, Math.Min(i, smooth.Length - 1 - i));
            double sum = 0;
            for (int j = i - half; j <= i + half; j++) sum += values[j];
            smooth[i] = sum / ((2 * half) + 1);
        }
        return smooth;
    }
}
