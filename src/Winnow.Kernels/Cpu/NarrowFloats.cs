using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Winnow.Kernels.Cpu;

/// <summary>Runs of 16-bit floats to f32, exactly, and f32 rounded to bf16.</summary>
internal static unsafe class NarrowFloats
{
    private const int HalfSign = 0x8000;
    private const int HalfMagnitude = 0x7FFF;
    private const int HalfInfinity = 0x7C00 << 13;
    private const int InfinityBits = 0x7F800000;

    // A half's exponent and fraction, moved up by 13 bits, read as an f32 is 2⁻¹¹² of its value, subnormals included.
    private const float HalfScale = 5.192296858534828e33f;

    /// <summary>bf16 is the upper half of an f32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void FromBF16<TLanes>(ushort* from, float* to, long count)
        where TLanes : struct, ILanes<TLanes>
    {
        long wide = count - (count % TLanes.Count);
        for (long i = 0; i < wide; i += TLanes.Count) TLanes.ShiftLeft(TLanes.LoadUInt16(from + i), 16).Store(to + i);
        for (long i = wide; i < count; i++) to[i] = BitConverter.UInt32BitsToSingle((uint)from[i] << 16);
    }

    /// <summary>f16: zeros, subnormals, infinities and NaN included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void FromF16<TLanes>(ushort* from, float* to, long count)
        where TLanes : struct, ILanes<TLanes>
    {
        long wide = count - (count % TLanes.Count);
        for (long i = 0; i < wide; i += TLanes.Count) FromF16(TLanes.LoadUInt16(from + i)).Store(to + i);
        for (long i = wide; i < count; i++) to[i] = (float)BitConverter.UInt16BitsToHalf(from[i]);
    }

    /// <summary>The nearest bf16, ties to even; a NaN stays one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToBF16(float* from, ushort* to, long count)
    {
        int step = 2 * Vector512<float>.Count;
        long wide = count - (count % step);
        for (long i = 0; i < wide; i += step)
            Vector512.Narrow(Round(Vector512.Load(from + i)), Round(Vector512.Load(from + i + Vector512<float>.Count))).Store(to + i);
        for (long i = wide; i < count; i++) to[i] = (ushort)Round(Vector512.CreateScalar(from[i])).ToScalar();
    }

    /// <summary>In the lower halves: the bits moved down by 16 after half of the last one kept, or a bit less, is added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Round(Vector512<float> x)
    {
        Vector512<uint> bits = x.AsUInt32(), upper = bits >>> 16;
        Vector512<uint> rounded = (bits + Vector512.Create(0x7FFFu) + (upper & Vector512<uint>.One)) >>> 16;
        return Vector512.ConditionalSelect(Vector512.Equals(x, x).AsUInt32(), rounded, upper | Vector512.Create(0x40u));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes FromF16<TLanes>(TLanes half)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes sign = TLanes.ShiftLeft(TLanes.And(half, TLanes.BroadcastBits(HalfSign)), 16);
        TLanes magnitude = TLanes.ShiftLeft(TLanes.And(half, TLanes.BroadcastBits(HalfMagnitude)), 13);
        TLanes special = TLanes.LessThanOrEqual(TLanes.BroadcastBits(HalfInfinity), magnitude);
        TLanes value = magnitude * TLanes.Broadcast(HalfScale);
        return TLanes.Or(TLanes.Or(value, TLanes.And(special, TLanes.BroadcastBits(InfinityBits))), sign);
    }
}
