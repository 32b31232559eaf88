namespace Winnow.Kernels.Cpu;

/// <summary>to = fromᵀ.</summary>
/// <param name="from">[T, N].</param>
/// <param name="to">[N, T].</param>
internal readonly unsafe struct TurnWork(Matrix from, Matrix to) : ILaneWork
{
    private const int ColumnsPerPart = 64;

    /// <summary>How many parts there are.</summary>
    public static int Parts(Matrix from) => (from.Columns + ColumnsPerPart - 1) / ColumnsPerPart;

    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        int first = part * ColumnsPerPart;
        int columns = Math.Min(ColumnsPerPart, from.Columns - first);
        Transposition.Transpose<TLanes>(from.Data + first, from.Stride, from.Rows, columns, to.Row(first), to.Stride);
    }
}

/// <summary>sums[c] += Σ x[r, c], by runs of rows so that a long sum loses no small terms.</summary>
/// <param name="x">[T, N].</param>
/// <param name="sums">[N].</param>
internal readonly unsafe struct ColumnSumsWork(Matrix x, float* sums) : ILaneWork
{
    private const int ColumnsPerPart = 64;
    private const int RowsPerRun = 64;

    /// <summary>How many parts there are.</summary>
    public static int Parts(Matrix x) => (x.Columns + ColumnsPerPart - 1) / ColumnsPerPart;

    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        int end = Math.Min(x.Columns, (part + 1) * ColumnsPerPart);
        int column = part * ColumnsPerPart;
        for (; column + TLanes.Count <= end; column += TLanes.Count) (Sum<TLanes>(column) + TLanes.Load(sums + column)).Store(sums + column);
        for (; column < end; column++) sums[column] += Sum(column);
    }

    private TLanes Sum<TLanes>(int column)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes total = TLanes.Zero;
        for (int first = 0; first < x.Rows; first += RowsPerRun)
        {
            TLanes run = TLanes.Zero;
            for (int row = first; row < Math.Min(first + RowsPerRun, x.Rows); row++) run += TLanes.Load(x.Row(row) + column);
            total += run;
        }

        return total;
    }

    private float Sum(int column)
    {
        double total = 0;
        for (int row = 0; row < x.Rows; row++) total += x.Row(row)[column];
        return (float)total;
    }
}
