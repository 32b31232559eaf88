using System.Runtime.InteropServices;
using Winnow.Kernels;

namespace Winnow.Benchmarks;

/// <summary>A stored weight of seeded noise.</summary>
internal sealed class Stored : WeightSource
{
    private readonly byte[][] _rows;

    public Stored(int rows, int columns, ElementType type)
    {
        (Columns, ElementType) = (columns, type);
        _rows = new byte[rows][];
        var random = new Random(rows + columns);
        for (int row = 0; row < rows; row++)
        {
            float[] values = Noise(random, columns);
            _rows[row] = type switch
            {
                ElementType.F32 => MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
                ElementType.BF16 => MemoryMarshal.AsBytes<ushort>([.. values.Select(x => (ushort)(BitConverter.SingleToUInt32Bits(x) >> 16))]).ToArray(),
                _ => MemoryMarshal.AsBytes<Half>([.. values.Select(x => (Half)x)]).ToArray(),
            };
        }
    }

    public override int Rows => _rows.Length;

    public override int Columns { get; }

    public override ElementType ElementType { get; }

    public override ReadOnlySpan<byte> Row(int row) => _rows[row];

    /// <summary>Numbers in [−1, 1).</summary>
    public static float[] Noise(Random random, long count)
    {
        float[] values = new float[count];
        for (long i = 0; i < count; i++) values[i] = (2 * random.NextSingle()) - 1;
        return values;
    }
}
