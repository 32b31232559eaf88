namespace Winnow.Kernels.Cpu;

/// <summary>Memory of one thread for the inside of an operation; it grows to the largest size ever asked for and stays.</summary>
internal sealed unsafe class Scratch : IDisposable
{
    private NativeBuffer<float> _buffer = new(0);

    /// <summary>At least <paramref name="length"/> floats, 64-byte aligned, whatever they held before.</summary>
    public float* Take(long length)
    {
        if (_buffer.Length < length)
        {
            _buffer.Dispose();
            _buffer = new NativeBuffer<float>(length);
        }

        return _buffer.Pointer;
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer.Dispose();
}
