namespace Winnow.Kernels.Cpu;

/// <content>Rotary position embedding.</content>
public sealed unsafe partial class CpuBackend
{
    private const int RotaryPartLength = 8192;

    /// <inheritdoc/>
    public void Rotate(TensorView x, int headWidth, int rotaryWidth, IndexTensor positions, TensorView table, bool inverse = false)
    {
        Shapes.Rotary(x, headWidth, rotaryWidth, positions, table);
        int* rows = Rows(positions, x.Rows, table.Rows);
        int rowsPerPart = Math.Max(1, RotaryPartLength / Math.Max(x.Columns, 1));
        Run(Parts(x.Rows, rowsPerPart), new RotaryWork(At(x), headWidth, rotaryWidth / 2, rows, At(table), inverse, rowsPerPart));
    }
}
