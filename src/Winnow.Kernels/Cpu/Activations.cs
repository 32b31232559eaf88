using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>A non-linearity and its derivative.</summary>
internal interface IActivation
{
    /// <summary>The value in every lane.</summary>
    static abstract TLanes Apply<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>;

    /// <summary>The value and the derivative in every lane; what they have in common is computed once.</summary>
    static abstract (TLanes Value, TLanes Slope) Differentiate<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>;
}

/// <summary>Code that wants to know the activation as a type.</summary>
internal interface IActivationUser
{
    /// <summary>Called once, with the activation that was asked for.</summary>
    void With<TActivation>()
        where TActivation : unmanaged, IActivation;
}

/// <summary>The pointwise non-linearities on runs of floats.</summary>
internal static unsafe class Activations
{
    /// <summary>output[i] = activation(x[i]); the output may be the input.</summary>
    public static void Apply<TLanes>(Activation activation, float* x, float* output, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        switch (activation)
        {
            case Activation.None:
                if (x != output) default(Duplicate).Run<TLanes>(x, output, null, null, null, count);
                break;
            case Activation.Gelu:
                default(Map<Activated<Gelu>>).Run<TLanes>(x, output, null, null, null, count);
                break;
            case Activation.GeluTanh:
                default(Map<Activated<GeluTanh>>).Run<TLanes>(x, output, null, null, null, count);
                break;
            case Activation.Silu:
                default(Map<Activated<Silu>>).Run<TLanes>(x, output, null, null, null, count);
                break;
            case Activation.Relu:
                default(Map<Activated<Relu>>).Run<TLanes>(x, output, null, null, null, count);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }
    }

    /// <summary>Calls <paramref name="user"/> with the activation's type.</summary>
    public static void Choose<TUser>(Activation activation, TUser user)
        where TUser : struct, IActivationUser
    {
        switch (activation)
        {
            case Activation.None:
                user.With<Identity>();
                break;
            case Activation.Gelu:
                user.With<Gelu>();
                break;
            case Activation.GeluTanh:
                user.With<GeluTanh>();
                break;
            case Activation.Silu:
                user.With<Silu>();
                break;
            case Activation.Relu:
                user.With<Relu>();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }
    }
}

/// <summary>activation(x).</summary>
internal readonly struct Activated<TActivation> : IFunction
    where TActivation : unmanaged, IActivation
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Apply<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => TActivation.Apply(x);
}

/// <summary>activation′(x) · gradient.</summary>
internal readonly struct ActivatedGradient<TActivation> : IFunction2
    where TActivation : unmanaged, IActivation
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Apply<TLanes>(TLanes x, TLanes y)
        where TLanes : struct, ILanes<TLanes> => TActivation.Differentiate(x).Slope * y;
}

/// <summary>activation(gate) · up.</summary>
internal readonly struct Gated<TActivation> : IFunction2
    where TActivation : unmanaged, IActivation
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Apply<TLanes>(TLanes x, TLanes y)
        where TLanes : struct, ILanes<TLanes> => TActivation.Apply(x) * y;
}

/// <summary>a = gate, b = up, c = gradient of activation(gate) · up; d and e become the gradients of gate and up.</summary>
internal readonly unsafe struct GatedGradient<TActivation> : IRunKernel
    where TActivation : unmanaged, IActivation
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Run<TLanes>(float* a, float* b, float* c, float* d, float* e, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        int wide = count - (count % TLanes.Count), rest = count - wide;
        for (int i = 0; i < wide; i += TLanes.Count)
        {
            (TLanes value, TLanes slope) = TActivation.Differentiate(TLanes.Load(a + i));
            (TLanes up, TLanes gradient) = (TLanes.Load(b + i), TLanes.Load(c + i));
            (gradient * up * slope).Store(d + i);
            (gradient * value).Store(e + i);
        }

        if (rest == 0) return;
        (TLanes lastValue, TLanes lastSlope) = TActivation.Differentiate(TLanes.LoadPartial(a + wide, rest));
        (TLanes lastUp, TLanes lastGradient) = (TLanes.LoadPartial(b + wide, rest), TLanes.LoadPartial(c + wide, rest));
        (lastGradient * lastUp * lastSlope).StorePartial(d + wide, rest);
        (lastGradient * lastValue).StorePartial(e + wide, rest);
    }
}

/// <summary>x.</summary>
internal readonly struct Identity : IActivation
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => x;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (TLanes Value, TLanes Slope) Differentiate<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => (x, TLanes.Broadcast(1));
}

/// <summary>max(x, 0).</summary>
internal readonly struct Relu : IActivation
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => TLanes.Max(TLanes.Zero, x);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (TLanes Value, TLanes Slope) Differentiate<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => (Apply(x), TLanes.And(TLanes.LessThan(TLanes.Zero, x), TLanes.Broadcast(1)));
}

