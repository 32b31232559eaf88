using System.Globalization;
using System.Text;

namespace Winnow.Studies.Reports;

/// <summary>HTML and SVG text: everything that came from outside goes through <see cref="Escape"/>.</summary>
internal sealed class Markup
{
    private readonly StringBuilder text = new();

    /// <summary>Text that a browser shows as it is: markup escaped, control characters and lone surrogates made visible.</summary>
    internal static string Escape(string value)
    {
        var safe = new StringBuilder(value.Length + 16);
        foreach (Rune rune in value.EnumerateRunes())
        {
            switch (rune.Value)
            {
                case '&': safe.Append("&amp;"); break;
                case '<': safe.Append("&lt;"); break;
                case '>': safe.Append("&gt;"); break;
                case '"': safe.Append("&quot;"); break;
                case '\'': safe.Append("&#39;"); break;
                case '\n' or '\t': safe.Append((char)rune.Value); break;
                case '\r': break;
                case < 0x20: safe.Append((char)(0x2400 + rune.Value)); break;
                case 0x7f: safe.Append('␡'); break;
                case >= 0x80 and < 0xa0: safe.Append('�'); break;
                // Marks that turn the direction of what follows would reorder the page itself.
                case (>= 0x202a and <= 0x202e) or (>= 0x2066 and <= 0x2069): safe.Append('�'); break;
                default: safe.Append(rune.ToString()); break;
            }
        }
        return safe.ToString();
    }

    /// <summary>A coordinate with one decimal, as SVG wants it.</summary>
    internal static string At(double value) => Math.Round(value, 1).ToString("0.#", CultureInfo.InvariantCulture);

    /// <summary>Appends markup written by the program itself.</summary>
    internal Markup Raw(string markup)
    {
        text.Append(markup);
        return this;
    }

    /// <summary>Appends a line of markup written by the program itself.</summary>
    internal Markup Line(string markup)
    {
        text.Append(markup).Append('\n');
        return this;
    }

    /// <inheritdoc/>
    public override string ToString() => text.ToString();
}
