using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>How a tile walks over its left factor: element (row r, step k) is at r · Row + k · Step. Constants, so that they fold into addresses.</summary>
internal interface IWalk
{
    /// <summary>Floats from row to row.</summary>
    static abstract int Row { get; }

    /// <summary>Floats from step to step.</summary>
    static abstract int Step { get; }
}

/// <summary>A [queries, keys] block from left to right: the steps are keys.</summary>
internal readonly struct AlongKeys : IWalk
{
    /// <inheritdoc/>
    public static int Row => AttentionBlocks.Keys;

    /// <inheritdoc/>
    public static int Step => 1;
}

/// <summary>A [queries, keys] block from top to bottom: the steps are queries.</summary>
internal readonly struct AlongQueries : IWalk
{
    /// <inheritdoc/>
    public static int Row => 1;

    /// <inheritdoc/>
    public static int Step => AttentionBlocks.Keys;
}

/// <summary>
/// The inner tiles of attention's products with a [queries, keys] block, C += A · B, every accumulator with a name. As in
/// <see cref="GemmTiles"/> every element is one chain of fused multiply-adds in order of the steps, whatever the tile.
/// <para>a: as the walk says. b: [depth, ≥ registers], rows bStride apart. c: [rows, ≥ registers], rows cStride apart.</para>
/// </summary>
internal static unsafe class AttentionTiles
{
    /// <summary>Any number of rows up to <see cref="AttentionBlocks.TileRows"/>, and whole registers of columns.</summary>
    public static void Multiply<TLanes, TWalk>(float* a, float* b, int bStride, int depth, float* c, int cStride, int rows, int columns)
        where TLanes : struct, ILanes<TLanes>
        where TWalk : IWalk
    {
        int column = 0;
        for (; column <= columns - (2 * TLanes.Count); column += 2 * TLanes.Count)
        {
            if (rows == 1) Tile1x2<TLanes, TWalk>(a, b + column, bStride, depth, c + column);
            else if (TLanes.Count < 16 || rows <= 4) Tile4x2<TLanes, TWalk>(a, b + column, bStride, depth, c + column, cStride);
            else Tile8x2<TLanes, TWalk>(a, b + column, bStride, depth, c + column, cStride);
        }

        if (column == columns) return;
        if (rows == 1) Tile1<TLanes, TWalk>(a, b + column, bStride, depth, c + column);
        else if (TLanes.Count < 16 || rows <= 4) Tile4<TLanes, TWalk>(a, b + column, bStride, depth, c + column, cStride);
        else Tile8<TLanes, TWalk>(a, b + column, bStride, depth, c + column, cStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile8x2<TLanes, TWalk>(float* a, float* b, int bStride, int depth, float* c, int cStride)
        where TLanes : struct, ILanes<TLanes>
        where TWalk : IWalk
    {
        long stride = bStride;
        TLanes c00 = First<TLanes>(c), c01 = Second<TLanes>(c);
        TLanes c10 = First<TLanes>(c + cStride), c11 = Second<TLanes>(c + cStride);
        TLanes c20 = First<TLanes>(c + (2 * cStride)), c21 = Second<TLanes>(c + (2 * cStride));
        TLanes c30 = First<TLanes>(c + (3 * cStride)), c31 = Second<TLanes>(c + (3 * cStride));
        TLanes c40 = First<TLanes>(c + (4 * cStride)), c41 = Second<TLanes>(c + (4 * cStride));
        TLanes c50 = First<TLanes>(c + (5 * cStride)), c51 = Second<TLanes>(c + (5 * cStride));
        TLanes c60 = First<TLanes>(c + (6 * cStride)), c61 = Second<TLanes>(c + (6 * cStride));
        TLanes c70 = First<TLanes>(c + (7 * cStride)), c71 = Second<TLanes>(c + (7 * cStride));
        for (int k = 0; k < depth; k++)
        {
            TLanes b0 = First<TLanes>(b), b1 = Second<TLanes>(b);
            TLanes x0 = TLanes.Broadcast(a[0]);
            c00 = TLanes.FusedMultiplyAdd(x0, b0, c00);
            c01 = TLanes.FusedMultiplyAdd(x0, b1, c01);
            TLanes x1 = TLanes.Broadcast(a[TWalk.Row]);
            c10 = TLanes.FusedMultiplyAdd(x1, b0, c10);
            c11 = TLanes.FusedMultiplyAdd(x1, b1, c11);
            TLanes x2 = TLanes.Broadcast(a[2 * TWalk.Row]);
            c20 = TLanes.FusedMultiplyAdd(x2, b0, c20);
            c21 = TLanes.FusedMultiplyAdd(x2, b1, c21);
            TLanes x3 = TLanes.Broadcast(a[3 * TWalk.Row]);
            c30 = TLanes.FusedMultiplyAdd(x3, b0, c30);
            c31 = TLanes.FusedMultiplyAdd(x3, b1, c31);
            TLanes x4 = TLanes.Broadcast(a[4 * TWalk.Row]);
            c40 = TLanes.FusedMultiplyAdd(x4, b0, c40);
            c41 = TLanes.FusedMultiplyAdd(x4, b1, c41);
            TLanes x5 = TLanes.Broadcast(a[5 * TWalk.Row]);
            c50 = TLanes.FusedMultiplyAdd(x5, b0, c50);
            c51 = TLanes.FusedMultiplyAdd(x5, b1, c51);
            TLanes x6 = TLanes.Broadcast(a[6 * TWalk.Row]);
            c60 = TLanes.FusedMultiplyAdd(x6, b0, c60);
            c61 = TLanes.FusedMultiplyAdd(x6, b1, c61);
            TLanes x7 = TLanes.Broadcast(a[7 * TWalk.Row]);
            c70 = TLanes.FusedMultiplyAdd(x7, b0, c70);
            c71 = TLanes.FusedMultiplyAdd(x7, b1, c71);
            a += TWalk.Step;
            b += stride;
        }

        Store(c, c00, c01);
        Store(c + cStride, c10, c11);
        Store(c + (2 * cStride), c20, c21);
        Store(c + (3 * cStride), c30, c31);
        Store(c + (4 * cStride), c40, c41);
        Store(c + (5 * cStride), c50, c51);
        Store(c + (6 * cStride), c60, c61);
        Store(c + (7 * cStride), c70, c71);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile8<TLanes, TWalk>(float* a, float* b, int bStride, int depth, float* c, int cStride)
        where TLanes : struct, ILanes<TLanes>
        where TWalk : IWalk
    {
        long stride = bStride;
        TLanes c0 = First<TLanes>(c), c1 = First<TLanes>(c + cStride);
        TLanes c2 = First<TLanes>(c + (2 * cStride)), c3 = First<TLanes>(c + (3 * cStride));
        TLanes c4 = First<TLanes>(c + (4 * cStride)), c5 = First<TLanes>(c + (5 * cStride));
        TLanes c6 = First<TLanes>(c + (6 * cStride)), c7 = First<TLanes>(c + (7 * cStride));
        for (int k = 0; k < depth; k++)
        {
            TLanes b0 = First<TLanes>(b);
            c0 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[0]), b0, c0);
            c1 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[TWalk.Row]), b0, c1);
            c2 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[2 * TWalk.Row]), b0, c2);
            c3 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[3 * TWalk.Row]), b0, c3);
            c4 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[4 * TWalk.Row]), b0, c4);
            c5 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[5 * TWalk.Row]), b0, c5);
            c6 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[6 * TWalk.Row]), b0, c6);
            c7 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[7 * TWalk.Row]), b0, c7);
            a += TWalk.Step;
            b += stride;
        }

        c0.Store(c);
        c1.Store(c + cStride);
        c2.Store(c + (2 * cStride));
        c3.Store(c + (3 * cStride));
        c4.Store(c + (4 * cStride));
        c5.Store(c + (5 * cStride));
        c6.Store(c + (6 * cStride));
        c7.Store(c + (7 * cStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile4x2<TLanes, TWalk>(float* a, float* b, int bStride, int depth, float* c, int cStride)
        where TLanes : struct, ILanes<TLanes>
        where TWalk : IWalk
    {
        long stride = bStride;
        TLanes c00 = First<TLanes>(c), c01 = Second<TLanes>(c);
        TLanes c10 = First<TLanes>(c + cStride), c11 = Second<TLanes>(c + cStride);
        TLanes c20 = First<TLanes>(c + (2 * cStride)), c21 = Second<TLanes>(c + (2 * cStride));
        TLanes c30 = First<TLanes>(c + (3 * cStride)), c31 = Second<TLanes>(c + (3 * cStride));
        for (int k = 0; k < depth; k++)
        {
            TLanes b0 = First<TLanes>(b), b1 = Second<TLanes>(b);
            TLanes x0 = TLanes.Broadcast(a[0]);
            c00 = TLanes.FusedMultiplyAdd(x0, b0, c00);
            c01 = TLanes.FusedMultiplyAdd(x0, b1, c01);
            TLanes x1 = TLanes.Broadcast(a[TWalk.Row]);
            c10 = TLanes.FusedMultiplyAdd(x1, b0, c10);
            c11 = TLanes.FusedMultiplyAdd(x1, b1, c11);
            TLanes x2 = TLanes.Broadcast(a[2 * TWalk.Row]);
            c20 = TLanes.FusedMultiplyAdd(x2, b0, c20);
            c21 = TLanes.FusedMultiplyAdd(x2, b1, c21);
            TLanes x3 = TLanes.Broadcast(a[3 * TWalk.Row]);
            c30 = TLanes.FusedMultiplyAdd(x3, b0, c30);
            c31 = TLanes.FusedMultiplyAdd(x3, b1, c31);
            a += TWalk.Step;
            b += stride;
        }

        Store(c, c00, c01);
        Store(c + cStride, c10, c11);
        Store(c + (2 * cStride), c20, c21);
        Store(c + (3 * cStride), c30, c31);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile4<TLanes, TWalk>(float* a, float* b, int bStride, int depth, float* c, int cStride)
        where TLanes : struct, ILanes<TLanes>
        where TWalk : IWalk
    {
        long stride = bStride;
        TLanes c0 = First<TLanes>(c), c1 = First<TLanes>(c + cStride);
        TLanes c2 = First<TLanes>(c + (2 * cStride)), c3 = First<TLanes>(c + (3 * cStride));
        for (int k = 0; k < depth; k++)
        {
            TLanes b0 = First<TLanes>(b);
            c0 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[0]), b0, c0);
            c1 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[TWalk.Row]), b0, c1);
            c2 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[2 * TWalk.Row]), b0, c2);
            c3 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[3 * TWalk.Row]), b0, c3);
            a += TWalk.Step;
            b += stride;
        }

        c0.Store(c);
        c1.Store(c + cStride);
        c2.Store(c + (2 * cStride));
        c3.Store(c + (3 * cStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile1x2<TLanes, TWalk>(float* a, float* b, int bStride, int depth, float* c)
        where TLanes : struct, ILanes<TLanes>
        where TWalk : IWalk
    {
        long stride = bStride;
        TLanes c0 = First<TLanes>(c), c1 = Second<TLanes>(c);
        for (int k = 0; k < depth; k++)
        {
            TLanes x = TLanes.Broadcast(a[0]);
            c0 = TLanes.FusedMultiplyAdd(x, First<TLanes>(b), c0);
            c1 = TLanes.FusedMultiplyAdd(x, Second<TLanes>(b), c1);
            a += TWalk.Step;
            b += stride;
        }

        Store(c, c0, c1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Tile1<TLanes, TWalk>(float* a, float* b, int bStride, int depth, float* c)
        where TLanes : struct, ILanes<TLanes>
        where TWalk : IWalk
    {
        long stride = bStride;
        TLanes c0 = First<TLanes>(c);
        for (int k = 0; k < depth; k++)
        {
            c0 = TLanes.FusedMultiplyAdd(TLanes.Broadcast(a[0]), First<TLanes>(b), c0);
            a += TWalk.Step;
            b += stride;
        }

        c0.Store(c);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes First<TLanes>(float* from)
        where TLanes : struct, ILanes<TLanes> => TLanes.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Second<TLanes>(float* from)
        where TLanes : struct, ILanes<TLanes> => TLanes.Load(from + TLanes.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TLanes>(float* to, TLanes first, TLanes second)
        where TLanes : struct, ILanes<TLanes>
    {
        first.Store(to);
        second.Store(to + TLanes.Count);
    }
}
