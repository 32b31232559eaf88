namespace Winnow.Kernels.Cpu;

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
        int first = part * ColumnsPerPart, columns = Math.Min(ColumnsPerPart, x.Columns - first);
        float* total = stackalloc float[ColumnsPerPart];
        float* run = stackalloc float[ColumnsPerPart];
        new Span<float>(total, columns).Clear();
        for (int row = 0; row < x.Rows; row += RowsPerRun)
        {
            new Span<float>(run, columns).Clear();
            for (int r = row; r < Math.Min(row + RowsPerRun, x.Rows); r++) Add<TLanes>(x.Row(r) + first, run, columns);
            Add<TLanes>(run, total, columns);
        }

        Add<TLanes>(total, sums + first, columns);
    }

    private static void Add<TLanes>(float* terms, float* to, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        int wide = count - (count % TLanes.Count);
        for (int i = 0; i < wide; i += TLanes.Count) (TLanes.Load(to + i) + TLanes.Load(terms + i)).Store(to + i);
        for (int i = wide; i < count; i++) to[i] += terms[i];
    }
}
