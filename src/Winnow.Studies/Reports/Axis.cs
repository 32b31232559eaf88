using System.Globalization;

namespace Winnow.Studies.Reports;

/// <summary>Maps values to pixels, and knows where its ticks go.</summary>
/// <param name="Low">Value at <paramref name="Start"/>.</param>
/// <param name="High">Value at <paramref name="End"/>; above <paramref name="Low"/>.</param>
/// <param name="Start">Pixel of the low end.</param>
/// <param name="End">Pixel of the high end (smaller than the start on a vertical axis).</param>
/// <param name="Logarithmic">Even in the logarithm; both ends must be positive.</param>
internal sealed record Axis(double Low, double High, double Start, double End, bool Logarithmic)
{
    /// <summary>The pixel of a value, clamped to the axis.</summary>
    internal double At(double value)
    {
        double part = Logarithmic
            ? (Math.Log(Math.Max(value, double.Epsilon)) - Math.Log(Low)) / (Math.Log(High) - Math.Log(Low))
            : (value - Low) / (High - Low);
        return Start + ((End - Start) * Math.Clamp(part, 0, 1));
    }

    /// <summary>Round values inside the axis, at most about <paramref name="count"/>.</summary>
    internal IReadOnlyList<double> Ticks(int count) => Logarithmic ? LogTicks(count) : LinearTicks(count);

    /// <summary>A tick's label: 1, 2.5, 10k, 3M.</summary>
    internal static string Label(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 1e15 => value.ToString("0.#E+0", CultureInfo.InvariantCulture),
        >= 1e12 => Plain(value / 1e12) + "T",
        >= 1e9 => Plain(value / 1e9) + "G",
        >= 1e6 => Plain(value / 1e6) + "M",
        >= 1e4 => Plain(value / 1e3) + "k",
        _ => Plain(value),
    };

    private static string Plain(double value) => Math.Round(value, 6).ToString("#,0.######", CultureInfo.InvariantCulture);

    private List<double> LinearTicks(int count)
    {
        double raw = (High - Low) / Math.Max(count, 1);
        double power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        double step = power * (raw / power) switch { <= 1 => 1, <= 2 => 2, <= 2.5 => 2.5, <= 5 => 5, _ => 10 };
        var ticks = new List<double>();
        for (double i = Math.Ceiling((Low / step) - 1e-9); i * step <= High + (step * 1e-9); i++) ticks.Add(i * step);
        return ticks;
    }

    private List<double> LogTicks(int count)
    {
        foreach (double[] mantissas in new double[][] { [1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3], [1] })
        {
            List<double> ticks = Decades(mantissas, 1);
            if (ticks.Count <= count && ticks.Count >= 3) return ticks;
        }
        if (Math.Log10(High / Low) < 1) return LinearTicks(count);
        int stride = (int)Math.Ceiling(Math.Log10(High / Low) / count);
        return Decades([1], Math.Max(stride, 1));
    }

    private List<double> Decades(double[] mantissas, int stride)
    {
        var ticks = new List<double>();
        int first = (int)Math.Floor(Math.Log10(Low));
        for (int decade = first; decade <= Math.Log10(High); decade++)
        {
            if (decade % stride != 0) continue;
            ticks.AddRange(mantissas.Select(m => m * Math.Pow(10, decade)).Where(v => v >= Low * 0.999999 && v <= High * 1.000001));
        }
        return ticks;
    }
}
