using System.Runtime.InteropServices;

namespace Winnow.Data.Tokenizers;

/// <summary>The hash that tables of words share.</summary>
internal static class WordHash
{
    /// <summary>A hash of the bytes; never 0, which marks an empty slot.</summary>
    public static ulong Of(ReadOnlySpan<byte> word)
    {
        ulong hash = (ulong)word.Length * 0x9E3779B97F4A7C15UL;
        while (word.Length >= 8)
        {
            hash = Mix(hash ^ MemoryMarshal.Read<ulong>(word));
            word = word[8..];
        }

        ulong rest = 0;
        foreach (byte b in word) rest = (rest << 8) | b;
        return Mix(hash ^ rest ^ 0xA0761D6478BD642FUL) | 1;
    }

    private static ulong Mix(ulong value)
    {
        ulong high = Math.BigMul(value, 0xE7037ED1A0B428DBUL, out ulong low);
        return high ^ low;
    }
}
