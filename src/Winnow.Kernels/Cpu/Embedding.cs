using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>tableGradient[ids[t]] += scale · gradient[t], in order of t; a part is a range of columns, so no two write the same.</summary>
internal readonly unsafe struct EmbedBackwardWork(Matrix gradient, int* ids, float scale, Matrix tableGradient) : ILaneWork
{
    /// <summary>Columns to a part.</summary>
    public const int ColumnsPerPart = 128;

    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        int first = part * ColumnsPerPart;
        var add = new Map2<ScaledSum>(new ScaledSum(scale));
        for (int t = 0; t < gradient.Rows; t++)
        {
            float* target = tableGradient.Row(ids[t]) + first;
            add.Run<TLanes>(target, gradient.Row(t) + first, target, null, null, Math.Min(ColumnsPerPart, gradient.Columns - first));
        }
    }
}

/// <summary>output[t] = x[rows[t]].</summary>
internal readonly unsafe struct GatherWork(Matrix x, int* rows, Matrix output, int rowsPerPart) : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        for (int t = part * rowsPerPart; t < Math.Min(output.Rows, (part + 1) * rowsPerPart); t++)
            default(Duplicate).Run<TLanes>(x.Row(rows[t]), output.Row(t), null, null, null, x.Columns);
    }
}

/// <summary>x + scale · y.</summary>
internal readonly struct ScaledSum(float scale) : IFunction2
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Apply<TLanes>(TLanes x, TLanes y)
        where TLanes : struct, ILanes<TLanes> => TLanes.FusedMultiplyAdd(TLanes.Broadcast(scale), y, x);
}
