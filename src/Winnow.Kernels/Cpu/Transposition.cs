using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>Turning rows into columns.</summary>
internal static unsafe class Transposition
{
    /// <summary>to[c, r] = from[r, c] for a block of any size.</summary>
    /// <param name="from">[rows, columns], rows <paramref name="fromStride"/> apart.</param>
    /// <param name="fromStride">Elements from row to row.</param>
    /// <param name="rows">Rows of the source.</param>
    /// <param name="columns">Columns of the source.</param>
    /// <param name="to">[columns, rows], rows <paramref name="toStride"/> apart.</param>
    /// <param name="toStride">Elements from row to row of the result.</param>
    public static void Transpose<TLanes>(float* from, long fromStride, int rows, int columns, float* to, long toStride)
        where TLanes : struct, ILanes<TLanes>
    {
        int wideRows = rows - (rows % TLanes.Count), wideColumns = columns - (columns % TLanes.Count);
        for (int r = 0; r < wideRows; r += TLanes.Count)
        {
            for (int c = 0; c < wideColumns; c += TLanes.Count)
                Square<TLanes>(from + (r * fromStride) + c, fromStride, to + (c * toStride) + r, toStride);
        }

        for (int r = 0; r < rows; r++)
        {
            for (int c = r < wideRows ? wideColumns : 0; c < columns; c++) to[(c * toStride) + r] = from[(r * fromStride) + c];
        }
    }

    /// <summary>
    /// A square of Count rows: log₂ Count rounds, each of which shuffles the first half of the registers with the second like a
    /// deck of cards.
    /// </summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Square<TLanes>(float* from, long fromStride, float* to, long toStride)
        where TLanes : struct, ILanes<TLanes>
    {
        float* one = stackalloc float[256];
        float* two = stackalloc float[256];
        int half = TLanes.Count / 2;
        Shuffle<TLanes>(from, fromStride, one, TLanes.Count);
        for (int step = 2; step < half; step *= 2)
        {
            Shuffle<TLanes>(one, TLanes.Count, two, TLanes.Count);
            float* done = two;
            two = one;
            one = done;
        }

        Shuffle<TLanes>(one, TLanes.Count, to, toStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Shuffle<TLanes>(float* from, long fromStride, float* to, long toStride)
        where TLanes : struct, ILanes<TLanes>
    {
        int half = TLanes.Count / 2;
        for (int i = 0; i < half; i++)
        {
            (TLanes low, TLanes high) = TLanes.Interleave(TLanes.Load(from + (i * fromStride)), TLanes.Load(from + ((i + half) * fromStride)));
            low.Store(to + (2 * i * toStride));
            high.Store(to + (((2 * i) + 1) * toStride));
        }
    }
}
