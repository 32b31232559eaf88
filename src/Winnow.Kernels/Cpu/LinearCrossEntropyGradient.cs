using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>The gradient of scale · Σ loss for some rows and some columns of the logits, which are computed again.</summary>
/// <param name="cut">Parts over these rows and columns.</param>
/// <param name="hidden">[R, D].</param>
/// <param name="unembedding">[D, C]: the columns from <paramref name="first"/> on.</param>
/// <param name="bias">[C] or null.</param>
/// <param name="first">The vocabulary id of column 0.</param>
/// <param name="softCap">0 means none.</param>
/// <param name="targets">[R].</param>
/// <param name="result">[R, 3].</param>
/// <param name="scale">Multiplies every gradient.</param>
/// <param name="gradient">[R, C].</param>
internal readonly unsafe struct LogitGradientWork(
    GemmCut cut, Matrix hidden, Panels unembedding, float* bias, int first, float softCap, int* targets, Matrix result, float scale, Matrix gradient)
    : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        var logits = new GemmWork(cut, hidden, unembedding, gradient, new Epilogue((nint)bias, Activation.None, false));
        logits.Run<TLanes>(part, scratch);
        int width = Gemm.PanelWidth<TLanes>();
        (int firstRow, int endRow) = cut.Rows(part);
        (int firstPanel, int endPanel) = cut.Panels(part);
        int column = firstPanel * width, count = Math.Min(gradient.Columns, endPanel * width) - column;
        for (int row = firstRow; row < endRow && count > 0; row++)
        {
            float* z = gradient.Row(row) + column;
            if (targets[row] < 0) new Span<float>(z, count).Clear();
            else Differentiate<TLanes>(z, count, targets[row] - first - column, result.Row(row));
        }
    }

    private void Differentiate<TLanes>(float* z, int count, int target, float* row)
        where TLanes : struct, ILanes<TLanes>
    {
        if (softCap > 0) SoftCap.Apply<TLanes>(z, count, softCap);
        float atTarget = (uint)target < (uint)count ? z[target] : 0;
        Softmax<TLanes>(z, count, row[2]);
        if ((uint)target >= (uint)count) return;

        // p − 1 = e^−loss − 1, without the cancellation of p → 1.
        double slope = softCap > 0 ? 1 - ((double)atTarget / softCap * ((double)atTarget / softCap)) : 1;
        z[target] = (float)(scale * slope * (Math.Exp(-(double)row[0]) - 1));
    }

    /// <summary>z = scale · exp(z − logSumExp) · (1 − (z / cap)²).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void Softmax<TLanes>(float* z, int count, float logSumExp)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes total = TLanes.Broadcast(logSumExp), factor = TLanes.Broadcast(scale), cap = TLanes.Broadcast(softCap > 0 ? 1 / softCap : 0);
        int wide = count - (count % TLanes.Count);
        for (int i = 0; i < wide; i += TLanes.Count) Slope(TLanes.Load(z + i), total, factor, cap).Store(z + i);
        if (wide < count) Slope(TLanes.LoadPartial(z + wide, count - wide), total, factor, cap).StorePartial(z + wide, count - wide);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes Slope<TLanes>(TLanes z, TLanes total, TLanes factor, TLanes cap)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes share = z * cap;
        return VectorMath.Exp(z - total) * factor * (TLanes.Broadcast(1f) - (share * share));
    }
}
