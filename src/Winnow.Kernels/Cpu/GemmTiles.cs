using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Winnow.Kernels.Cpu;

/// <summary>
/// The inner tiles of an f32 matrix product, C[rows, 3 registers] (+)= A · B (+ bias), written out so that every accumulator has a
/// name and stays in its register. Every element is one chain of fused multiply-adds in order of k, whatever the tile, so a row's
/// result does not depend on which rows stand beside it.
/// <para>a: [rows, ≥ depth], row-major. b: a panel [depth, 3 registers]. c: [rows, ≥ 3 registers], row-major. bias: 3 registers or null.</para>
/// </summary>
internal static unsafe class GemmTiles
{
    /// <summary>8 rows × 3 registers. Step by step it asks the second-level cache for memory that will be read later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Tile8<TLanes>(
        float* a, long aStride, float* b, int depth, float* c, long cStride, int rows, bool add, float* bias, float* later, long laterStride)
        where TLanes : struct, ILanes<TLanes>
    {
        float* a1 = rows > 1 ? a + aStride : a;
        float* a2 = rows > 2 ? a1 + aStride : a1;
        float* a3 = rows > 3 ? a2 + aStride : a2;
        float* a4 = rows > 4 ? a3 + aStride : a3;
        float* a5 = rows > 5 ? a4 + aStride : a4;
        float* a6 = rows > 6 ? a5 + aStride : a5;
        float* a7 = rows > 7 ? a6 + aStride : a6;
        Expect<TLanes>(c);
        Expect<TLanes>(c + cStride);
        Expect<TLanes>(c + (2 * cStride));
        Expect<TLanes>(c + (3 * cStride));
        Expect<TLanes>(c + (4 * cStride));
        Expect<TLanes>(c + (5 * cStride));
        Expect<TLanes>(c + (6 * cStride));
        Expect<TLanes>(c + (7 * cStride));
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero, c02 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero, c12 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero, c22 = TLanes.Zero;
        TLanes c30 = TLanes.Zero, c31 = TLanes.Zero, c32 = TLanes.Zero;
        TLanes c40 = TLanes.Zero, c41 = TLanes.Zero, c42 = TLanes.Zero;
        TLanes c50 = TLanes.Zero, c51 = TLanes.Zero, c52 = TLanes.Zero;
        TLanes c60 = TLanes.Zero, c61 = TLanes.Zero, c62 = TLanes.Zero;
        TLanes c70 = TLanes.Zero, c71 = TLanes.Zero, c72 = TLanes.Zero;
        for (int k = 0; k < depth; k++)
        {
            TLanes b0 = TLanes.Load(b), b1 = TLanes.Load(b + TLanes.Count), b2 = TLanes.Load(b + (2 * TLanes.Count));
            b += 3 * TLanes.Count;
            if (Sse.IsSupported) Sse.Prefetch1(later);
            later += laterStride;
            TLanes x0 = TLanes.Broadcast(a[k]);
            c00 = TLanes.FusedMultiplyAdd(x0, b0, c00);
            c01 = TLanes.FusedMultiplyAdd(x0, b1, c01);
            c02 = TLanes.FusedMultiplyAdd(x0, b2, c02);
            TLanes x1 = TLanes.Broadcast(a1[k]);
            c10 = TLanes.FusedMultiplyAdd(x1, b0, c10);
            c11 = TLanes.FusedMultiplyAdd(x1, b1, c11);
            c12 = TLanes.FusedMultiplyAdd(x1, b2, c12);
            TLanes x2 = TLanes.Broadcast(a2[k]);
            c20 = TLanes.FusedMultiplyAdd(x2, b0, c20);
            c21 = TLanes.FusedMultiplyAdd(x2, b1, c21);
            c22 = TLanes.FusedMultiplyAdd(x2, b2, c22);
            TLanes x3 = TLanes.Broadcast(a3[k]);
            c30 = TLanes.FusedMultiplyAdd(x3, b0, c30);
            c31 = TLanes.FusedMultiplyAdd(x3, b1, c31);
            c32 = TLanes.FusedMultiplyAdd(x3, b2, c32);
            TLanes x4 = TLanes.Broadcast(a4[k]);
            c40 = TLanes.FusedMultiplyAdd(x4, b0, c40);
            c41 = TLanes.FusedMultiplyAdd(x4, b1, c41);
            c42 = TLanes.FusedMultiplyAdd(x4, b2, c42);
            TLanes x5 = TLanes.Broadcast(a5[k]);
            c50 = TLanes.FusedMultiplyAdd(x5, b0, c50);
            c51 = TLanes.FusedMultiplyAdd(x5, b1, c51);
            c52 = TLanes.FusedMultiplyAdd(x5, b2, c52);
            TLanes x6 = TLanes.Broadcast(a6[k]);
            c60 = TLanes.FusedMultiplyAdd(x6, b0, c60);
            c61 = TLanes.FusedMultiplyAdd(x6, b1, c61);
            c62 = TLanes.FusedMultiplyAdd(x6, b2, c62);
            TLanes x7 = TLanes.Broadcast(a7[k]);
            c70 = TLanes.FusedMultiplyAdd(x7, b0, c70);
            c71 = TLanes.FusedMultiplyAdd(x7, b1, c71);
            c72 = TLanes.FusedMultiplyAdd(x7, b2, c72);
        }

        Finish(c, c00, c01, c02, add, bias);
        if (rows > 1) Finish(c + (1 * cStride), c10, c11, c12, add, bias);
        if (rows > 2) Finish(c + (2 * cStride), c20, c21, c22, add, bias);
        if (rows > 3) Finish(c + (3 * cStride), c30, c31, c32, add, bias);
        if (rows > 4) Finish(c + (4 * cStride), c40, c41, c42, add, bias);
        if (rows > 5) Finish(c + (5 * cStride), c50, c51, c52, add, bias);
        if (rows > 6) Finish(c + (6 * cStride), c60, c61, c62, add, bias);
        if (rows > 7) Finish(c + (7 * cStride), c70, c71, c72, add, bias);
    }

    /// <summary>4 rows × 3 registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Tile4<TLanes>(float* a, long aStride, float* b, int depth, float* c, long cStride, int rows, bool add, float* bias)
        where TLanes : struct, ILanes<TLanes>
    {
        float* a1 = rows > 1 ? a + aStride : a;
        float* a2 = rows > 2 ? a1 + aStride : a1;
        float* a3 = rows > 3 ? a2 + aStride : a2;
        Expect<TLanes>(c);
        Expect<TLanes>(c + cStride);
        Expect<TLanes>(c + (2 * cStride));
        Expect<TLanes>(c + (3 * cStride));
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero, c02 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero, c12 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero, c22 = TLanes.Zero;
        TLanes c30 = TLanes.Zero, c31 = TLanes.Zero, c32 = TLanes.Zero;
        for (int k = 0; k < depth; k++)
        {
            TLanes b0 = TLanes.Load(b), b1 = TLanes.Load(b + TLanes.Count), b2 = TLanes.Load(b + (2 * TLanes.Count));
            b += 3 * TLanes.Count;
            TLanes x0 = TLanes.Broadcast(a[k]);
            c00 = TLanes.FusedMultiplyAdd(x0, b0, c00);
            c01 = TLanes.FusedMultiplyAdd(x0, b1, c01);
            c02 = TLanes.FusedMultiplyAdd(x0, b2, c02);
            TLanes x1 = TLanes.Broadcast(a1[k]);
            c10 = TLanes.FusedMultiplyAdd(x1, b0, c10);
            c11 = TLanes.FusedMultiplyAdd(x1, b1, c11);
            c12 = TLanes.FusedMultiplyAdd(x1, b2, c12);
            TLanes x2 = TLanes.Broadcast(a2[k]);
            c20 = TLanes.FusedMultiplyAdd(x2, b0, c20);
            c21 = TLanes.FusedMultiplyAdd(x2, b1, c21);
            c22 = TLanes.FusedMultiplyAdd(x2, b2, c22);
            TLanes x3 = TLanes.Broadcast(a3[k]);
            c30 = TLanes.FusedMultiplyAdd(x3, b0, c30);
            c31 = TLanes.FusedMultiplyAdd(x3, b1, c31);
            c32 = TLanes.FusedMultiplyAdd(x3, b2, c32);
        }

        Finish(c, c00, c01, c02, add, bias);
        if (rows > 1) Finish(c + (1 * cStride), c10, c11, c12, add, bias);
        if (rows > 2) Finish(c + (2 * cStride), c20, c21, c22, add, bias);
        if (rows > 3) Finish(c + (3 * cStride), c30, c31, c32, add, bias);
    }

    /// <summary>1 row × 3 registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Tile1<TLanes>(float* a, float* b, int depth, float* c, bool add, float* bias)
        where TLanes : struct, ILanes<TLanes>
    {
        Expect<TLanes>(c);
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero, c02 = TLanes.Zero;
        for (int k = 0; k < depth; k++)
        {
            TLanes b0 = TLanes.Load(b), b1 = TLanes.Load(b + TLanes.Count), b2 = TLanes.Load(b + (2 * TLanes.Count));
            b += 3 * TLanes.Count;
            TLanes x0 = TLanes.Broadcast(a[k]);
            c00 = TLanes.FusedMultiplyAdd(x0, b0, c00);
            c01 = TLanes.FusedMultiplyAdd(x0, b1, c01);
            c02 = TLanes.FusedMultiplyAdd(x0, b2, c02);
        }

        Finish(c, c00, c01, c02, add, bias);
    }

    /// <summary>Fetches a row of C while the sums are made.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Expect<TLanes>(float* c)
        where TLanes : struct, ILanes<TLanes>
    {
        if (!Sse.IsSupported) return;
        for (int i = 0; i < 3 * TLanes.Count; i += 16) Sse.Prefetch0(c + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish<TLanes>(float* c, TLanes x, TLanes y, TLanes z, bool add, float* bias)
        where TLanes : struct, ILanes<TLanes>
    {
        if (add)
        {
            x += TLanes.Load(c);
            y += TLanes.Load(c + TLanes.Count);
            z += TLanes.Load(c + (2 * TLanes.Count));
        }

        if (bias != null)
        {
            x += TLanes.Load(bias);
            y += TLanes.Load(bias + TLanes.Count);
            z += TLanes.Load(bias + (2 * TLanes.Count));
        }

        x.Store(c);
        y.Store(c + TLanes.Count);
        z.Store(c + (2 * TLanes.Count));
    }
}
