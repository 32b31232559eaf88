using System.Buffers.Binary;

namespace Winnow.Kernels;

/// <summary>
/// The specification of every operation: plain loops in the order of the formula, sums in double, results rounded to binary32
/// where they are stored. It is slow and checks every shape; the other backends must agree with it.
/// </summary>
public sealed partial class ReferenceBackend : IBackend
{
    private readonly bool _rounds;

    /// <summary>A backend whose tensors hold binary32 values.</summary>
    public ReferenceBackend() : this(rounds: true)
    {
    }

    /// <summary>Without rounding, tensors hold doubles: finite differences need them.</summary>
    internal ReferenceBackend(bool rounds)
    {
        _rounds = rounds;
        Workers = [this];
    }

    /// <inheritdoc/>
    public string Description => _rounds ? "reference, 1 thread, double sums" : "reference, 1 thread, double";

    /// <inheritdoc/>
    public IReadOnlyList<IBackend> Workers { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Tensors are managed arrays, owned by whoever allocated them.
    }

    /// <inheritdoc/>
    public Tensor Allocate(long length) => new ReferenceTensor(length);

    /// <inheritdoc/>
    public IndexTensor AllocateIndices(int length) => new ReferenceIndexTensor(length);

    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<float> values, Tensor to, long offset = 0)
    {
        Span<double> target = Values(to).AsSpan(checked((int)offset), values.Length);
        for (int i = 0; i < values.Length; i++) target[i] = values[i];
    }

    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<int> values, IndexTensor to) => values.CopyTo(Values(to));

    /// <inheritdoc/>
    public void Upload(WeightSource source, TensorView to)
    {
        ArgumentNullException.ThrowIfNull(source);
        (int rows, int columns) = source.Transposed ? (source.Columns, source.Rows) : (source.Rows, source.Columns);
        Shapes.Require(to.Rows == rows && to.Columns == columns, $"a [{rows}, {columns}] weight does not fit a [{to.Rows}, {to.Columns}] view");
        ReferenceView y = Open(to);
        for (int row = 0; row < source.Rows; row++)
        {
            ReadOnlySpan<byte> stored = source.Row(row);
            for (int column = 0; column < source.Columns; column++)
            {
                float value = Widen(source.ElementType, stored, column);
                if (source.Transposed) y[column, row] = value;
                else y[row, column] = value;
            }
        }
    }

    /// <inheritdoc/>
    public void Download(Tensor from, long offset, Span<float> values)
    {
        ReadOnlySpan<double> source = Values(from).AsSpan(checked((int)offset), values.Length);
        for (int i = 0; i < values.Length; i++) values[i] = (float)source[i];
    }

    /// <inheritdoc/>
    public void Download(IndexTensor from, Span<int> values) => Values(from).AsSpan(0, values.Length).CopyTo(values);

    /// <inheritdoc/>
    public void Clear(TensorView x)
    {
        ReferenceView y = Open(x);
        for (int row = 0; row < x.Rows; row++)
            for (int column = 0; column < x.Columns; column++) y[row, column] = 0;
    }

    /// <inheritdoc/>
    public void Copy(TensorView from, TensorView to)
    {
        Shapes.Same(from, to);
        (ReferenceView x, ReferenceView y) = (Open(from), Open(to));
        for (int row = 0; row < x.Rows; row++)
            for (int column = 0; column < x.Columns; column++) y[row, column] = x[row, column];
    }

    /// <inheritdoc/>
    public WeightMatrix Pack(WeightSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        (int rows, int columns) = source.Transposed ? (source.Columns, source.Rows) : (source.Rows, source.Columns);
        TensorView view = Allocate((long)rows * columns).AsRows(rows);
        Upload(source, view);
        return new ReferenceMatrix(view, owned: true);
    }

    /// <inheritdoc/>
    public WeightMatrix Live(TensorView parameter) => new ReferenceMatrix(parameter, owned: false);

    /// <summary>The stored values themselves, unrounded.</summary>
    internal static double[] Values(Tensor tensor) =>
        (tensor as ReferenceTensor ?? throw new ArgumentException("the tensor belongs to another backend", nameof(tensor))).Values;

    private static int[] Values(IndexTensor tensor) =>
        (tensor as ReferenceIndexTensor ?? throw new ArgumentException("the tensor belongs to another backend", nameof(tensor))).Values;

    private static float Widen(ElementType type, ReadOnlySpan<byte> row, int column) => type switch
    {
        ElementType.F32 => BinaryPrimitives.ReadSingleLittleEndian(row[(4 * column)..]),
        ElementType.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(row[(2 * column)..]),
        ElementType.BF16 => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadInt16LittleEndian(row[(2 * column)..]) << 16),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    private ReferenceView Open(TensorView view)
    {
        Shapes.Inside(view);
        return new(Values(view.Tensor), view.Offset, view.Rows, view.Columns, view.Stride, _rounds);
    }

    private ReferenceView? Open(TensorView? view) => view is { } some ? Open(some) : null;

    private ReferenceView Open(WeightMatrix matrix) =>
        Open((matrix as ReferenceMatrix ?? throw new ArgumentException("the matrix belongs to another backend", nameof(matrix))).View);
}
