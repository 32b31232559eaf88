using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Winnow.Kernels;

/// <summary>A run of numbers outside the managed heap: 64-byte aligned, zeroed, of any length, freed by its one owner.</summary>
/// <typeparam name="T">The element type.</typeparam>
public sealed unsafe class NativeBuffer<T> : IDisposable
    where T : unmanaged
{
    /// <summary>Every buffer starts at a multiple of this: one cache line, one 16-lane register.</summary>
    public const int AlignmentBytes = 64;

    private T* _pointer;

    /// <summary>A buffer of <paramref name="length"/> elements, all zero.</summary>
    public NativeBuffer(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
        nuint bytes = checked((nuint)length * (nuint)sizeof(T));
        _pointer = (T*)NativeMemory.AlignedAlloc(Math.Max(bytes, AlignmentBytes), AlignmentBytes);
        NativeMemory.Clear(_pointer, bytes);
    }

    /// <summary>How many elements it holds.</summary>
    public long Length { get; }

    /// <summary>The first element.</summary>
    public T* Pointer
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return _pointer;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_pointer);
        _pointer = null;
    }
}
