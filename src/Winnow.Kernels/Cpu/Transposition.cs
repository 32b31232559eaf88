using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Winnow.Kernels.Cpu;

/// <summary>Turning rows into columns.</summary>
internal static unsafe class Transposition
{
    private const int PrefetchElements = 128;

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
            {
                for (int ahead = 0; ahead < TLanes.Count; ahead++) Prefetch(from + ((r + ahead) * fromStride) + c + PrefetchElements);
                Square<TLanes>(from + (r * fromStride) + c, fromStride, to + (c * toStride) + r, toStride);
            }
        }

        for (int r = 0; r < rows; r++)
        {
            for (int c = r < wideRows ? wideColumns : 0; c < columns; c++) to[(c * toStride) + r] = from[(r * fromStride) + c];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(float* address)
    {
        if (Sse.IsSupported) Sse.Prefetch0(address);
    }

    private static void Square<TLanes>(float* from, long fromStride, float* to, long toStride)
        where TLanes : struct, ILanes<TLanes>
    {
        if (TLanes.Count == 16) Square16<TLanes>(from, fromStride, to, toStride);
        else if (TLanes.Count == 8) Square8<TLanes>(from, fromStride, to, toStride);
        else Square4<TLanes>(from, fromStride, to, toStride);
    }

    // Written out so that everything stays in registers: log₂ Count rounds, each of which deals the first half of the registers
    // into the second like a deck of cards.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Square16<TLanes>(float* from, long fromStride, float* to, long toStride)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes a0 = TLanes.Load(from);
        TLanes a1 = TLanes.Load(from + fromStride);
        TLanes a2 = TLanes.Load(from + (2 * fromStride));
        TLanes a3 = TLanes.Load(from + (3 * fromStride));
        TLanes a4 = TLanes.Load(from + (4 * fromStride));
        TLanes a5 = TLanes.Load(from + (5 * fromStride));
        TLanes a6 = TLanes.Load(from + (6 * fromStride));
        TLanes a7 = TLanes.Load(from + (7 * fromStride));
        TLanes a8 = TLanes.Load(from + (8 * fromStride));
        TLanes a9 = TLanes.Load(from + (9 * fromStride));
        TLanes a10 = TLanes.Load(from + (10 * fromStride));
        TLanes a11 = TLanes.Load(from + (11 * fromStride));
        TLanes a12 = TLanes.Load(from + (12 * fromStride));
        TLanes a13 = TLanes.Load(from + (13 * fromStride));
        TLanes a14 = TLanes.Load(from + (14 * fromStride));
        TLanes a15 = TLanes.Load(from + (15 * fromStride));
        (TLanes b0, TLanes b1) = TLanes.Interleave(a0, a8);
        (TLanes b2, TLanes b3) = TLanes.Interleave(a1, a9);
        (TLanes b4, TLanes b5) = TLanes.Interleave(a2, a10);
        (TLanes b6, TLanes b7) = TLanes.Interleave(a3, a11);
        (TLanes b8, TLanes b9) = TLanes.Interleave(a4, a12);
        (TLanes b10, TLanes b11) = TLanes.Interleave(a5, a13);
        (TLanes b12, TLanes b13) = TLanes.Interleave(a6, a14);
        (TLanes b14, TLanes b15) = TLanes.Interleave(a7, a15);
        (TLanes c0, TLanes c1) = TLanes.Interleave(b0, b8);
        (TLanes c2, TLanes c3) = TLanes.Interleave(b1, b9);
        (TLanes c4, TLanes c5) = TLanes.Interleave(b2, b10);
        (TLanes c6, TLanes c7) = TLanes.Interleave(b3, b11);
        (TLanes c8, TLanes c9) = TLanes.Interleave(b4, b12);
        (TLanes c10, TLanes c11) = TLanes.Interleave(b5, b13);
        (TLanes c12, TLanes c13) = TLanes.Interleave(b6, b14);
        (TLanes c14, TLanes c15) = TLanes.Interleave(b7, b15);
        (TLanes d0, TLanes d1) = TLanes.Interleave(c0, c8);
        (TLanes d2, TLanes d3) = TLanes.Interleave(c1, c9);
        (TLanes d4, TLanes d5) = TLanes.Interleave(c2, c10);
        (TLanes d6, TLanes d7) = TLanes.Interleave(c3, c11);
        (TLanes d8, TLanes d9) = TLanes.Interleave(c4, c12);
        (TLanes d10, TLanes d11) = TLanes.Interleave(c5, c13);
        (TLanes d12, TLanes d13) = TLanes.Interleave(c6, c14);
        (TLanes d14, TLanes d15) = TLanes.Interleave(c7, c15);
        (TLanes e0, TLanes e1) = TLanes.Interleave(d0, d8);
        (TLanes e2, TLanes e3) = TLanes.Interleave(d1, d9);
        (TLanes e4, TLanes e5) = TLanes.Interleave(d2, d10);
        (TLanes e6, TLanes e7) = TLanes.Interleave(d3, d11);
        (TLanes e8, TLanes e9) = TLanes.Interleave(d4, d12);
        (TLanes e10, TLanes e11) = TLanes.Interleave(d5, d13);
        (TLanes e12, TLanes e13) = TLanes.Interleave(d6, d14);
        (TLanes e14, TLanes e15) = TLanes.Interleave(d7, d15);
        e0.Store(to);
        e1.Store(to + toStride);
        e2.Store(to + (2 * toStride));
        e3.Store(to + (3 * toStride));
        e4.Store(to + (4 * toStride));
        e5.Store(to + (5 * toStride));
        e6.Store(to + (6 * toStride));
        e7.Store(to + (7 * toStride));
        e8.Store(to + (8 * toStride));
        e9.Store(to + (9 * toStride));
        e10.Store(to + (10 * toStride));
        e11.Store(to + (11 * toStride));
        e12.Store(to + (12 * toStride));
        e13.Store(to + (13 * toStride));
        e14.Store(to + (14 * toStride));
        e15.Store(to + (15 * toStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Square8<TLanes>(float* from, long fromStride, float* to, long toStride)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes a0 = TLanes.Load(from);
        TLanes a1 = TLanes.Load(from + fromStride);
        TLanes a2 = TLanes.Load(from + (2 * fromStride));
        TLanes a3 = TLanes.Load(from + (3 * fromStride));
        TLanes a4 = TLanes.Load(from + (4 * fromStride));
        TLanes a5 = TLanes.Load(from + (5 * fromStride));
        TLanes a6 = TLanes.Load(from + (6 * fromStride));
        TLanes a7 = TLanes.Load(from + (7 * fromStride));
        (TLanes b0, TLanes b1) = TLanes.Interleave(a0, a4);
        (TLanes b2, TLanes b3) = TLanes.Interleave(a1, a5);
        (TLanes b4, TLanes b5) = TLanes.Interleave(a2, a6);
        (TLanes b6, TLanes b7) = TLanes.Interleave(a3, a7);
        (TLanes c0, TLanes c1) = TLanes.Interleave(b0, b4);
        (TLanes c2, TLanes c3) = TLanes.Interleave(b1, b5);
        (TLanes c4, TLanes c5) = TLanes.Interleave(b2, b6);
        (TLanes c6, TLanes c7) = TLanes.Interleave(b3, b7);
        (TLanes d0, TLanes d1) = TLanes.Interleave(c0, c4);
        (TLanes d2, TLanes d3) = TLanes.Interleave(c1, c5);
        (TLanes d4, TLanes d5) = TLanes.Interleave(c2, c6);
        (TLanes d6, TLanes d7) = TLanes.Interleave(c3, c7);
        d0.Store(to);
        d1.Store(to + toStride);
        d2.Store(to + (2 * toStride));
        d3.Store(to + (3 * toStride));
        d4.Store(to + (4 * toStride));
        d5.Store(to + (5 * toStride));
        d6.Store(to + (6 * toStride));
        d7.Store(to + (7 * toStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Square4<TLanes>(float* from, long fromStride, float* to, long toStride)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes a0 = TLanes.Load(from);
        TLanes a1 = TLanes.Load(from + fromStride);
        TLanes a2 = TLanes.Load(from + (2 * fromStride));
        TLanes a3 = TLanes.Load(from + (3 * fromStride));
        (TLanes b0, TLanes b1) = TLanes.Interleave(a0, a2);
        (TLanes b2, TLanes b3) = TLanes.Interleave(a1, a3);
        (TLanes c0, TLanes c1) = TLanes.Interleave(b0, b2);
        (TLanes c2, TLanes c3) = TLanes.Interleave(b1, b3);
        c0.Store(to);
        c1.Store(to + toStride);
        c2.Store(to + (2 * toStride));
        c3.Store(to + (3 * toStride));
    }
}
