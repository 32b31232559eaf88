using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>The header lines of a WARC record or HTTP message: a first line, then <c>Name: value</c>.</summary>
internal sealed class HeaderBlock
{
    private readonly Dictionary<string, string> _values = new(StringComparer.OrdinalIgnoreCase);

    private HeaderBlock(string first) => First = first;

    /// <summary>The first line.</summary>
    internal string First { get; }

    /// <summary>A header, or null; the first one of its name counts.</summary>
    internal string? this[string name] => _values.GetValueOrDefault(name);

    /// <summary>Bytes up to and with the blank line that ends the headers; −1 when it is not there.</summary>
    internal static int LengthOf(ReadOnlySpan<byte> bytes)
    {
        int strict = bytes.IndexOf("\r\n\r\n"u8);
        int loose = (strict < 0 ? bytes : bytes[..strict]).IndexOf("\n\n"u8);
        return loose >= 0 ? loose + 2 : strict >= 0 ? strict + 4 : -1;
    }

    internal static HeaderBlock Parse(ReadOnlySpan<byte> bytes)
    {
        string[] lines = Encoding.Latin1.GetString(bytes).Split('\n');
        HeaderBlock block = new(lines[0].Trim());
        foreach (string line in lines.Skip(1))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0) block._values.TryAdd(line[..colon].Trim(), line[(colon + 1)..].Trim());
        }
        return block;
    }
}
