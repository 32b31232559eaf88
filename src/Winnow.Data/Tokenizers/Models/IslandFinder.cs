namespace Winnow.Data.Tokenizers;

/// <summary>Finds places in a piece that no merge can cross, so that what lies between them can be encoded, and remembered, by itself.</summary>
/// <remarks>A merge crosses from the last bytes of its left token to the first of its right one. Two bytes on either side are
/// remembered, in a bit table that may say too much but never too little; where a token is a single byte, one.</remarks>
internal sealed class IslandFinder
{
    private const int TableBits = 21;

    /// <summary>Whether merges cross between these two bytes, by [last, first].</summary>
    private readonly Crossing[] _bytes = new Crossing[65536];

    /// <summary>Hashed pairs of two bytes that merges cross between.</summary>
    private readonly ulong[] _table = new ulong[1 << (TableBits - 6)];

    private readonly bool _overBytes;

    private enum Crossing : byte
    {
        Never,
        Sometimes,
        Always,
    }

    /// <param name="tokens">For each id its bytes.</param>
    /// <param name="merges">All merges.</param>
    /// <param name="overBytes">Whether islands may end inside a character.</param>
    public IslandFinder(byte[]?[] tokens, IReadOnlyList<(int Left, int Right, int Merged)> merges, bool overBytes)
    {
        _overBytes = overBytes;
        foreach ((int leftId, int rightId, _) in merges)
        {
            byte[] left = tokens[leftId]!, right = tokens[rightId]!;
            ref Crossing crossing = ref _bytes[(left[^1] << 8) | right[0]];
            if (left.Length == 1 || right.Length == 1)
            {
                crossing = Crossing.Always;
                continue;
            }

            if (crossing == Crossing.Never) crossing = Crossing.Sometimes;
            int bit = BitOf(left[^2], left[^1], right[0], right[1]);
            _table[bit >> 6] |= 1UL << bit;
        }
    }

    /// <summary>End of the island that starts at <paramref name="start"/>.</summary>
    public int EndFrom(ReadOnlySpan<byte> piece, int start)
    {
        for (int i = start + 1; i < piece.Length; i++)
        {
            byte here = piece[i];
            if (!_overBytes && (here & 0xC0) == 0x80) continue;
            Crossing crossing = _bytes[(piece[i - 1] << 8) | here];
            if (crossing == Crossing.Always) continue;
            if (crossing == Crossing.Never) return i;

            // Longer tokens than one byte on both sides: there must be room for them.
            if (i - start < 2 || i + 1 == piece.Length) return i;
            int bit = BitOf(piece[i - 2], piece[i - 1], here, piece[i + 1]);
            if ((_table[bit >> 6] & (1UL << bit)) == 0) return i;
        }

        return piece.Length;
    }

    private static int BitOf(byte beforeLast, byte last, byte first, byte second)
    {
        uint key = ((uint)beforeLast << 24) | ((uint)last << 16) | ((uint)first << 8) | second;
        return (int)((key * 0x9E3779B97F4A7C15UL) >> (64 - TableBits));
    }
}
