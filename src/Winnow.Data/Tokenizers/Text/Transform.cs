using System.Globalization;
using System.Text;

namespace Winnow.Data.Tokenizers;

/// <summary>Rewrites a text: a normalizer of `tokenizer.json`, or the rewriting half of a pre-tokenizer. Stateless, shared by all threads.</summary>
internal abstract class Transform
{
    /// <summary>Writes the changed text.</summary>
    /// <param name="input">Valid UTF-8.</param>
    /// <param name="atStart">Whether the text starts where the document starts.</param>
    /// <param name="output">Reset; receives the changed text.</param>
    /// <returns>False, with <paramref name="output"/> to be ignored, when the text stays as it is.</returns>
    public abstract bool Apply(in TextView input, bool atStart, TextBuffer output);
}

/// <summary>Puts a text before every text that is not empty.</summary>
internal sealed class PrependTransform(byte[] prefix) : Transform
{
    public override bool Apply(in TextView input, bool atStart, TextBuffer output)
    {
        if (input.Bytes.IsEmpty) return false;
        output.Append(prefix, input.Offset);
        output.Append(input, 0, input.Bytes.Length);
        return true;
    }
}

/// <summary>Puts a space before a text that does not start with one.</summary>
internal sealed class PrefixSpaceTransform : Transform
{
    public override bool Apply(in TextView input, bool atStart, TextBuffer output)
    {
        if (input.Bytes.StartsWith(" "u8)) return false;
        output.Append((byte)' ', input.Offset);
        output.Append(input, 0, input.Bytes.Length);
        return true;
    }
}

/// <summary>Writes one text in place of another.</summary>
internal sealed class ReplaceTransform(byte[] pattern, byte[] content) : Transform
{
    public override bool Apply(in TextView input, bool atStart, TextBuffer output)
    {
        int found = input.Bytes.IndexOf(pattern);
        if (found < 0) return false;
        int at = 0;
        while (found >= 0)
        {
            output.Append(input, at, found);
            at += found + pattern.Length;
            output.Append(content, input.EndAt(at));
            found = input.Bytes[at..].IndexOf(pattern);
        }

        output.Append(input, at, input.Bytes.Length - at);
        return true;
    }
}

/// <summary>Writes a text in place of every match of a pattern.</summary>
internal sealed class PatternReplaceTransform(Utf8Pattern pattern, byte[] content) : Transform
{
    public override bool Apply(in TextView input, bool atStart, TextBuffer output)
    {
        List<int> found = pattern.Find(input.Bytes);
        int at = 0;
        for (int i = 0; i < found.Count; i += 2)
        {
            output.Append(input, at, found[i] - at);
            at = found[i + 1];
            output.Append(content, input.EndAt(at));
        }

        output.Append(input, at, input.Bytes.Length - at);
        return found.Count > 0;
    }
}

/// <summary>Takes white space off the ends.</summary>
internal sealed class StripTransform(bool left, bool right) : Transform
{
    public override bool Apply(in TextView input, bool atStart, TextBuffer output)
    {
        ReadOnlySpan<byte> text = input.Bytes;
        int start = left ? Runs.EndOfSpaces(text, 0) : 0;
        int end = text.Length;
        while (right && end > start)
        {
            int previous = Utf8.StartOfPrevious(text, end);
            if (Runs.ClassAt(text, previous, out _) != Runs.Space) break;
            end = previous;
        }

        output.Append(input, start, end - start);
        return end - start < text.Length;
    }
}

/// <summary>When a text gets the replacement character of Metaspace put before it.</summary>
internal enum PrependScheme
{
    /// <summary>Never.</summary>
    Never,

    /// <summary>Only the text that starts the document.</summary>
    First,

    /// <summary>Every text between special tokens.</summary>
    Always,
}

