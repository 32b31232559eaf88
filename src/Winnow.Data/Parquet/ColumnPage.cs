namespace Winnow.Data.Parquet;

/// <summary>Values that stand one after the other, with their ends where they differ in length.</summary>
internal readonly ref struct ColumnPage(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> ends, int width, int count)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly ReadOnlySpan<int> _ends = ends;

    internal int Count { get; } = count;

    internal ReadOnlySpan<byte> this[int index]
    {
        get
        {
            if (width > 0) return _bytes.Slice(index * width, width);
            int start = index == 0 ? 0 : _ends[index - 1];
            return _bytes[start.._ends[index]];
        }
    }
}
