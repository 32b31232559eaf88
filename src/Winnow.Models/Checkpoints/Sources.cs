using System.Runtime.InteropServices;
using Winnow.Kernels;

namespace Winnow.Models.Checkpoints;

/// <summary>
/// A mapped matrix as a source of weights. Each row is checked to be finite when it is first read, while it is in the cache; what
/// was found waits in <see cref="Bad"/>, because the reader may be a worker's thread.
/// </summary>
internal sealed class TensorSource : WeightSource
{
    private readonly MappedTensor _mapped;
    private readonly bool[] _checked;
    private readonly int _rowBytes;
    private long _bad = -1;

    public TensorSource(MappedTensor mapped, bool transposed)
    {
        _mapped = mapped;
        Transposed = transposed;
        var shape = mapped.Tensor.Shape;
        Rows = checked((int)shape[0]);
        Columns = checked((int)shape[1]);
        ElementType = mapped.Tensor.ElementType!.Value;
        _rowBytes = checked(Columns * MappedTensor.SizeOf(ElementType));
        _checked = new bool[Rows];
    }

    public override int Rows { get; }

    public override int Columns { get; }

    public override ElementType ElementType { get; }

    public override bool Transposed { get; }

    /// <summary>What is wrong with the values read so far, or null.</summary>
    public ModelException? Bad => Interlocked.Read(ref _bad) is >= 0 and var element ? _mapped.NotFinite(element) : null;

    public override ReadOnlySpan<byte> Row(int row)
    {
        var bytes = _mapped.Bytes((long)row * _rowBytes, _rowBytes);
        if (!_checked[row])
        {
            int bad = MappedTensor.FirstNotFinite(bytes, ElementType);
            if (bad >= 0) Interlocked.Exchange(ref _bad, ((long)row * Columns) + bad);
            _checked[row] = true;
        }

        return bytes;
    }
}

/// <summary>Some rows of another source, in another order. Of a source that is not transposed.</summary>
internal sealed class ReorderedSource(WeightSource source, int[] rows) : WeightSource
{
    public override int Rows => rows.Length;

    public override int Columns => source.Columns;

    public override ElementType ElementType => source.ElementType;

    public override ReadOnlySpan<byte> Row(int row) => source.Row(rows[row]);
}

/// <summary>The rows of several sources, one after the other: of the same width and type, none transposed.</summary>
internal sealed class StackedSource : WeightSource
{
    private readonly WeightSource[] _parts;

    public StackedSource(WeightSource[] parts)
    {
        _parts = parts;
        Rows = parts.Sum(p => p.Rows);
    }

    public override int Rows { get; }

    public override int Columns => _parts[0].Columns;

    public override ElementType ElementType => _parts[0].ElementType;

    public override ReadOnlySpan<byte> Row(int row)
    {
        int part = 0;
        while (row >= _parts[part].Rows) row -= _parts[part++].Rows;
        return _parts[part].Row(row);
    }
}

/// <summary>[rows, columns] f32 values in host memory.</summary>
internal sealed class FloatSource(float[] values, int rows, int columns) : WeightSource
{
    public override int Rows => rows;

    public override int Columns => columns;

    public override ElementType ElementType => ElementType.F32;

    public override ReadOnlySpan<byte> Row(int row) => MemoryMarshal.AsBytes(values.AsSpan(checked(row * columns), columns));

    /// <summary>Another source's values, widened: what stacking parts of different types needs.</summary>
    public static FloatSource Widen(WeightSource source)
    {
        var values = new float[checked(source.Rows * source.Columns)];
        for (int row = 0; row < source.Rows; row++)
            MappedTensor.Widen(source.Row(row), source.ElementType, values.AsSpan(row * source.Columns, source.Columns));
        return new FloatSource(values, source.Rows, source.Columns);
    }
}
