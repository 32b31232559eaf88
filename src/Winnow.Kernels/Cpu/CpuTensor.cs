namespace Winnow.Kernels.Cpu;

/// <summary>Floats in native memory.</summary>
internal sealed unsafe class CpuTensor : Tensor
{
    private readonly IDisposable? _owner;
    private float* _pointer;

    /// <summary>A tensor in a buffer of its own, all zero.</summary>
    public CpuTensor(long length)
    {
        var buffer = new NativeBuffer<float>(length);
        _owner = buffer;
        _pointer = buffer.Pointer;
        Length = length;
    }

    /// <summary>A tensor over memory that <paramref name="owner"/> frees when the tensor is disposed.</summary>
    public CpuTensor(float* pointer, long length, IDisposable? owner)
    {
        _owner = owner;
        _pointer = pointer;
        Length = length;
    }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <summary>The first element.</summary>
    public float* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return _pointer;
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _pointer = null;
        _owner?.Dispose();
    }
}
