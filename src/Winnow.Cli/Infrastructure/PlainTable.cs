namespace Winnow.Cli.Infrastructure;

/// <summary>A table in plain characters: the first column to the left, numbers to the right. The same on a terminal and in a pipe.</summary>
internal sealed class PlainTable(params string[] header)
{
    private readonly List<string[]> rows = [];

    /// <summary>Adds a row of as many cells as the header has.</summary>
    internal void Add(params string[] cells) => rows.Add(cells);

    /// <summary>Prints it, wide characters counted as two columns.</summary>
    internal void Write(TextWriter to, int leftColumns = 1)
    {
        int[] widths = [.. header.Select((h, i) => rows.Select(r => Columns(r[i])).Append(Columns(h)).Max())];
        foreach (string[] row in rows.Prepend(header))
        {
            IEnumerable<string> cells = row.Select((cell, i) => i < leftColumns ? cell + Pad(widths[i] - Columns(cell)) : Pad(widths[i] - Columns(cell)) + cell);
            to.WriteLine(string.Join("  ", cells).TrimEnd());
        }
    }

    private static string Pad(int count) => new(' ', Math.Max(count, 0));

    private static int Columns(string text) => text.EnumerateRunes().Sum(r => r.Value switch
    {
        >= 0x1100 and <= 0x115f or >= 0x2e80 and <= 0xa4cf or >= 0xac00 and <= 0xd7a3 or >= 0xf900 and <= 0xfaff
            or >= 0xfe30 and <= 0xfe6f or >= 0xff00 and <= 0xff60 or >= 0xffe0 and <= 0xffe6 or >= 0x1f300 and <= 0x1faff or >= 0x20000 and <= 0x3fffd => 2,
        _ => 1,
    });
}
