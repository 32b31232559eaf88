using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>The properties that are wanted from every line, as dotted paths from the root.</summary>
internal sealed class JsonFields(IReadOnlyList<string> paths)
{
    private readonly byte[][] _whole = [.. paths.Select(Encoding.UTF8.GetBytes)];
    private readonly byte[][][] _parts = [.. paths.Select(path => path.Split('.').Select(Encoding.UTF8.GetBytes).ToArray())];

    internal int Count => _whole.Length;

    /// <summary>A bit for every field.</summary>
    internal uint All => (1u << _whole.Length) - 1;

    /// <summary>The field that a property is, or −1; and the fields that lie below it.</summary>
    /// <param name="key">Its name, unescaped.</param>
    /// <param name="depth">0 in the root object.</param>
    /// <param name="candidates">Fields whose path leads to this object.</param>
    /// <param name="below">Fields whose path goes on through this property.</param>
    internal int Match(ReadOnlySpan<byte> key, int depth, uint candidates, out uint below)
    {
        below = 0;
        int found = -1;
        for (int i = 0; i < _whole.Length; i++)
        {
            if ((candidates & (1u << i)) == 0) continue;
            byte[][] parts = _parts[i];
            if (key.SequenceEqual(parts[depth]))
            {
                if (depth == parts.Length - 1) found = i;
                else below |= 1u << i;
            }
            else if (depth == 0 && key.SequenceEqual(_whole[i]))
            {
                found = i;         // a name that has the dots in it
            }
        }
        return found;
    }
}

/// <summary>What a line has for a field.</summary>
internal enum JsonKind : byte
{
    Missing,
    String,
    Number,
    Boolean,
    Null,
    Object,
    Array,
}

/// <summary>Where a line has the value of a field.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Start">First byte, without the quote.</param>
/// <param name="Length">Bytes, without the quotes.</param>
/// <param name="TextLength">Bytes after unescaping; equals <paramref name="Length"/> where nothing is escaped.</param>
/// <param name="LoneSurrogate">An escape names half of a character.</param>
internal readonly record struct JsonValue(JsonKind Kind, int Start, int Length, int TextLength, bool LoneSurrogate);
