namespace Winnow.Data.Tokenizers;

/// <summary>GPT-2's spelling of bytes as printable characters: vocabularies of byte-level BPE are written in it.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = MakeCharacters();
    private static readonly short[] Bytes = MakeBytes();

    /// <summary>The character that stands for a byte.</summary>
    public static char Spell(byte value) => Characters[value];

    /// <summary>The text that stands for bytes.</summary>
    public static string Spell(ReadOnlySpan<byte> bytes) =>
        string.Create(bytes.Length, bytes, static (text, source) =>
        {
            for (int i = 0; i < source.Length; i++)
            {
                text[i] = Characters[source[i]];
            }
        });

    /// <summary>The bytes that a token spells; null when one of its characters is not in the alphabet.</summary>
    public static byte[]? Read(string token)
    {
        var bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            if (token[i] >= Bytes.Length || Bytes[token[i]] < 0)
            {
                return null;
            }

            bytes[i] = (byte)Bytes[token[i]];
        }

        return bytes;
    }

    private static char[] MakeCharacters()
    {
        var characters = new char[256];
        int next = 256;
        for (int i = 0; i < 256; i++)
        {
            bool printable = i is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[i] = printable ? (char)i : (char)next++;
        }

        return characters;
    }

    private static short[] MakeBytes()
    {
        var bytes = new short[Characters.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int i = 0; i < 256; i++)
        {
            bytes[Characters[i]] = (short)i;
        }

        return bytes;
    }
}
