namespace Winnow.Data.Tokenizers;

/// <summary>Cuts a text into pieces: a pre-tokenizer of `tokenizer.json`. Stateless, shared by all threads.</summary>
internal abstract class Splitter
{
    /// <summary>Finds the next pieces. A piece must be found from <paramref name="from"/> and what follows alone.</summary>
    /// <param name="text">The whole text; its end is an end for look-ahead.</param>
    /// <param name="from">Where the last piece ended; 0 at first.</param>
    /// <param name="ends">Receives where pieces end. Each piece starts where the one before it ends.</param>
    /// <returns>Pieces found: fewer than fit only when the last of them ends with the text.</returns>
    public abstract int Split(ReadOnlySpan<byte> text, int from, Span<int> ends);

    /// <summary>Whether the piece [start, end) is thrown away instead of being tokenized.</summary>
    public virtual bool Drops(ReadOnlySpan<byte> text, int start, int end) => false;

    /// <summary>Whether <see cref="Drops"/> can ever be true.</summary>
    public virtual bool CanDrop => false;
}
