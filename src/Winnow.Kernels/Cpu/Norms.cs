using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Winnow.Kernels.Cpu;

/// <summary>Normalises the rows of a part, group by group.</summary>
/// <param name="shape">Kind, group width, ε.</param>
/// <param name="x">[T, G·Width].</param>
/// <param name="gain">[Width] or null.</param>
/// <param name="bias">[Width] or null.</param>
/// <param name="output">[T, G·Width]; may be <paramref name="x"/>.</param>
/// <param name="statistics">[T, 2·G], or no data when not wanted.</param>
/// <param name="rowsPerPart">Rows to a part.</param>
internal readonly unsafe struct NormWork(
    NormShape shape, Matrix x, float* gain, float* bias, Matrix output, Matrix statistics, int rowsPerPart) : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        int width = shape.Width;
        for (int row = part * rowsPerPart; row < Math.Min(x.Rows, (part + 1) * rowsPerPart); row++)
        {
            for (int group = 0; group < x.Columns / width; group++)
            {
                float* from = x.Row(row) + (group * width);
                float mean = shape.Kind == NormKind.Layer ? Norms.Sum<TLanes>(from, width) / width : 0;
                float reciprocal = 1 / MathF.Sqrt((Norms.SquaredDistance<TLanes>(from, mean, width) / width) + shape.Epsilon);
                Norms.Apply<TLanes>(from, mean, reciprocal, gain, bias, output.Row(row) + (group * width), width);
                if (statistics.Data is null) continue;
                statistics.Row(row)[2 * group] = mean;
                statistics.Row(row)[(2 * group) + 1] = reciprocal;
            }
        }
    }
}

