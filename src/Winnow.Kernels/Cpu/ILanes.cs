namespace Winnow.Kernels.Cpu;

/// <summary>
/// A register of f32 lanes. Kernels are written once against it; the JIT makes the 16-, 8- and 4-lane versions. A mask is a register
/// whose lanes are all ones or all zeros; an integer register holds the bits of 32-bit integers.
/// </summary>
internal unsafe interface ILanes<TSelf>
    where TSelf : struct, ILanes<TSelf>
{
    /// <summary>Lanes per register.</summary>
    static abstract int Count { get; }

    /// <summary>True where the hardware has registers of this width and a fused multiply-add on them.</summary>
    static abstract bool IsSupported { get; }

    /// <summary>All lanes 0.</summary>
    static abstract TSelf Zero { get; }

    /// <summary>Count floats from any address.</summary>
    static abstract TSelf Load(float* from);

    /// <summary>The first <paramref name="count"/> &lt; Count floats, the other lanes 0. Reads nothing beyond them.</summary>
    static abstract TSelf LoadPartial(float* from, int count);

    /// <summary>Count unsigned 16-bit integers, widened to an integer register.</summary>
    static abstract TSelf LoadUInt16(ushort* from);

    /// <summary>The same value in every lane.</summary>
    static abstract TSelf Broadcast(float value);

    /// <summary>The same 32-bit integer in every lane.</summary>
    static abstract TSelf BroadcastBits(int value);

    /// <summary>Lane i holds the float i: 0, 1, 2, ….</summary>
    static abstract TSelf Ramp { get; }

    /// <summary>Writes Count floats to any address.</summary>
    void Store(float* to);

    /// <summary>Writes the first <paramref name="count"/> &lt; Count lanes and nothing beyond them.</summary>
    void StorePartial(float* to, int count);

    /// <summary>x + y.</summary>
    static abstract TSelf operator +(TSelf x, TSelf y);

    /// <summary>x − y.</summary>
    static abstract TSelf operator -(TSelf x, TSelf y);

    /// <summary>x · y.</summary>
    static abstract TSelf operator *(TSelf x, TSelf y);

    /// <summary>x / y.</summary>
    static abstract TSelf operator /(TSelf x, TSelf y);

    /// <summary>x · y + z, rounded once.</summary>
    static abstract TSelf FusedMultiplyAdd(TSelf x, TSelf y, TSelf z);

    /// <summary>The smaller; <paramref name="y"/> where either is NaN.</summary>
    static abstract TSelf Min(TSelf x, TSelf y);

    /// <summary>The larger; <paramref name="y"/> where either is NaN.</summary>
    static abstract TSelf Max(TSelf x, TSelf y);

    /// <summary>|x|.</summary>
    static abstract TSelf Abs(TSelf x);

    /// <summary>√x, correctly rounded.</summary>
    static abstract TSelf Sqrt(TSelf x);

    /// <summary>The nearest integer as a float, ties to even.</summary>
    static abstract TSelf Round(TSelf x);

    /// <summary>x · 2ⁿ for integer-valued n in [−252, 254], rounded once.</summary>
    static abstract TSelf ScaleByPowerOfTwo(TSelf x, TSelf n);

    /// <summary>Mask: x &lt; y.</summary>
    static abstract TSelf LessThan(TSelf x, TSelf y);

    /// <summary>Mask: x ≤ y.</summary>
    static abstract TSelf LessThanOrEqual(TSelf x, TSelf y);

    /// <summary>Mask: x = y.</summary>
    static abstract TSelf Equal(TSelf x, TSelf y);

    /// <summary>Lane by lane <paramref name="x"/> where the mask is set, else <paramref name="y"/>.</summary>
    static abstract TSelf Select(TSelf mask, TSelf x, TSelf y);

    /// <summary>True when any lane of the mask is set.</summary>
    static abstract bool Any(TSelf mask);

    /// <summary>The lowest lane that is set in a mask that has one.</summary>
    static abstract int First(TSelf mask);

    /// <summary>Bitwise and.</summary>
    static abstract TSelf And(TSelf x, TSelf y);

    /// <summary>Bitwise or.</summary>
    static abstract TSelf Or(TSelf x, TSelf y);

    /// <summary>Bitwise exclusive or.</summary>
    static abstract TSelf Xor(TSelf x, TSelf y);

    /// <summary>Integer register: the floats rounded toward zero; unspecified where they do not fit.</summary>
    static abstract TSelf ToIntegers(TSelf x);

    /// <summary>The integers of an integer register as floats.</summary>
    static abstract TSelf FromIntegers(TSelf x);

    /// <summary>Sum of two integer registers.</summary>
    static abstract TSelf AddIntegers(TSelf x, TSelf y);

    /// <summary>Integer register shifted left, zeros in.</summary>
    static abstract TSelf ShiftLeft(TSelf x, int bits);

    /// <summary>Integer register shifted right, zeros in.</summary>
    static abstract TSelf ShiftRight(TSelf x, int bits);

    /// <summary>x₀ y₀ x₁ y₁ …: the first register of it, then the second.</summary>
    static abstract (TSelf Low, TSelf High) Interleave(TSelf x, TSelf y);

    /// <summary>Sum of the lanes: the upper half is added to the lower until one is left.</summary>
    float Sum();

    /// <summary>The largest lane; unspecified when one is NaN.</summary>
    float Maximum();
}
