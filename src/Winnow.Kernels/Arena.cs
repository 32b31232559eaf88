namespace Winnow.Kernels;

/// <summary>
/// A step's temporaries: views handed out one after the other from tensors that are kept, all given back at once. After the first
/// step of the largest size nothing is allocated any more.
/// </summary>
public sealed class Arena : IDisposable
{
    private const int AlignmentElements = 16;
    private const long SmallestBlock = 1 << 16;

    private readonly IBackend _backend;
    private readonly List<Tensor> _blocks = [];
    private long _used;
    private long _usedBefore;

    /// <summary>An arena on <paramref name="backend"/> with room for <paramref name="capacity"/> elements; it grows when more is taken.</summary>
    public Arena(IBackend backend, long capacity = 0)
    {
        ArgumentNullException.ThrowIfNull(backend);
        _backend = backend;
        if (capacity > 0) _blocks.Add(backend.Allocate(capacity));
    }

    /// <summary>Elements that fit without another allocation.</summary>
    public long Capacity
    {
        get
        {
            long sum = 0;
            foreach (Tensor block in _blocks) sum += block.Length;
            return sum;
        }
    }

    /// <summary>A [rows, columns] view whose content is whatever was there, valid until the next <see cref="Reset"/>.</summary>
    public TensorView Take(int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        long length = ((((long)rows * columns) + AlignmentElements - 1) / AlignmentElements) * AlignmentElements;
        if (_blocks.Count == 0 || _used + length > _blocks[^1].Length)
        {
            _usedBefore += _used;
            _blocks.Add(_backend.Allocate(Math.Max(length, Math.Max(SmallestBlock, Capacity))));
            _used = 0;
        }

        var view = new TensorView(_blocks[^1], _used, rows, columns);
        _used += length;
        return view;
    }

    /// <summary>Takes every view back. Where the last step needed several tensors, they become one that holds it all.</summary>
    public void Reset()
    {
        if (_blocks.Count > 1)
        {
            long needed = _usedBefore + _used;
            Dispose();
            _blocks.Add(_backend.Allocate(needed));
        }

        _used = _usedBefore = 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor block in _blocks) block.Dispose();
        _blocks.Clear();
    }
}
