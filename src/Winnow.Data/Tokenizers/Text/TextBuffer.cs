namespace Winnow.Data.Tokenizers;

/// <summary>Text on its way from the document to the model, with the way back: for each byte, where its origin ends in the document.</summary>
/// <param name="bytes">Valid UTF-8.</param>
/// <param name="ends">For each byte the end of its origin in the document; empty where the text is a plain slice of it.</param>
/// <param name="offset">Where the text starts in the document.</param>
internal readonly ref struct TextView(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> ends, int offset)
{
    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    public ReadOnlySpan<int> Ends { get; } = ends;

    public int Offset { get; } = offset;

    /// <summary>Byte of the document where the first <paramref name="length"/> bytes of this text end.</summary>
    public int EndAt(int length) => length == 0 || Ends.IsEmpty ? Offset + length : Ends[length - 1];

    public TextView Slice(int start, int length) =>
        new(Bytes.Slice(start, length), Ends.IsEmpty ? Ends : Ends.Slice(start, length), EndAt(start));
}

/// <summary>Text that grows, with the origins of its bytes where they are wanted. Reused from text to text.</summary>
internal sealed class TextBuffer
{
    private byte[] _bytes = new byte[256];
    private int[] _ends = [];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    /// <summary>Whether <see cref="Append(byte, int)"/> and its kin remember origins.</summary>
    public bool TracksEnds { get; private set; }

    public void Reset(bool tracksEnds)
    {
        Length = 0;
        TracksEnds = tracksEnds;
    }

    /// <summary>This text, as one that starts where the text it was made of starts.</summary>
    public TextView View(int offset) => new(_bytes.AsSpan(0, Length), TracksEnds ? _ends.AsSpan(0, Length) : default, offset);

    /// <summary>Appends bytes that all come from the characters that end at <paramref name="end"/> in the document.</summary>
    public void Append(ReadOnlySpan<byte> added, int end)
    {
        Reserve(added.Length);
        added.CopyTo(_bytes.AsSpan(Length));
        if (TracksEnds)
        {
            _ends.AsSpan(Length, added.Length).Fill(end);
        }

        Length += added.Length;
    }

    public void Append(byte added, int end) => Append(new ReadOnlySpan<byte>(in added), end);

    /// <summary>Appends a part of another text unchanged.</summary>
    public void Append(in TextView source, int start, int length)
    {
        Reserve(length);
        source.Bytes.Slice(start, length).CopyTo(_bytes.AsSpan(Length));
        if (TracksEnds)
        {
            for (int i = 0; i < length; i++)
            {
                _ends[Length + i] = source.EndAt(start + i + 1);
            }
        }

        Length += length;
    }

    private void Reserve(int more)
    {
        int needed = checked(Length + more);
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, (int)Math.Min(Math.Max((long)needed, _bytes.Length * 2L), Array.MaxLength));
        }

        if (TracksEnds && _ends.Length < _bytes.Length)
        {
            Array.Resize(ref _ends, _bytes.Length);
        }
    }
}
