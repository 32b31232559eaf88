namespace Winnow.Kernels.Cpu;

/// <summary>Integers in native memory.</summary>
internal sealed unsafe class CpuIndexTensor(int length) : IndexTensor
{
    private readonly NativeBuffer<int> _buffer = new(length);

    /// <inheritdoc/>
    public override int Length { get; } = length;

    /// <summary>The first element.</summary>
    public int* Pointer => _buffer.Pointer;

    /// <inheritdoc/>
    public override void Dispose() => _buffer.Dispose();
}
