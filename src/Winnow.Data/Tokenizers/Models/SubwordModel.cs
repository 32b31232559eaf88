namespace Winnow.Data.Tokenizers;

/// <summary>Turns the pieces that splitting leaves into ids: the model of `tokenizer.json`. Immutable, shared by all threads.</summary>
internal abstract class SubwordModel
{
    /// <summary>Bytes of text that each id stands for; −1 where that depends on the text (the unknown token).</summary>
    public abstract int LengthOf(int id);

    /// <summary>Encodes one word.</summary>
    /// <param name="word">Not empty, valid UTF-8 (for a byte-level model: any bytes).</param>
    /// <param name="whole">Whether the word is a whole piece, not an island of one.</param>
    /// <param name="scratch">Receives ids and, where <see cref="LengthOf"/> does not tell, lengths.</param>
    public abstract void Encode(ReadOnlySpan<byte> word, bool whole, WordScratch scratch);

    /// <summary>Whether a word gives other ids as a whole piece than as an island.</summary>
    public abstract bool IsExceptional(ReadOnlySpan<byte> word);

    /// <summary>End of the island of a piece that starts at <paramref name="start"/>: it gives the same ids by itself as in the piece.</summary>
    public abstract int EndOfIsland(ReadOnlySpan<byte> piece, int start);

    /// <summary>An id whose neighbours of the same id become one token with it; −1 where there is none.</summary>
    public abstract int FusedId { get; }
}

/// <summary>What encoding a word needs and leaves: reused from word to word by one thread.</summary>
internal sealed class WordScratch
{
    public int[] Ids = new int[64];
    public int[] Lengths = new int[64];
    public ulong[] Pairs = new ulong[64];
    public int[] Previous = [];
    public int[] Next = [];
    public ulong[] Heap = [];
    public double[] Scores = [];

    /// <summary>Tokens of the word.</summary>
    public int Count;

    /// <summary>Whether <see cref="Lengths"/> must be asked: some token's length does not follow from its id.</summary>
    public bool Irregular;

    /// <summary>Bytes that no token stands for: they count with the token that follows.</summary>
    public int Dropped;

    public void Start(int symbols)
    {
        (Count, Irregular, Dropped) = (0, false, 0);
        Reserve(symbols);
    }

    /// <summary>Makes room for a word of this many symbols.</summary>
    private void Reserve(int symbols)
    {
        if (Ids.Length >= symbols) return;
        int size = (int)Math.Min(Math.Max((long)symbols, Ids.Length * 2L), Array.MaxLength);
        Ids = new int[size];
        Lengths = new int[size];
        Pairs = new ulong[size];
    }

    public void Add(int id, int length)
    {
        Ids[Count] = id;
        Lengths[Count++] = length + Dropped;
        Dropped = 0;
    }
}
