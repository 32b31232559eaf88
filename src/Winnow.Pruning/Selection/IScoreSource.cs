namespace Winnow.Pruning.Selection;

/// <summary>One shard of a score table.</summary>
/// <param name="Name">As the input file is called; part of no ranking.</param>
/// <param name="ChunkRows">Rows in each of its chunks, in row order.</param>
public sealed record ScoreShard(string Name, IReadOnlyList<int> ChunkRows)
{
    /// <summary>Rows of the whole shard.</summary>
    public long Rows { get; } = ChunkRows.Sum(rows => (long)rows);
}

/// <summary>A score table as a selection reads it: shard by shard, chunk by chunk, column by column, several times over.</summary>
public interface IScoreSource
{
    /// <summary>The shards, in the order of the inputs.</summary>
    IReadOnlyList<ScoreShard> Shards { get; }

    /// <summary>Columns that <see cref="IScoreReader.Numbers"/> can read.</summary>
    IReadOnlyList<string> NumberColumns { get; }

    /// <summary>Columns that <see cref="IScoreReader.Texts"/> can read.</summary>
    IReadOnlyList<string> TextColumns { get; }

    /// <summary>A reader for one thread.</summary>
    IScoreReader OpenReader();
}

/// <summary>Reads the columns of one chunk at a time, each only when asked for.</summary>
public interface IScoreReader : IDisposable
{
    /// <summary>Goes to a chunk; columns read before are no longer valid.</summary>
    void MoveTo(int shard, int chunk);

    /// <summary>One value per row; NaN where there is none. Valid until the next move.</summary>
    ReadOnlySpan<double> Numbers(string column);

    /// <summary>One text per row; empty where there is none. Valid until the next move.</summary>
    TextColumn Texts(string column);
}

/// <summary>UTF-8 texts, one per row, without an object per row.</summary>
/// <param name="Bytes">All texts, one after the other.</param>
/// <param name="Offsets">[rows + 1]: text r is Bytes[Offsets[r] .. Offsets[r + 1]].</param>
public readonly record struct TextColumn(ReadOnlyMemory<byte> Bytes, ReadOnlyMemory<int> Offsets)
{
    /// <summary>The text of one row.</summary>
    public ReadOnlySpan<byte> this[int row]
    {
        get
        {
            ReadOnlySpan<int> offsets = Offsets.Span;
            return Bytes.Span[offsets[row]..offsets[row + 1]];
        }
    }
}
