using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>Elementary functions on registers.</summary>
internal static class VectorMath
{
    // Outside these, e^x rounds to 0 or to infinity.
    private const float ExpLowest = -104f;
    private const float ExpHighest = 89f;
    private const float Log2E = 1.44269504f;

    // ln 2 in two parts; the upper has few enough bits that n · upper is exact.
    private const float Ln2Upper = 0.693359375f;
    private const float Ln2Lower = -2.12194440e-4f;

    private const float TanhNear = 0.625f;

    /// <summary>e^x within about one unit in the last place; 0 below −104, infinity above 89, NaN for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Exp<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>
    {
        x = TLanes.Min(TLanes.Broadcast(ExpHighest), TLanes.Max(TLanes.Broadcast(ExpLowest), x));
        TLanes n = TLanes.Round(x * TLanes.Broadcast(Log2E));
        TLanes r = TLanes.FusedMultiplyAdd(n, TLanes.Broadcast(-Ln2Upper), x);
        r = TLanes.FusedMultiplyAdd(n, TLanes.Broadcast(-Ln2Lower), r);
        TLanes p = TLanes.Broadcast(1.9875691500e-4f);
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(1.3981999507e-3f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(8.3334519073e-3f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(4.1665795894e-2f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(1.6666665459e-1f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(0.5f));
        p = TLanes.FusedMultiplyAdd(p * r, r, r) + TLanes.Broadcast(1f);
        return TLanes.ScaleByPowerOfTwo(p, n);
    }

    /// <summary>tanh x within about two units in the last place; NaN for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Tanh<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>
    {
        // Near 0, where 1 − 2 / (e^2x + 1) cancels: x + x³ P(x²).
        TLanes square = x * x;
        TLanes p = TLanes.Broadcast(-5.70498872745e-3f);
        p = TLanes.FusedMultiplyAdd(p, square, TLanes.Broadcast(2.06390887954e-2f));
        p = TLanes.FusedMultiplyAdd(p, square, TLanes.Broadcast(-5.37397155531e-2f));
        p = TLanes.FusedMultiplyAdd(p, square, TLanes.Broadcast(1.33314422036e-1f));
        p = TLanes.FusedMultiplyAdd(p, square, TLanes.Broadcast(-3.33332819422e-1f));
        TLanes near = TLanes.FusedMultiplyAdd(p * square, x, x);

        TLanes one = TLanes.Broadcast(1f), size = TLanes.Abs(x);
        TLanes far = one - (TLanes.Broadcast(2f) / (Exp(size + size) + one));
        TLanes sign = TLanes.And(x, TLanes.BroadcastBits(int.MinValue));
        return TLanes.Select(TLanes.LessThan(size, TLanes.Broadcast(TanhNear)), near, TLanes.Or(far, sign));
    }

    /// <summary>2^x for x of at most 126, within about one unit in the last place; 0 below −126, NaN for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Exp2<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes lowest = TLanes.Broadcast(-126f);
        TLanes n = TLanes.Round(TLanes.Max(lowest, x));
        TLanes r = TLanes.Max(lowest, x) - n;
        TLanes p = TLanes.Broadcast(1.545316336e-4f);
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(1.339086331e-3f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(9.618083015e-3f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(5.550356954e-2f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(2.402265072e-1f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(6.931471825e-1f));
        p = TLanes.FusedMultiplyAdd(p, r, TLanes.Broadcast(1f));

        // With AVX-512 the power of two is one instruction, else it is added to the exponent.
        TLanes y = TLanes.Count == 16
            ? TLanes.ScaleByPowerOfTwo(p, n)
            : TLanes.AddIntegers(p, TLanes.ShiftLeft(TLanes.ToIntegers(n), 23));
        return TLanes.Select(TLanes.LessThan(x, lowest), TLanes.Zero, y);
    }
}
