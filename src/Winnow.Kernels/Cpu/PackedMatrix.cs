namespace Winnow.Kernels.Cpu;

/// <summary>A frozen weight in panels [in, 3 registers], in the precision it is stored in.</summary>
internal sealed unsafe class PackedMatrix : CpuWeightMatrix
{
    private readonly NativeBuffer<byte> _panels;
    private readonly int _width;

    /// <summary>Room for a weight of that shape, to be filled by <see cref="Packing"/>.</summary>
    public PackedMatrix(int rows, int columns, ElementType type, int lanes)
    {
        Rows = rows;
        Columns = columns;
        Type = type;
        Lanes = lanes;
        _width = 3 * lanes;
        _panels = new NativeBuffer<byte>((long)PanelCount * _width * columns * (type == ElementType.F32 ? sizeof(float) : sizeof(ushort)));
    }

    /// <inheritdoc/>
    public override int Rows { get; }

    /// <inheritdoc/>
    public override int Columns { get; }

    /// <inheritdoc/>
    public override long Bytes => _panels.Length;

    /// <inheritdoc/>
    public override int Lanes { get; }

    /// <summary>How the panels' elements are written.</summary>
    public ElementType Type { get; }

    /// <summary>How many panels there are; the last one is padded with zeros.</summary>
    public int PanelCount => (Rows + _width - 1) / _width;

    /// <summary>The first panel.</summary>
    public void* Data => _panels.Pointer;

    /// <inheritdoc/>
    public override Panels Panels
    {
        get
        {
            PanelLayout layout = Type switch
            {
                ElementType.F32 => PanelLayout.PackedF32,
                ElementType.BF16 => PanelLayout.PackedBF16,
                ElementType.F16 => PanelLayout.PackedF16,
                _ => throw new InvalidOperationException($"no panels of {Type}"),
            };
            return new Panels(layout, Data, 0, Columns, Rows);
        }
    }

    /// <inheritdoc/>
    public override void ReadRow(int row, float* to)
    {
        long first = ((long)(row / _width) * _width * Columns) + (row % _width);
        for (int k = 0; k < Columns; k++, first += _width)
        {
            to[k] = Type switch
            {
                ElementType.F32 => ((float*)Data)[first],
                ElementType.BF16 => BitConverter.UInt32BitsToSingle((uint)((ushort*)Data)[first] << 16),
                _ => (float)BitConverter.UInt16BitsToHalf(((ushort*)Data)[first]),
            };
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => _panels.Dispose();
}
