using System.Globalization;

namespace Winnow.Studies.Reports;

/// <summary>Numbers as people read them: grouped digits, few significant places, a unit with every size and duration.</summary>
public static class Figures
{
    private static readonly CultureInfo Culture = CultureInfo.InvariantCulture;

    /// <summary>A count with grouped digits: <c>1,234,567</c>.</summary>
    public static string Count(long value) => value.ToString("N0", Culture);

    /// <summary>A count in at most four characters and a unit: <c>12.3 M</c>.</summary>
    public static string Short(double value) => Math.Abs(value) switch
    {
        >= 1e18 => value.ToString("0.##E+0", Culture),
        >= 1e15 => Significant(value / 1e15, 3) + " P",
        >= 1e12 => Significant(value / 1e12, 3) + " T",
        >= 1e9 => Significant(value / 1e9, 3) + " G",
        >= 1e6 => Significant(value / 1e6, 3) + " M",
        >= 1e4 => Significant(value / 1e3, 3) + " k",
        _ => Significant(value, 4),
    };

    /// <summary>A size in decimal units: <c>12.3 MB</c>.</summary>
    public static string Bytes(long value) => value < 10_000 ? Count(value) + " B" : Short(value).Replace("G", "GB", StringComparison.Ordinal)
        .Replace("M", "MB", StringComparison.Ordinal).Replace("k", "kB", StringComparison.Ordinal).Replace("T", "TB", StringComparison.Ordinal)
        .Replace("P", "PB", StringComparison.Ordinal);

    /// <summary>A fraction as a percentage with one decimal: <c>49.8 %</c>.</summary>
    public static string Percent(double fraction) =>
        double.IsFinite(fraction) ? (100 * fraction).ToString("0.0", Culture) + " %" : "–";

    /// <summary>A duration: <c>0.84 s</c>, <c>12.3 s</c>, <c>3 min 05 s</c>, <c>2 h 07 min</c>, <c>3 d 4 h</c>.</summary>
    public static string Duration(double seconds) => seconds switch
    {
        < 0 or double.NaN or > 1e12 => "–",
        < 9.995 => seconds.ToString("0.00", Culture) + " s",
        < 59.95 => seconds.ToString("0.0", Culture) + " s",
        < 3599.5 => $"{(int)Math.Round(seconds) / 60} min {(int)Math.Round(seconds) % 60:00} s",
        < 86_400 => $"{(int)(seconds / 3600)} h {(int)(seconds / 60) % 60:00} min",
        _ => $"{(long)(seconds / 86_400)} d {(int)(seconds / 3600) % 24} h",
    };

    /// <summary>A duration that is only estimated, as exact as that is: <c>under 10 s</c>, <c>40 s</c>, <c>5 min</c>, <c>1 h 20 min</c>, <c>14 h</c>, <c>3 d</c>.</summary>
    public static string About(double seconds)
    {
        long fives = seconds is >= 0 and < 1e12 ? (long)Math.Round(seconds / 300) : -1;
        return seconds switch
        {
            < 0 or double.NaN or > 1e12 => "–",
            < 9.5 => "under 10 s",
            < 95 => Count(10 * (long)Math.Round(seconds / 10)) + " s",
            < 3570 => Count((long)Math.Round(seconds / 60)) + " min",
            < 35_850 => Count(fives / 12) + " h" + (fives % 12 == 0 ? "" : $" {5 * (fives % 12):00} min"),
            < 171_000 => Count((long)Math.Round(seconds / 3600)) + " h",
            _ => Count((long)Math.Round(seconds / 86_400)) + " d",
        };
    }

    /// <summary>A score: grouped above 10,000, else <paramref name="digits"/> significant digits, and never a trailing exponent below 10⁹.</summary>
    public static string Score(double value, int digits = 4) => value switch
    {
        double.NaN => "–",
        double.PositiveInfinity => "∞",
        _ when Math.Abs(value) is >= 1e9 or (> 0 and < 1e-6) => value.ToString("0.###E+0", Culture),
        _ when Math.Abs(value) >= 10_000 => value.ToString("N0", Culture),
        _ => Significant(value, digits),
    };

    /// <summary>Rounded to <paramref name="digits"/> significant digits, without an exponent.</summary>
    public static string Significant(double value, int digits)
    {
        if (value == 0 || !double.IsFinite(value)) return value.ToString("0", Culture);
        int whole = (int)Math.Floor(Math.Log10(Math.Abs(value))) + 1;
        int places = Math.Clamp(digits - whole, 0, 12);
        return value.ToString("F" + places.ToString(Culture), Culture);
    }
}
