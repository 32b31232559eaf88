namespace Winnow.Kernels.Cpu;

/// <content>Normalisations.</content>
public sealed unsafe partial class CpuBackend
{
    // Enough parts for many cores, few enough that adding up their sums costs nothing.
    private const int MostNormParts = 64;
    private const int NormPartLength = 8192;

    /// <inheritdoc/>
    public void Normalize(NormShape shape, TensorView x, TensorView? gain, TensorView? bias, TensorView output, TensorView? statistics)
    {
        Shapes.Norm(shape, x, gain, bias, statistics);
        Matrix kept = statistics is { } some ? At(some) : default;
        int rowsPerPart = Math.Max(1, NormPartLength / Math.Max(x.Columns, 1));
        var work = new NormWork(
            shape, At(x), At(gain, shape.Width), At(bias, shape.Width), At(output, x.Rows, x.Columns), kept, rowsPerPart);
        Run(Parts(x.Rows, rowsPerPart), work);
    }

    /// <inheritdoc/>
    public void NormalizeBackward(
        NormShape shape, TensorView x, TensorView? gain, TensorView statistics, TensorView outputGradient,
        TensorView inputGradient, bool accumulate, TensorView? gainGradient, TensorView? biasGradient)
    {
        Shapes.Norm(shape, x, gain, biasGradient, statistics);
        float* gainTotal = At(gainGradient, shape.Width), biasTotal = At(biasGradient, shape.Width);
        int rowsPerPart = Math.Max(Math.Max(1, NormPartLength / Math.Max(x.Columns, 1)), Parts(x.Rows, MostNormParts));
        int parts = Parts(x.Rows, rowsPerPart);
        float* sums = _threads.Shared.Take(2L * parts * shape.Width);
        var work = new NormBackwardWork(
            shape, At(x), At(gain, shape.Width), At(statistics), At(outputGradient, x.Rows, x.Columns),
            At(inputGradient, x.Rows, x.Columns), accumulate, sums, rowsPerPart);
        Run(parts, work);
        var first = new Matrix(sums, parts, shape.Width, 2 * shape.Width);
        if (gainTotal is not null) AddRowsTo(first, gainTotal);
        if (biasTotal is not null) AddRowsTo(new Matrix(sums + shape.Width, parts, shape.Width, 2 * shape.Width), biasTotal);
    }

    /// <summary>How many parts of <paramref name="size"/> rows hold all of them.</summary>
    private static int Parts(int rows, int size) => (int)((rows + (long)size - 1) / size);

    /// <summary>total[i] += Σ rows[·, i], in order of the rows.</summary>
    private void AddRowsTo(Matrix rows, float* total)
    {
        var sum = new Matrix(total, 1, rows.Columns, rows.Columns);
        for (int row = 0; row < rows.Rows; row++)
            Run(default(Map2<Sum>), sum, new Matrix(rows.Row(row), 1, rows.Columns, rows.Columns), sum);
    }
}
