namespace Winnow.Kernels;

/// <summary>The reference backend's memory: a managed array of doubles that normally hold values rounded to binary32.</summary>
internal sealed class ReferenceTensor(long length) : Tensor
{
    private double[]? _values = new double[length];

    public override long Length => Values.Length;

    public double[] Values => _values ?? throw new ObjectDisposedException(nameof(ReferenceTensor));

    public override void Dispose() => _values = null;
}

/// <summary>The reference backend's integers.</summary>
internal sealed class ReferenceIndexTensor(int length) : IndexTensor
{
    private int[]? _values = new int[length];

    public override int Length => Values.Length;

    public int[] Values => _values ?? throw new ObjectDisposedException(nameof(ReferenceIndexTensor));

    public override void Dispose() => _values = null;
}

/// <summary>A weight as the reference backend multiplies with it: a plain [out, in] view, owned when it was packed.</summary>
internal sealed class ReferenceMatrix(TensorView view, bool owned) : WeightMatrix
{
    public TensorView View => view;

    public override int Rows => view.Rows;

    public override int Columns => view.Columns;

    public override long Bytes => owned ? view.Length * sizeof(double) : 0;

    public override void Dispose()
    {
        if (owned) view.Tensor.Dispose();
    }
}

/// <summary>Rows and columns of an array; what is stored through it is rounded to binary32 when <paramref name="rounds"/>.</summary>
internal readonly struct ReferenceView(double[] values, long offset, int rows, int columns, int stride, bool rounds)
{
    public int Rows => rows;

    public int Columns => columns;

    public double this[int row, int column]
    {
        get => values[offset + ((long)row * stride) + column];
        set => values[offset + ((long)row * stride) + column] = rounds ? (float)value : value;
    }
}
