namespace Winnow.Kernels.Cpu;

/// <summary>Copies a stored weight into panels, reading every stored row once and in order.</summary>
internal static unsafe class Packing
{
    private const int RowsPerPart = 32;

    /// <summary>Packs <paramref name="source"/> on as many threads as <paramref name="threads"/> says.</summary>
    public static PackedMatrix Pack(WeightSource source, int lanes, int threads)
    {
        (int rows, int columns) = source.Transposed ? (source.Columns, source.Rows) : (source.Rows, source.Columns);
        var packed = new PackedMatrix(rows, columns, source.ElementType, lanes);
        int width = 3 * lanes;
        try
        {
            if (source.Transposed)
                ForEach((columns + RowsPerPart - 1) / RowsPerPart, threads, part => CopyRows(source, packed, part * RowsPerPart, width));
            else
                ForEach(packed.PanelCount, threads, panel => TurnPanel(source, packed, panel, width));
            return packed;
        }
        catch
        {
            packed.Dispose();
            throw;
        }
    }

    /// <summary>Stored row <paramref name="row"/> as floats.</summary>
    public static void Widen(WeightSource source, int row, float* to, long step = 1)
    {
        ReadOnlySpan<byte> stored = source.Row(row);
        int bytes = source.ElementType == ElementType.F32 ? 4 : 2;
        if (stored.Length < (long)bytes * source.Columns)
            throw new ArgumentException($"row {row} of the weight holds {stored.Length} bytes, expected {bytes} for each of {source.Columns}", nameof(source));
        fixed (byte* from = stored) Widening.Spread(source.ElementType, from, source.Columns, to, step);
    }

    /// <summary>Stored [in, out]: a stored row is one row of every panel.</summary>
    private static void CopyRows(WeightSource source, PackedMatrix packed, int first, int width)
    {
        for (int k = first; k < Math.Min(first + RowsPerPart, packed.Columns); k++)
        {
            if (packed.Type == ElementType.F32) CopyRow(Elements<uint>(source, k), (uint*)packed.Data, k, packed, width);
            else CopyRow(Elements<ushort>(source, k), (ushort*)packed.Data, k, packed, width);
        }
    }

    private static void CopyRow<T>(Stored<T> row, T* panels, int k, PackedMatrix packed, int width)
        where T : unmanaged
    {
        for (int panel = 0; panel < packed.PanelCount; panel++)
        {
            T* to = panels + ((long)panel * width * packed.Columns) + ((long)k * width);
            row.CopyTo(panel * width, new Span<T>(to, Math.Min(width, packed.Rows - (panel * width))));
        }
    }

    /// <summary>Stored [out, in]: a stored row is one column of its panel.</summary>
    private static void TurnPanel(WeightSource source, PackedMatrix packed, int panel, int width)
    {
        int first = panel * width;
        for (int row = first; row < Math.Min(first + width, packed.Rows); row++)
        {
            long start = ((long)first * packed.Columns) + (row - first);
            if (packed.Type == ElementType.F32) Spread(Elements<uint>(source, row), (uint*)packed.Data + start, width);
            else Spread(Elements<ushort>(source, row), (ushort*)packed.Data + start, width);
        }
    }

    private static void Spread<T>(Stored<T> row, T* to, int width)
        where T : unmanaged
    {
        for (int k = 0; k < row.Length; k++, to += width) *to = row[k];
    }

    private static Stored<T> Elements<T>(WeightSource source, int row)
        where T : unmanaged
    {
        var stored = new Stored<T>(source.Row(row));
        if (stored.Length != source.Columns)
            throw new ArgumentException($"row {row} holds {stored.Length} elements where {source.Columns} belong", nameof(source));
        return stored;
    }

    /// <summary>Calls <paramref name="body"/> with 0 … count − 1, on some threads.</summary>
    public static void ForEach(int count, int threads, Action<int> body)
    {
        if (threads == 1)
        {
            for (int i = 0; i < count; i++) body(i);
        }
        else
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads }, body);
        }
    }

    /// <summary>Elements in a file's bytes, which need not be aligned.</summary>
    private readonly ref struct Stored<T>(ReadOnlySpan<byte> bytes)
        where T : unmanaged
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public int Length => _bytes.Length / sizeof(T);

        public T this[int index] => System.Runtime.InteropServices.MemoryMarshal.Read<T>(_bytes[(index * sizeof(T))..]);

        public void CopyTo(int first, Span<T> to) =>
            _bytes.Slice(first * sizeof(T), to.Length * sizeof(T)).CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsBytes(to));
    }
}