/// <summary>The gradient of <see cref="NormWork"/>. Every part sums its rows' share of the gain and bias gradients for itself.</summary>
/// <param name="shape">Kind, group width, ε.</param>
/// <param name="x">[T, G·Width]: the forward input.</param>
/// <param name="gain">[Width] or null.</param>
/// <param name="statistics">[T, 2·G].</param>
/// <param name="outputGradient">[T, G·Width].</param>
/// <param name="inputGradient">[T, G·Width]; may be <paramref name="outputGradient"/>.</param>
/// <param name="accumulate">True adds to the input gradient.</param>
/// <param name="sums">[parts, 2·Width], overwritten: the parts' gain gradients, then bias gradients.</param>
/// <param name="rowsPerPart">Rows to a part.</param>
internal readonly unsafe struct NormBackwardWork(
    NormShape shape, Matrix x, float* gain, Matrix statistics, Matrix outputGradient, Matrix inputGradient, bool accumulate,
    float* sums, int rowsPerPart) : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        int width = shape.Width;
        float* gainSums = sums + (2L * part * width);
        NativeMemory.Clear(gainSums, 2 * (nuint)width * sizeof(float));
        for (int row = part * rowsPerPart; row < Math.Min(x.Rows, (part + 1) * rowsPerPart); row++)
        {
            for (int group = 0; group < x.Columns / width; group++)
            {
                long start = (long)group * width;
                (float mean, float reciprocal) = (statistics.Row(row)[2 * group], statistics.Row(row)[(2 * group) + 1]);
                Group<TLanes>(x.Row(row) + start, mean, reciprocal, outputGradient.Row(row) + start, inputGradient.Row(row) + start, gainSums);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void Group<TLanes>(float* from, float mean, float reciprocal, float* dy, float* dx, float* gainSums)
        where TLanes : struct, ILanes<TLanes>
    {
        int width = shape.Width, wide = width - (width % TLanes.Count), rest = width - wide;
        float* biasSums = gainSums + width;
        TLanes plain = TLanes.Zero, along = TLanes.Zero;
        for (int i = 0; i < wide; i += TLanes.Count)
        {
            TLanes slope = TLanes.Load(dy + i), normal = (TLanes.Load(from + i) - TLanes.Broadcast(mean)) * TLanes.Broadcast(reciprocal);
            TLanes.FusedMultiplyAdd(slope, normal, TLanes.Load(gainSums + i)).Store(gainSums + i);
            (TLanes.Load(biasSums + i) + slope).Store(biasSums + i);
            if (gain is not null) slope *= TLanes.Load(gain + i);
            plain += slope;
            along = TLanes.FusedMultiplyAdd(slope, normal, along);
        }

        if (rest > 0)
        {
            // The lanes beyond the width have slope 0: they add nothing to any sum.
            TLanes slope = TLanes.LoadPartial(dy + wide, rest);
            TLanes normal = (TLanes.LoadPartial(from + wide, rest) - TLanes.Broadcast(mean)) * TLanes.Broadcast(reciprocal);
            TLanes.FusedMultiplyAdd(slope, normal, TLanes.LoadPartial(gainSums + wide, rest)).StorePartial(gainSums + wide, rest);
            (TLanes.LoadPartial(biasSums + wide, rest) + slope).StorePartial(biasSums + wide, rest);
            if (gain is not null) slope *= TLanes.LoadPartial(gain + wide, rest);
            plain += slope;
            along = TLanes.FusedMultiplyAdd(slope, normal, along);
        }

        TLanes meanSlope = TLanes.Broadcast(shape.Kind == NormKind.Layer ? plain.Sum() / width : 0);
        TLanes meanAlong = TLanes.Broadcast(along.Sum() / width);
        for (int i = 0; i < wide; i += TLanes.Count)
        {
            TLanes slope = TLanes.Load(dy + i), normal = (TLanes.Load(from + i) - TLanes.Broadcast(mean)) * TLanes.Broadcast(reciprocal);
            if (gain is not null) slope *= TLanes.Load(gain + i);
            TLanes result = (slope - meanSlope - (normal * meanAlong)) * TLanes.Broadcast(reciprocal);
            if (accumulate) result += TLanes.Load(dx + i);
            result.Store(dx + i);
        }

        if (rest > 0)
        {
            TLanes slope = TLanes.LoadPartial(dy + wide, rest);
            TLanes normal = (TLanes.LoadPartial(from + wide, rest) - TLanes.Broadcast(mean)) * TLanes.Broadcast(reciprocal);
            if (gain is not null) slope *= TLanes.LoadPartial(gain + wide, rest);
            TLanes result = (slope - meanSlope - (normal * meanAlong)) * TLanes.Broadcast(reciprocal);
            if (accumulate) result += TLanes.LoadPartial(dx + wide, rest);
            result.StorePartial(dx + wide, rest);
        }
    }
}

/// <summary>What a normalisation does to one group of floats.</summary>
internal static unsafe class Norms
{
    /// <summary>Σ x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static float Sum<TLanes>(float* x, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes a = TLanes.Zero, b = TLanes.Zero, c = TLanes.Zero, d = TLanes.Zero;
        int i = 0;
        for (; i <= count - (4 * TLanes.Count); i += 4 * TLanes.Count)
        {
            a += TLanes.Load(x + i);
            b += TLanes.Load(x + i + TLanes.Count);
            c += TLanes.Load(x + i + (2 * TLanes.Count));
            d += TLanes.Load(x + i + (3 * TLanes.Count));
        }

        for (; i <= count - TLanes.Count; i += TLanes.Count) a += TLanes.Load(x + i);
        if (i < count) b += TLanes.LoadPartial(x + i, count - i);
        return ((a + b) + (c + d)).Sum();
    }

    /// <summary>Σ (x − centre)².</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static float SquaredDistance<TLanes>(float* x, float centre, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes a = TLanes.Zero, b = TLanes.Zero, c = TLanes.Zero, d = TLanes.Zero, middle = TLanes.Broadcast(centre);
        int i = 0;
        for (; i <= count - (4 * TLanes.Count); i += 4 * TLanes.Count)
        {
            TLanes p = TLanes.Load(x + i) - middle, q = TLanes.Load(x + i + TLanes.Count) - middle;
            TLanes r = TLanes.Load(x + i + (2 * TLanes.Count)) - middle, s = TLanes.Load(x + i + (3 * TLanes.Count)) - middle;
            a = TLanes.FusedMultiplyAdd(p, p, a);
            b = TLanes.FusedMultiplyAdd(q, q, b);
            c = TLanes.FusedMultiplyAdd(r, r, c);
            d = TLanes.FusedMultiplyAdd(s, s, d);
        }

        for (; i <= count - TLanes.Count; i += TLanes.Count)
        {
            TLanes p = TLanes.Load(x + i) - middle;
            a = TLanes.FusedMultiplyAdd(p, p, a);
        }

        if (i < count)
        {
            TLanes inside = TLanes.LessThan(TLanes.Ramp, TLanes.Broadcast(count - i));
            TLanes p = TLanes.And(inside, TLanes.LoadPartial(x + i, count - i) - middle);
            b = TLanes.FusedMultiplyAdd(p, p, b);
        }

        return ((a + b) + (c + d)).Sum();
    }

    /// <summary>output = (x − mean) · reciprocal · gain + bias; the output may be x, gain and bias may be null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Apply<TLanes>(float* x, float mean, float reciprocal, float* gain, float* bias, float* output, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes middle = TLanes.Broadcast(mean), factor = TLanes.Broadcast(reciprocal);
        int wide = count - (count % TLanes.Count), rest = count - wide;
        for (int i = 0; i < wide; i += TLanes.Count)
        {
            TLanes y = (TLanes.Load(x + i) - middle) * factor;
            if (gain is not null) y *= TLanes.Load(gain + i);
            if (bias is not null) y += TLanes.Load(bias + i);
            y.Store(output + i);
        }

        if (rest == 0) return;
        TLanes last = (TLanes.LoadPartial(x + wide, rest) - middle) * factor;
        if (gain is not null) last *= TLanes.LoadPartial(gain + wide, rest);
        if (bias is not null) last += TLanes.LoadPartial(bias + wide, rest);
        last.StorePartial(output + wide, rest);
    }
}
