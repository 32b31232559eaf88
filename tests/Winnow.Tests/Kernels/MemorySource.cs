using System.Runtime.InteropServices;
using Winnow.Kernels;

namespace Winnow.Tests.Kernels;

/// <summary>A stored weight in memory, at an odd address as in a file.</summary>
internal sealed class MemorySource : WeightSource
{
    private readonly byte[] _bytes;
    private readonly int _rowBytes;

    private MemorySource(int rows, int columns, ElementType type, bool transposed)
    {
        (Rows, Columns, ElementType, Transposed) = (rows, columns, type, transposed);
        _rowBytes = columns * (type == ElementType.F32 ? 4 : 2);
        _bytes = new byte[1 + ((long)rows * _rowBytes)];
    }

    public override int Rows { get; }

    public override int Columns { get; }

    public override ElementType ElementType { get; }

    public override bool Transposed { get; }

    public override ReadOnlySpan<byte> Row(int row) => _bytes.AsSpan(1 + (row * _rowBytes), _rowBytes);

    /// <summary>An [out, in] matrix, narrowed to <paramref name="type"/> and stored as it is or as [in, out].</summary>
    public static MemorySource From(ReadOnlySpan<float> matrix, int rows, int columns, ElementType type, bool transposed)
    {
        MemorySource source = transposed ? new(columns, rows, type, true) : new(rows, columns, type, false);
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
                source.Write(transposed ? (c * rows) + r : (r * columns) + c, matrix[(r * columns) + c]);
        }

        return source;
    }

    private void Write(int index, float value)
    {
        switch (ElementType)
        {
            case ElementType.F32:
                MemoryMarshal.Write(_bytes.AsSpan(1 + (index * 4)), value);
                break;
            case ElementType.BF16:
                MemoryMarshal.Write(_bytes.AsSpan(1 + (index * 2)), (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
                break;
            default:
                MemoryMarshal.Write(_bytes.AsSpan(1 + (index * 2)), (Half)value);
                break;
        }
    }
}
