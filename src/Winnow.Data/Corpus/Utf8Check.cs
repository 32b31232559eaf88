using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>Whether text is UTF-8, and where it stops being it.</summary>
/// <remarks>
/// Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte", arXiv 2010.03090: three tables of sixteen, looked up
/// with the halves of neighbouring bytes, agree in a bit for every kind of error. .NET's own check takes Chinese a character at a
/// time, which cost a sixth of the time of reading it.
/// </remarks>
internal static class Utf8Check
{
    private const int Block = 16;                       // Vector128<byte>.Count
    private const int Stride = 4 * Block;

    private const byte TooShort = 1 << 0;               // 11______ then no continuation
    private const byte TooLong = 1 << 1;                // 0_______ 10______
    private const byte Overlong3 = 1 << 2;              // 11100000 100_____
    private const byte TooLarge = 1 << 3;               // 11110100 1001____ and above
    private const byte Surrogate = 1 << 4;              // 11101101 101_____
    private const byte Overlong2 = 1 << 5;              // 1100000_ 10______
    private const byte Overlong4 = 1 << 6;              // 11110000 1000____, and with it 11110101 1000____ and above
    private const byte Continuations = 1 << 7;          // 10______ 10______: right only behind a lead of three or four
    private const byte Any = TooShort | TooLong | Continuations;

    /// <summary>True when all of it is UTF-8.</summary>
    internal static bool IsValid(ReadOnlySpan<byte> text) => Ascii.IsValid(text) || IsValidBeyondAscii(text);

    /// <summary>Index of the first byte that belongs to no valid character; the length when all is valid.</summary>
    internal static int FirstInvalid(ReadOnlySpan<byte> text)
    {
        int at = 0;
        while (at < text.Length)
        {
            if (Rune.DecodeFromUtf8(text[at..], out _, out int length) != OperationStatus.Done) return at;
            at += length;
        }
        return at;
    }

    // Optimized at its first call: the tiers in between are some twenty times slower.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsValidBeyondAscii(ReadOnlySpan<byte> text)
    {
        // The first block has nothing before it, and behind the last one stands a zero, which ends every character.
        Span<byte> edge = stackalloc byte[2 * Block];
        edge.Clear();
        text[..Math.Min(text.Length, Block)].CopyTo(edge[Block..]);
        Vector128<byte> errors = Errors(ref edge[Block]);
        if (text.Length < Block) return errors == Vector128<byte>.Zero;
        ref byte start = ref MemoryMarshal.GetReference(text);
        int at = Block;
        for (; at <= text.Length - Stride; at += Stride)
        {
            ref byte stride = ref Unsafe.Add(ref start, at);
            if (!IsAscii(ref stride))
                errors |= Errors(ref stride) | Errors(ref Unsafe.Add(ref stride, Block)) | Errors(ref Unsafe.Add(ref stride, 2 * Block)) | Errors(ref Unsafe.Add(ref stride, 3 * Block));
        }
        for (; at <= text.Length - Block; at += Block) errors |= Errors(ref Unsafe.Add(ref start, at));
        edge.Clear();
        text[(at - Block)..].CopyTo(edge);
        return (errors | Errors(ref edge[Block])) == Vector128<byte>.Zero;
    }

    /// <summary>True when nothing in a stride, or in the three bytes before it, is more than ASCII.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsAscii(ref byte at) =>
        (Vector128.LoadUnsafe(ref Unsafe.Subtract(ref at, 3)) | Vector128.LoadUnsafe(ref at) | Vector128.LoadUnsafe(ref at, Block)
            | Vector128.LoadUnsafe(ref at, 2 * Block) | Vector128.LoadUnsafe(ref at, 3 * Block)).ExtractMostSignificantBits() == 0;

    /// <summary>Not zero where a block, or what it continues in the three bytes before it, is wrong.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Errors(ref byte at)
    {
        Vector128<byte> block = Vector128.LoadUnsafe(ref at);
        Vector128<byte> third = Vector128.LoadUnsafe(ref Unsafe.Subtract(ref at, 3));
        Vector128<byte> first = Vector128.LoadUnsafe(ref Unsafe.Subtract(ref at, 1));
        Vector128<byte> second = Vector128.LoadUnsafe(ref Unsafe.Subtract(ref at, 2));
        Vector128<byte> low = Vector128.Create((byte)0x0F);
        Vector128<byte> pairs =
            Vector128.ShuffleNative(
                Vector128.Create(
                    TooLong, TooLong, TooLong, TooLong, TooLong, TooLong, TooLong, TooLong, Continuations, Continuations, Continuations, Continuations,
                    TooShort | Overlong2, TooShort, TooShort | Overlong3 | Surrogate, TooShort | TooLarge | Overlong4),
                Vector128.ShiftRightLogical(first, 4) & low)
            & Vector128.ShuffleNative(
                Vector128.Create(
                    Any | Overlong2 | Overlong3 | Overlong4, Any | Overlong2, Any, Any, Any | TooLarge, Any | TooLarge | Overlong4, Any | TooLarge | Overlong4,
                    Any | TooLarge | Overlong4, Any | TooLarge | Overlong4, Any | TooLarge | Overlong4, Any | TooLarge | Overlong4, Any | TooLarge | Overlong4,
                    Any | TooLarge | Overlong4, Any | TooLarge | Overlong4 | Surrogate, Any | TooLarge | Overlong4, Any | TooLarge | Overlong4),
                first & low)
            & Vector128.ShuffleNative(
                Vector128.Create(
                    TooShort, TooShort, TooShort, TooShort, TooShort, TooShort, TooShort, TooShort, TooLong | Continuations | Overlong2 | Overlong3 | Overlong4,
                    TooLong | Continuations | Overlong2 | Overlong3 | TooLarge, TooLong | Continuations | Overlong2 | Surrogate | TooLarge,
                    TooLong | Continuations | Overlong2 | Surrogate | TooLarge, TooShort, TooShort, TooShort, TooShort),
                Vector128.ShiftRightLogical(block, 4) & low);
        Vector128<byte> mustContinue = (Vector128.GreaterThanOrEqual(second, Vector128.Create((byte)0xE0)) | Vector128.GreaterThanOrEqual(third, Vector128.Create((byte)0xF0)))
            & Vector128.Create(Continuations);
        return pairs ^ mustContinue;
    }
}
