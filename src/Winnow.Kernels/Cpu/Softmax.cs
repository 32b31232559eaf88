using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>What attention does to one row of scores; the scores are in base 2.</summary>
internal static unsafe class Softmax
{
    /// <summary>x = most · tanh x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Cap<TLanes>(float* x, int count, float most)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes factor = TLanes.Broadcast(most);
        for (int i = 0; i < count; i += TLanes.Count) (factor * VectorMath.Tanh(TLanes.Load(x + i))).Store(x + i);
    }

    /// <summary>x = −∞ outside [lowest, highest].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Mask<TLanes>(float* x, int count, int lowest, int highest)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes low = TLanes.Broadcast(lowest), high = TLanes.Broadcast(highest), hidden = TLanes.Broadcast(float.NegativeInfinity);
        int from = lowest > 0 ? 0 : Math.Max(0, highest + 1) / TLanes.Count * TLanes.Count;
        for (int i = from; i < count; i += TLanes.Count)
        {
            TLanes index = TLanes.Ramp + TLanes.Broadcast(i);
            TLanes visible = TLanes.And(TLanes.LessThanOrEqual(low, index), TLanes.LessThanOrEqual(index, high));
            TLanes.Select(visible, TLanes.Load(x + i), hidden).Store(x + i);
        }
    }

    /// <summary>
    /// x = 2^(x − g) with g the greatest of x and <paramref name="before"/>, which is returned; sums (one register, relative to
    /// before) becomes relative to g and gets the x added.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static float Exponentiate<TLanes>(float* x, int count, float before, float* sums)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes a = TLanes.Broadcast(before), b = a;
        int i = 0;
        for (; i <= count - (2 * TLanes.Count); i += 2 * TLanes.Count)
        {
            a = TLanes.Max(TLanes.Load(x + i), a);
            b = TLanes.Max(TLanes.Load(x + i + TLanes.Count), b);
        }

        if (i < count) a = TLanes.Max(TLanes.Load(x + i), a);
        float greatest = TLanes.Max(a, b).Maximum();
        TLanes shift = TLanes.Broadcast(greatest), sum = TLanes.Load(sums);
        if (greatest != before) sum *= VectorMath.Exp2<TLanes>(TLanes.Broadcast(before - greatest));
        for (i = 0; i < count; i += TLanes.Count)
        {
            TLanes share = VectorMath.Exp2(TLanes.Load(x + i) - shift);
            share.Store(x + i);
            sum += share;
        }

        sum.Store(sums);
        return greatest;
    }

    /// <summary>x = x · 2^exponent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Rescale<TLanes>(float* x, int count, float exponent)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes factor = VectorMath.Exp2<TLanes>(TLanes.Broadcast(exponent));
        for (int i = 0; i < count; i += TLanes.Count) (TLanes.Load(x + i) * factor).Store(x + i);
    }

    /// <summary>share = 2^(share − total) and slope = share · (slope − along): from a score and its value's gradient to the gradient of the score.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Differentiate<TLanes>(float* share, float* slope, int count, float total, float along)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes shift = TLanes.Broadcast(total), mean = TLanes.Broadcast(along);
        for (int i = 0; i < count; i += TLanes.Count)
        {
            TLanes p = VectorMath.Exp2(TLanes.Load(share + i) - shift);
            p.Store(share + i);
            (p * (TLanes.Load(slope + i) - mean)).Store(slope + i);
        }
    }

    /// <summary>score = most · tanh score and slope = (slope − along) · (1 − tanh² score): the inner derivative of a soft cap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void CapGradient<TLanes>(float* score, float* slope, int count, float most, float along)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes factor = TLanes.Broadcast(most), mean = TLanes.Broadcast(along), one = TLanes.Broadcast(1);
        for (int i = 0; i < count; i += TLanes.Count)
        {
            TLanes tanh = VectorMath.Tanh(TLanes.Load(score + i));
            (factor * tanh).Store(score + i);
            ((TLanes.Load(slope + i) - mean) * (one - (tanh * tanh))).Store(slope + i);
        }
    }
}
