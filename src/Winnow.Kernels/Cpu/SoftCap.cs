using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>x = cap · tanh(x / cap), in place.</summary>
/// <param name="x">[T, N].</param>
/// <param name="cap">Larger than 0.</param>
internal readonly unsafe struct SoftCapWork(Matrix x, float cap) : ILaneWork
{
    private const int RowsPerPart = 8;

    /// <summary>How many parts there are.</summary>
    public static int Parts(Matrix x) => (x.Rows + RowsPerPart - 1) / RowsPerPart;

    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        for (int row = part * RowsPerPart; row < Math.Min(x.Rows, (part + 1) * RowsPerPart); row++) SoftCap.Apply<TLanes>(x.Row(row), x.Columns, cap);
    }
}

/// <summary>The soft cap of logits: c · tanh(z / c).</summary>
internal static unsafe class SoftCap
{
    /// <summary>Caps a run of logits in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Apply<TLanes>(float* z, int count, float cap)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes most = TLanes.Broadcast(cap), divisor = TLanes.Broadcast(1 / cap);
        int wide = count - (count % TLanes.Count);
        for (int i = 0; i < wide; i += TLanes.Count) (most * VectorMath.Tanh(TLanes.Load(z + i) * divisor)).Store(z + i);
        if (wide < count)
            (most * VectorMath.Tanh(TLanes.LoadPartial(z + wide, count - wide) * divisor)).StorePartial(z + wide, count - wide);
    }
}
