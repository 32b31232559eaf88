using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>Runs of 16-bit floats to f32, exactly.</summary>
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
