using System.IO.MemoryMappedFiles;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Winnow.Kernels;

namespace Winnow.Models.Checkpoints;

/// <summary>The bytes of one tensor, mapped from its file until disposed.</summary>
public sealed class MappedTensor : IDisposable
{
    private readonly MemoryMappedViewAccessor? _view;
    private readonly nint _address;

    internal MappedTensor(StoredTensor tensor, MemoryMappedViewAccessor? view)
    {
        Tensor = tensor;
        _view = view;
        if (view is not null) _address = view.SafeMemoryMappedViewHandle.DangerousGetHandle() + (nint)view.PointerOffset;
    }

    /// <summary>What is mapped.</summary>
    public StoredTensor Tensor { get; }

    /// <summary>A run of raw bytes; valid until disposed.</summary>
    public ReadOnlySpan<byte> Bytes(long offset, int count)
    {
        if (offset < 0 || count < 0 || offset + count > Tensor.Bytes) throw new ArgumentOutOfRangeException(nameof(offset));
        ObjectDisposedException.ThrowIf(_view?.SafeMemoryMappedViewHandle.IsClosed ?? false, this);

        // The view's pages as a span. The mapping cannot move, and the bounds were checked above.
        return count == 0 ? [] : MemoryMarshal.CreateReadOnlySpan(ref Unsafe.AddByteOffset(ref Unsafe.NullRef<byte>(), _address + (nint)offset), count);
    }

    /// <summary>All values, widened to f32 and checked to be finite.</summary>
    public float[] Widen()
    {
        if (Tensor.ElementType is not { } type)
            throw new ModelException(Tensor.Place, $"dtype is {Tensor.Type}; expected F32, F16 or BF16");
        int bytes = checked((int)Tensor.Bytes);
        var raw = Bytes(0, bytes);
        int bad = FirstNotFinite(raw, type);
        if (bad >= 0) throw NotFinite(bad);
        var values = new float[bytes / SizeOf(type)];
        Widen(raw, type, values);
        return values;
    }

    /// <inheritdoc/>
    public void Dispose() => _view?.Dispose();

    internal ModelException NotFinite(long element) => new(
        Tensor.Place, $"element {element} is NaN or infinite", "the checkpoint is damaged: every score would be NaN");

    internal static int SizeOf(ElementType type) => type == ElementType.F32 ? 4 : 2;

    internal static void Widen(ReadOnlySpan<byte> raw, ElementType type, Span<float> values)
    {
        switch (type)
        {
            case ElementType.F32:
                MemoryMarshal.Cast<byte, float>(raw).CopyTo(values);
                break;
            case ElementType.F16:
                var halves = MemoryMarshal.Cast<byte, Half>(raw);
                for (int i = 0; i < halves.Length; i++) values[i] = (float)halves[i];
                break;
            case ElementType.BF16:
                var uppers = MemoryMarshal.Cast<byte, ushort>(raw);
                for (int i = 0; i < uppers.Length; i++) values[i] = BitConverter.UInt32BitsToSingle((uint)uppers[i] << 16);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type));
        }
    }

    /// <summary>Index of the first element whose exponent bits are all set, or −1.</summary>
    internal static int FirstNotFinite(ReadOnlySpan<byte> raw, ElementType type) => type switch
    {
        ElementType.F32 => FirstWith(MemoryMarshal.Cast<byte, uint>(raw), 0x7F800000u),
        ElementType.F16 => FirstWith(MemoryMarshal.Cast<byte, ushort>(raw), (ushort)0x7C00),
        ElementType.BF16 => FirstWith(MemoryMarshal.Cast<byte, ushort>(raw), (ushort)0x7F80),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    private static int FirstWith<T>(ReadOnlySpan<T> values, T exponent) where T : struct, IBinaryInteger<T>
    {
        var mask = new Vector<T>(exponent);
        int i = 0;
        for (; i <= values.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            if (Vector.EqualsAny(new Vector<T>(values[i..]) & mask, mask)) break;
        }

        for (; i < values.Length; i++)
        {
            if ((values[i] & exponent) == exponent) return i;
        }

        return -1;
    }
}
