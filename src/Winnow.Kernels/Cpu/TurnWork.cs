namespace Winnow.Kernels.Cpu;

/// <summary>Both sides of leftᵀ · right made ready to multiply: the left turned, the right cut into panels.</summary>
/// <param name="left">[T, M].</param>
/// <param name="right">[T, N].</param>
/// <param name="turned">[M, T].</param>
/// <param name="panels">Panels [T, 3 registers], one after the other.</param>
internal readonly unsafe struct TurnWork(Matrix left, Matrix right, Matrix turned, float* panels) : ILaneWork
{
    private const int RowsPerPart = 64;

    /// <summary>How many parts there are.</summary>
    public static int Parts(int rows) => (rows + RowsPerPart - 1) / RowsPerPart;

    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        int first = part * RowsPerPart;
        int rows = Math.Min(RowsPerPart, left.Rows - first), width = Gemm.PanelWidth<TLanes>();
        Transposition.Transpose<TLanes>(left.Row(first), left.Stride, rows, left.Columns, turned.Data + first, turned.Stride);
        Panels columns = Panels.OfColumns(right);
        for (int panel = 0; panel < columns.PanelCount(width); panel++)
            columns.Read<TLanes>(panel, first, rows, panels + ((((long)panel * right.Rows) + first) * width));
    }
}