/// <summary>Metaspace: spaces become `▁`, and one is put before a text that does not start with one.</summary>
internal sealed class MetaspaceTransform(byte[] replacement, PrependScheme scheme) : Transform
{
    public override bool Apply(in TextView input, bool atStart, TextBuffer output)
    {
        ReadOnlySpan<byte> text = input.Bytes;
        bool starts = text.StartsWith(" "u8) || text.StartsWith(replacement);
        if (!starts && (scheme == PrependScheme.Always || (scheme == PrependScheme.First && atStart)))
            output.Append(replacement, input.Offset);
        int at = 0;
        while (at < text.Length)
        {
            int found = text[at..].IndexOf((byte)' ');
            int length = found < 0 ? text.Length - at : found;
            output.Append(input, at, length);
            at += length;
            if (found >= 0) output.Append(replacement, input.EndAt(++at));
        }

        return true;
    }
}

/// <summary>SentencePiece's compiled character map, as T5 and its kin carry it: a double-array trie from text to normalised text.</summary>
/// <remarks>Reads it the way Hugging Face does: a grapheme of less than six bytes as a whole, else character by character; and the
/// shortest entry that starts the grapheme replaces all of it.</remarks>
internal sealed class CharacterMapTransform : Transform
{
    private readonly uint[] _trie;
    private readonly byte[] _normalized;

    /// <summary>Reads the map.</summary>
    /// <param name="map">Size of the trie in bytes (u32), the trie (u32 units), then the normalised texts, each ended by a zero byte.</param>
    /// <param name="place">Named when the map is damaged.</param>
    public CharacterMapTransform(ReadOnlySpan<byte> map, string place)
    {
        int size = map.Length < 4 ? -1 : System.Buffers.Binary.BinaryPrimitives.ReadInt32LittleEndian(map);
        if (size < 4 || size > map.Length - 4 || size % 4 != 0)
            throw new TokenizerException(place, $"`precompiled_charsmap` of {map.Length} bytes says its trie has {size}");
        _trie = new uint[size / 4];
        for (int i = 0; i < _trie.Length; i++) _trie[i] = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(map[(4 + (i * 4))..]);
        _normalized = map[(4 + size)..].ToArray();
    }

    public override bool Apply(in TextView input, bool atStart, TextBuffer output)
    {
        // Most maps leave printable ASCII alone, so runs of it need no look at graphemes, except their last character.
        bool changed = false;
        ReadOnlySpan<byte> text = input.Bytes;
        string characters = Encoding.UTF8.GetString(text);
        int at = 0;
        for (int c = 0; c < characters.Length;)
        {
            int length = StringInfo.GetNextTextElementLength(characters, c);
            int bytes = Encoding.UTF8.GetByteCount(characters.AsSpan(c, length));
            changed |= Grapheme(input, at, bytes, output);
            at += bytes;
            c += length;
        }

        return changed;
    }

    private bool Grapheme(in TextView input, int at, int length, TextBuffer output)
    {
        ReadOnlySpan<byte> grapheme = input.Bytes.Slice(at, length);
        if (length < 6 && Find(grapheme, out ReadOnlySpan<byte> whole))
        {
            output.Append(whole, input.EndAt(at + length));
            return true;
        }

        bool changed = false;
        for (int i = 0; i < length;)
        {
            int characterLength = Utf8.LengthOf(grapheme[i]);
            if (Find(grapheme.Slice(i, characterLength), out ReadOnlySpan<byte> one))
            {
                output.Append(one, input.EndAt(at + i + characterLength));
                changed = true;
            }
            else
            {
                output.Append(input, at + i, characterLength);
            }

            i += characterLength;
        }

        return changed;
    }

    /// <summary>The normalised text of the shortest entry that starts <paramref name="text"/>.</summary>
    private bool Find(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> normalized)
    {
        normalized = default;
        uint node = Offset(_trie[0]);
        foreach (byte c in text)
        {
            if (c == 0) return false;
            node ^= c;
            if (node >= _trie.Length) return false;
            uint unit = _trie[node];
            if ((unit & 0x800000FF) != c) return false;
            node ^= Offset(unit);
            if (((unit >> 8) & 1) == 0) continue;
            if (node >= _trie.Length) return false;
            int start = (int)(_trie[node] & 0x7FFFFFFF);
            if (start > _normalized.Length) return false;
            int length = _normalized.AsSpan(start).IndexOf((byte)0);
            normalized = length < 0 ? _normalized.AsSpan(start) : _normalized.AsSpan(start, length);
            return true;
        }

        return false;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}
