using Winnow.Kernels.Cpu.Emit;

namespace Winnow.Kernels.Cpu;

/// <summary>A frozen weight rounded to bf16, in panels [pairs of in, 48, 2] for the emitted kernels. Missing rows and columns are zero.</summary>
internal sealed unsafe class PairedMatrix : CpuWeightMatrix
{
    private const int PanelRow = 2 * Bf16Kernels.Columns;

    // Even, so that no two parts share a pair.
    private const int RowsPerPart = 32;

    private readonly NativeBuffer<ushort> _panels;
    private readonly int _depth;

    private PairedMatrix(int rows, int columns)
    {
        (Rows, Columns, _depth) = (rows, columns, GemmPairs.Depth(columns));
        _panels = new NativeBuffer<ushort>((long)PanelCount * _depth * PanelRow);
    }

    /// <inheritdoc/>
    public override int Rows { get; }

    /// <inheritdoc/>
    public override int Columns { get; }

    /// <inheritdoc/>
    public override long Bytes => _panels.Length * sizeof(ushort);

    /// <inheritdoc/>
    public override int Lanes => Bf16Kernels.Columns / 3;

    /// <inheritdoc/>
    public override Panels Panels => new(PanelLayout.Pairs, _panels.Pointer, 0, _depth, Rows);

    private int PanelCount => (Rows + Bf16Kernels.Columns - 1) / Bf16Kernels.Columns;

    /// <summary>Rounds and packs <paramref name="source"/> on some threads, reading every stored row once.</summary>
    public static PairedMatrix Pack(WeightSource source, int threads)
    {
        PairedMatrix packed = source.Transposed ? new(source.Columns, source.Rows) : new(source.Rows, source.Columns);
        int perPart = source.Transposed ? RowsPerPart : Bf16Kernels.Columns;
        try
        {
            Packing.ForEach((source.Rows + perPart - 1) / perPart, threads, part => packed.Fill(source, part * perPart, Math.Min(source.Rows, (part + 1) * perPart)));
            return packed;
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void ReadRow(int row, float* to)
    {
        for (int k = 0; k < Columns; k++) to[k] = BitConverter.UInt32BitsToSingle((uint)*At(row, k) << 16);
    }

    /// <inheritdoc/>
    public override void Dispose() => _panels.Dispose();

    private ushort* At(int row, int column)
    {
        (int panel, int place) = Math.DivRem(row, Bf16Kernels.Columns);
        return _panels.Pointer + ((((long)panel * _depth) + (column / 2)) * PanelRow) + (2 * place) + (column % 2);
    }

    /// <summary>Stored rows [first, end): columns of their panel, or, where the source is transposed, rows of every panel.</summary>
    private void Fill(WeightSource source, int first, int end)
    {
        var values = new float[source.Columns];
        var rounded = new ushort[source.Columns];
        fixed (float* wide = values)
        fixed (ushort* narrow = rounded)
        {
            for (int row = first; row < end; row++)
            {
                Packing.Widen(source, row, wide);
                NarrowFloats.ToBF16(wide, narrow, source.Columns);
                if (source.Transposed) Across(row, narrow);
                else Down(row, narrow);
            }
        }
    }

    private void Down(int row, ushort* from)
    {
        ushort* to = At(row, 0);
        for (int k = 0; k < Columns; k++) to[((long)(k / 2) * PanelRow) + (k % 2)] = from[k];
    }

    private void Across(int column, ushort* from)
    {
        for (int first = 0; first < Rows; first += Bf16Kernels.Columns)
        {
            ushort* to = At(first, column);
            for (int place = 0; place < Math.Min(Bf16Kernels.Columns, Rows - first); place++) to[2 * place] = from[first + place];
        }
    }
}
