namespace Winnow.Kernels;

/// <summary>A run of floating-point numbers in a backend's memory. How they are stored there is the backend's business.</summary>
public abstract class Tensor : IDisposable
{
    /// <summary>How many elements it holds.</summary>
    public abstract long Length { get; }

    /// <summary>The whole tensor as a matrix of <paramref name="rows"/> rows; the columns follow from the length.</summary>
    public TensorView AsRows(int rows) => new(this, 0, rows, checked((int)(Length / Math.Max(rows, 1))));

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>A run of 32-bit integers (token ids, positions, targets) in a backend's memory.</summary>
public abstract class IndexTensor : IDisposable
{
    /// <summary>How many elements it holds.</summary>
    public abstract int Length { get; }

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>A row-major [Rows, Columns] window on a tensor; row r starts at <c>Offset + r * Stride</c>.</summary>
/// <param name="Tensor">The tensor that is looked at; the view does not own it.</param>
/// <param name="Offset">First element of row 0, in elements.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Number of columns, all adjacent.</param>
/// <param name="Stride">Elements from one row to the next, at least <paramref name="Columns"/>.</param>
public readonly record struct TensorView(Tensor Tensor, long Offset, int Rows, int Columns, int Stride)
{
    /// <summary>A view without gaps between its rows.</summary>
    public TensorView(Tensor tensor, long offset, int rows, int columns) : this(tensor, offset, rows, columns, columns)
    {
    }

    /// <summary>Number of elements looked at.</summary>
    public long Length => (long)Rows * Columns;

    /// <summary>Rows [<paramref name="first"/>, first + count).</summary>
    public TensorView SliceRows(int first, int count) => this with { Offset = Offset + ((long)first * Stride), Rows = count };

    /// <summary>Columns [<paramref name="first"/>, first + count) of every row.</summary>
    public TensorView SliceColumns(int first, int count) => this with { Offset = Offset + first, Columns = count };
}

/// <summary>An [out, in] matrix to multiply with, laid out as the backend multiplies fastest. Immutable and free to share between workers.</summary>
public abstract class WeightMatrix : IDisposable
{
    /// <summary>Output width (rows of the [out, in] matrix).</summary>
    public abstract int Rows { get; }

    /// <summary>Input width (columns of the [out, in] matrix).</summary>
    public abstract int Columns { get; }

    /// <summary>Memory held, in bytes.</summary>
    public abstract long Bytes { get; }

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>How the numbers of a stored weight are written.</summary>
public enum ElementType
{
    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>The upper half of a binary32.</summary>
    BF16,
}

/// <summary>
/// Where a weight's values come from: rows of raw little-endian elements, typically windows on a memory-mapped file, so that
/// packing reads the file once and no second copy of the weights exists.
/// </summary>
public abstract class WeightSource
{
    /// <summary>Rows as stored.</summary>
    public abstract int Rows { get; }

    /// <summary>Columns as stored.</summary>
    public abstract int Columns { get; }

    /// <summary>Element type as stored.</summary>
    public abstract ElementType ElementType { get; }

    /// <summary>True when what is stored is [in, out] (GPT-2's Conv1D) instead of [out, in].</summary>
    public virtual bool Transposed => false;

    /// <summary>The raw bytes of one stored row: Columns elements. Valid until the source's file is closed. Safe to call from several threads.</summary>
    public abstract ReadOnlySpan<byte> Row(int row);
}
