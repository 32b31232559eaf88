using System.Buffers;
using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>Where text stops being UTF-8.</summary>
internal static class Utf8Check
{
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
}