/// <summary>x / (1 + e^−x).</summary>
internal readonly struct Silu : IActivation
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => x / (TLanes.Broadcast(1) + VectorMath.Exp(TLanes.Zero - x));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (TLanes Value, TLanes Slope) Differentiate<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes one = TLanes.Broadcast(1);
        TLanes sigmoid = one / (one + VectorMath.Exp(TLanes.Zero - x));
        TLanes value = x * sigmoid;
        return (value, TLanes.FusedMultiplyAdd(value, one - sigmoid, sigmoid));
    }
}

/// <summary>0.5 x (1 + tanh u) with u = √(2/π) (x + 0.044715 x³), which is x / (1 + e^−2u): nothing cancels on the left.</summary>
internal readonly struct GeluTanh : IActivation
{
    private const float Linear = 2 * 0.797884561f;
    private const float Cubic = Linear * 0.044715f;

    // Beyond it the derivative is 0 or 1 to 30 digits, and e^−2u would overflow.
    private const float Flat = 9.9f;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => x / (TLanes.Broadcast(1) + NegativeExp(x));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (TLanes Value, TLanes Slope) Differentiate<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes one = TLanes.Broadcast(1);
        TLanes bounded = TLanes.Min(TLanes.Broadcast(Flat), TLanes.Max(TLanes.Broadcast(-Flat), x));
        TLanes odds = NegativeExp(bounded);
        TLanes share = one / (one + odds);
        TLanes inner = TLanes.FusedMultiplyAdd(bounded * bounded, TLanes.Broadcast(3 * Cubic), TLanes.Broadcast(Linear));
        TLanes slope = TLanes.FusedMultiplyAdd(bounded * share * (odds * share), inner, share);
        return (x * share, slope);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes NegativeExp<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> =>
        VectorMath.Exp(x * TLanes.FusedMultiplyAdd(x * x, TLanes.Broadcast(-Cubic), TLanes.Broadcast(-Linear)));
}

/// <summary>
/// x Φ(x). For the left half, Φ(−z) = e^(−z²/2) Q(t) / (z + 3√2) with t = (z − 3√2) / (z + 3√2) and Q of degree 9, fitted here by
/// Chebyshev interpolation over z in [0, 14.8]: relative error 1e-7, with nothing cancelling in the tail.
/// </summary>
internal readonly struct Gelu : IActivation
{
    private const float Centre = 4.2426405f;
    private const float Density = 0.398942280f; // 1 / √(2π)

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Apply<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => x * Share(x, Bell(x));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (TLanes Value, TLanes Slope) Differentiate<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes bell = Bell(x);
        TLanes share = Share(x, bell);
        return (x * share, TLanes.FusedMultiplyAdd(Bounded(x) * TLanes.Broadcast(Density), bell, share));
    }

    /// <summary>e^(−x²/2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Bell<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => VectorMath.Exp(x * x * TLanes.Broadcast(-0.5f));

    /// <summary>x where e^(−x²/2) is not 0, so that an infinite x does not make 0 · ∞.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Bounded<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => TLanes.Min(TLanes.Broadcast(32), TLanes.Max(TLanes.Broadcast(-32), x));

    /// <summary>Φ(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Share<TLanes>(TLanes x, TLanes bell)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes size = TLanes.Min(TLanes.Broadcast(32), TLanes.Abs(x));
        TLanes reciprocal = TLanes.Broadcast(1) / (size + TLanes.Broadcast(Centre));
        TLanes t = (size - TLanes.Broadcast(Centre)) * reciprocal;
        TLanes q = TLanes.Broadcast(-2.355728648e-4f);
        q = TLanes.FusedMultiplyAdd(q, t, TLanes.Broadcast(-3.515326534e-4f));
        q = TLanes.FusedMultiplyAdd(q, t, TLanes.Broadcast(2.177628689e-3f));
        q = TLanes.FusedMultiplyAdd(q, t, TLanes.Broadcast(-8.606969495e-4f));
        q = TLanes.FusedMultiplyAdd(q, t, TLanes.Broadcast(-1.897692494e-2f));
        q = TLanes.FusedMultiplyAdd(q, t, TLanes.Broadcast(8.451841027e-2f));
        q = TLanes.FusedMultiplyAdd(q, t, TLanes.Broadcast(-2.195329815e-1f));
        q = TLanes.FusedMultiplyAdd(q, t, TLanes.Broadcast(4.173545241e-1f));
        q = TLanes.FusedMultiplyAdd(q, t, TLanes.Broadcast(-6.246542335e-1f));
        q = TLanes.FusedMultiplyAdd(q, t, TLanes.Broadcast(7.594375610e-1f));
        TLanes left = bell * q * reciprocal;
        return TLanes.Select(TLanes.LessThan(x, TLanes.Zero), left, TLanes.Broadcast(1) - left);
    }
}
