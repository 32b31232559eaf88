using System.Globalization;
using Winnow.Data;

namespace Winnow.Pruning.Selection;

/// <summary>Which part of the ranking is kept.</summary>
public enum Band
{
    /// <summary>The lowest scores: ranks [0, k).</summary>
    Bottom,

    /// <summary>The scores around the median: ranks [⌊(n−k)/2⌋, ⌊(n−k)/2⌋ + k).</summary>
    Middle,

    /// <summary>The highest scores: ranks [n−k, n).</summary>
    Top,

    /// <summary>A seeded draw of k from the same units, whatever their score: the baseline.</summary>
    Random,
}

/// <summary>One band of one metric's ranking and the fraction of it that is kept, or several bands of that ranking.</summary>
/// <param name="Metric">A numeric column of the score table; null stands for the selection's own metric.</param>
/// <param name="Band">Which part of the ranking.</param>
/// <param name="Fraction">In (0, 1]. Decimal, so that <c>0.29</c> of 50 is 14.5 and rounds to 15 as on paper.</param>
public sealed record KeepRule(string? Metric, Band Band, decimal Fraction)
{
    private const string Hint = "write a band and a fraction, for example `middle:50%`, `bottom:0.3`, `perplexity:middle:50%` or `bottom:10%+top:10%`";

    /// <summary>Another band of the same ranking, whose units are kept too; null where there is none.</summary>
    public KeepRule? Or { get; init; }

    /// <summary>Reads <c>[METRIC:]BAND:FRACTION[+BAND:FRACTION…]</c>; a fraction is a number in (0, 1] or a percentage.</summary>
    /// <exception cref="CorpusException">The text is something else; the message says which part.</exception>
    public static KeepRule Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        KeepRule[] bands = [.. Joined(text).Select(band => ParseOne(text, band))];
        if (bands.Length > 1 && bands.Any(band => band.Band == Band.Random)) throw Wrong(text, "joins `random`, which looks at no score, to another band");
        foreach (KeepRule band in bands[1..])
        {
            if (band.Metric is { } other && other != bands[0].Metric)
                throw new CorpusException("keep rule", $"`{text}` joins bands of different metrics", "give each metric a `--keep` of its own: kept is what all of them keep; for example `--keep perplexity:middle:50% --keep el2n:bottom:0.3`");
        }

        return bands.Reverse().Aggregate((KeepRule?)null, (or, band) => new KeepRule(bands[0].Metric, band.Band, band.Fraction) { Or = or })!;
    }

    /// <summary>The bands, each as a rule of its own.</summary>
    public IEnumerable<KeepRule> Bands()
    {
        for (KeepRule? band = this; band is not null; band = band.Or) yield return band with { Or = null };
    }

    /// <summary>The rule with its metric named, where it names none.</summary>
    internal KeepRule Of(string metric) => this with { Metric = Metric ?? metric, Or = Or?.Of(metric) };

    /// <summary>The bands' texts. A name may have a plus, but only a band has a colon before one.</summary>
    private static IEnumerable<string> Joined(string text)
    {
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '+' || !text.AsSpan(start, i - start).Contains(':')) continue;
            yield return text[start..i];
            start = i + 1;
        }

        yield return text[start..];
    }

    private static KeepRule ParseOne(string text, string one)
    {
        string[] parts = one.Split(':');
        if (parts.Length is < 2 or > 3) throw Wrong(text, "is not a band and a fraction");
        string? metric = parts.Length == 3 ? parts[0].Trim() : null;
        if (metric is { Length: 0 }) throw Wrong(text, "has an empty metric");
        return new KeepRule(metric, ParseBand(text, parts[^2].Trim()), ParseFraction(text, parts[^1].Trim()));
    }

    /// <summary>The rule as <see cref="Parse"/> reads it, fractions as percentages.</summary>
    public override string ToString()
    {
        string fraction = (Fraction * 100).ToString("0.############################", CultureInfo.InvariantCulture) + "%";
        string band = Band.ToString().ToLowerInvariant();
        string or = string.Concat(Bands().Skip(1).Select(other => "+" + (other with { Metric = null })));
        return Metric is null ? $"{band}:{fraction}{or}" : $"{Metric}:{band}:{fraction}{or}";
    }

    /// <summary>Where this band lies in a ranking of total weight <paramref name="total"/> (for equal weights: n).</summary>
    internal (long From, long To) Interval(long total)
    {
        long kept = checked((long)Math.Round(Fraction * total, MidpointRounding.AwayFromZero));
        return Band switch
        {
            Band.Bottom or Band.Random => (0, kept),
            Band.Top => (total - kept, total),
            Band.Middle => ((total - kept) / 2, ((total - kept) / 2) + kept),
            _ => throw new ArgumentOutOfRangeException(nameof(total), Band, "unknown band"),
        };
    }

    private static Band ParseBand(string text, string band) => band switch
    {
        "bottom" => Band.Bottom,
        "middle" => Band.Middle,
        "top" => Band.Top,
        "random" => Band.Random,
        _ => throw Wrong(text, $"has the band `{band}`, which is none of bottom, middle, top, random"),
    };

    private static decimal ParseFraction(string text, string fraction)
    {
        bool percent = fraction.EndsWith('%');
        const NumberStyles Style = NumberStyles.AllowDecimalPoint;
        if (!decimal.TryParse(percent ? fraction[..^1] : fraction, Style, CultureInfo.InvariantCulture, out decimal value))
            throw Wrong(text, $"has the fraction `{fraction}`, which is not a number");
        if (percent) value /= 100;
        if (value is > 0 and <= 1) return value;
        throw Wrong(text, value > 1 && !percent
            ? $"has the fraction `{fraction}`, which is more than 1; with a percent sign it would be `{fraction}%`"
            : $"has the fraction `{fraction}`, which is not more than 0 and at most 1");
    }

    private static CorpusException Wrong(string text, string found) => new("keep rule", $"`{text}` {found}", Hint);
}
