namespace Winnow.Data.Parquet;

/// <summary>Writes Parquet's hybrid of runs and bit-packed groups.</summary>
internal static class RunEncoder
{
    private const int Group = 8;
    private const int MostGroups = 63;         // the header of a packed run then takes one byte

    /// <summary>Appends all values; each takes at most <paramref name="bits"/> bits.</summary>
    internal static void Write(ReadOnlySpan<int> values, int bits, List<byte> to)
    {
        int at = 0;
        while (at < values.Length)
        {
            int run = RunLength(values[at..]);
            if (run >= Group)
            {
                WriteVariable((uint)run << 1, to);
                for (int shift = 0; shift < bits; shift += 8) to.Add((byte)(values[at] >> shift));
                at += run;
                continue;
            }
            int start = at;
            do at = Math.Min(at + Group, values.Length);
            while (at < values.Length && at - start < MostGroups * Group && RunLength(values[at..]) < Group);
            Pack(values[start..at], bits, to);
        }
    }

    private static void Pack(ReadOnlySpan<int> values, int bits, List<byte> to)
    {
        int groups = (values.Length + Group - 1) / Group;
        WriteVariable(((uint)groups << 1) | 1, to);
        ulong pending = 0;
        int pendingBits = 0;
        for (int i = 0; i < groups * Group; i++)
        {
            pending |= (ulong)(i < values.Length ? values[i] : 0) << pendingBits;
            for (pendingBits += bits; pendingBits >= 8; pendingBits -= 8, pending >>= 8) to.Add((byte)pending);
        }
    }

    private static int RunLength(ReadOnlySpan<int> values)
    {
        int length = values[1..].IndexOfAnyExcept(values[0]);
        return length < 0 ? values.Length : length + 1;
    }

    private static void WriteVariable(uint value, List<byte> to)
    {
        for (; value >= 0x80; value >>= 7) to.Add((byte)(value | 0x80));
        to.Add((byte)value);
    }
}
