namespace Winnow.Kernels.Cpu;

/// <content>Whole rows: stored weights, embeddings, gathering.</content>
public sealed unsafe partial class CpuBackend
{
    private const int GatherPartLength = 16384;

    /// <inheritdoc/>
    public void Upload(WeightSource source, TensorView to)
    {
        ArgumentNullException.ThrowIfNull(source);
        Matrix rows = source.Transposed ? At(to, source.Columns, source.Rows) : At(to, source.Rows, source.Columns);
        for (int row = 0; row < source.Rows; row++)
        {
            if (source.Transposed) Packing.Widen(source, row, rows.Data + row, rows.Stride);
            else Packing.Widen(source, row, rows.Row(row));
        }
    }

    /// <inheritdoc/>
    public void Embed(WeightMatrix table, IndexTensor ids, float scale, TensorView output)
    {
        ArgumentNullException.ThrowIfNull(table);
        CpuWeightMatrix weights = Own(table);
        Matrix rows = At(output, output.Rows, table.Columns);
        int* tokens = Rows(ids, output.Rows, table.Rows);
        for (int t = 0; t < rows.Rows; t++) weights.ReadRow(tokens[t], rows.Row(t));
        if (scale != 1) Scale(output, scale);
    }

    /// <inheritdoc/>
    public void EmbedBackward(TensorView gradient, IndexTensor ids, float scale, TensorView tableGradient)
    {
        Matrix slopes = At(gradient), table = At(tableGradient, tableGradient.Rows, gradient.Columns);
        int* tokens = Rows(ids, gradient.Rows, tableGradient.Rows);
        Run(Parts(gradient.Columns, EmbedBackwardWork.ColumnsPerPart), new EmbedBackwardWork(slopes, tokens, scale, table));
    }

    /// <inheritdoc/>
    public void GatherRows(TensorView x, IndexTensor rows, TensorView output)
    {
        Matrix from = At(x), to = At(output, output.Rows, x.Columns);
        int* which = Rows(rows, output.Rows, x.Rows);
        int rowsPerPart = Math.Max(1, GatherPartLength / Math.Max(x.Columns, 1));
        Run(Parts(output.Rows, rowsPerPart), new GatherWork(from, which, to, rowsPerPart));
    }

    /// <summary>The first of at least <paramref name="count"/> indices, each of which is a row below <paramref name="limit"/>.</summary>
    private static int* Rows(IndexTensor indices, int count, int limit)
    {
        int* rows = At(indices, count);
        Shapes.Below(new ReadOnlySpan<int>(rows, count), limit);
        return rows;
    }
}
