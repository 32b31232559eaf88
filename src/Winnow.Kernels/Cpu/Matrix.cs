namespace Winnow.Kernels.Cpu;

/// <summary>What a kernel sees of a view: a row-major [Rows, Columns] window whose row r starts at Data + r · Stride. Checked already.</summary>
internal readonly unsafe struct Matrix(float* data, int rows, int columns, int stride)
{
    public readonly float* Data = data;
    public readonly int Rows = rows;
    public readonly int Columns = columns;
    public readonly int Stride = stride;

    /// <summary>The first element of row <paramref name="row"/>.</summary>
    public float* Row(int row) => Data + ((long)row * Stride);

    /// <summary>Rows [<paramref name="first"/>, first + count).</summary>
    public Matrix Slice(int first, int count) => new(Row(first), count, Columns, Stride);
}
