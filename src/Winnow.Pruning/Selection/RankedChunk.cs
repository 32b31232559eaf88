namespace Winnow.Pruning.Selection;

/// <summary>One chunk of scores made ready for ranking: a stratum and a sortable key per row, in buffers that are used again.</summary>
internal sealed class RankedChunk(IScoreSource source, SelectionOptions options, Strata strata, Condition? where) : IDisposable
{
    /// <summary>The key of a unit without a score; no finite score has it.</summary>
    public const ulong NoKey = ulong.MaxValue;

    private readonly IScoreReader _reader = source.OpenReader();
    private readonly Strata.Reader _strata = strata.OpenReader();
    private readonly bool _identified = source.TextColumns.Contains("id");
    private bool[] _holds = [];
    private TextColumn? _ids;

    /// <summary>Rows of the chunk.</summary>
    public int Rows { get; private set; }

    /// <summary>Index of the shard.</summary>
    public int Shard { get; private set; }

    /// <summary>The chunk's first row within the shard.</summary>
    public long FirstRow { get; private set; }

    /// <summary>[≥ Rows]: the stratum, or −1 where the condition does not hold.</summary>
    public int[] Groups { get; private set; } = [];

    /// <summary>[rules][≥ Rows]: order-preserving bits of the score (of the draw, for the random band), or <see cref="NoKey"/>.</summary>
    public ulong[][] Keys { get; } = [.. options.Keep.Select(_ => Array.Empty<ulong>())];

    /// <summary>[≥ Rows]: weights in the selection's terms; empty when every unit weighs 1.</summary>
    public long[] Weights { get; private set; } = [];

    /// <summary>The columns of the chunk, for what else is wanted of them.</summary>
    public IScoreReader Columns => _reader;

    /// <summary>The order-preserving bits of a score: a &lt; b exactly when their keys are so.</summary>
    public static ulong Key(double score)
    {
        if (!double.IsFinite(score)) return NoKey;
        ulong bits = BitConverter.DoubleToUInt64Bits(score + 0.0); // −0 becomes 0
        return bits ^ ((ulong)((long)bits >> 63) | (1UL << 63));
    }

    /// <summary>The score of a key.</summary>
    public static double Score(ulong key) =>
        BitConverter.UInt64BitsToDouble(key >> 63 == 0 ? ~key : key ^ (1UL << 63));

    /// <summary>Goes to a chunk and reads what ranks it.</summary>
    public void Load(int shard, int chunk, long firstRow, int rows)
    {
        (Shard, FirstRow, Rows, _ids) = (shard, firstRow, rows, null);
        _reader.MoveTo(shard, chunk);
        if (Groups.Length < rows) Resize(rows);
        _strata.Assign(_reader, Groups.AsSpan(0, rows));
        if (where is not null) Filter(where);
        for (int rule = 0; rule < Keys.Length; rule++) ReadKeys(options.Keep[rule], Keys[rule].AsSpan(0, rows));
        if (options.By != Weighting.Units) ReadWeights(_reader, options.By == Weighting.Tokens ? "tokens" : "bytes", Weights.AsSpan(0, rows));
    }

    /// <summary>The 128-bit hash of a row's id.</summary>
    public (ulong High, ulong Low) Identity(int row)
    {
        if (!_identified) return (0, 0);
        TextColumn ids = _ids ??= _reader.Texts("id");
        return IdentityHash.Of(ids[row]);
    }

    /// <summary>Shard and row in one word.</summary>
    public ulong Position(int row) => ((ulong)Shard << 40) | (ulong)(FirstRow + row);

    /// <summary>Reads whole numbers; a missing one is 0.</summary>
    public static void ReadWeights(IScoreReader reader, string column, Span<long> weights)
    {
        ReadOnlySpan<double> values = reader.Numbers(column);
        for (int row = 0; row < weights.Length; row++) weights[row] = double.IsNaN(values[row]) ? 0 : (long)values[row];
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    private void Resize(int rows)
    {
        Groups = new int[rows];
        _holds = new bool[rows];
        if (options.By != Weighting.Units) Weights = new long[rows];
        for (int rule = 0; rule < Keys.Length; rule++) Keys[rule] = new ulong[rows];
    }

    private void Filter(Condition condition)
    {
        Span<bool> holds = _holds.AsSpan(0, Rows);
        condition.Evaluate(_reader, holds);
        for (int row = 0; row < holds.Length; row++)
            if (!holds[row]) Groups[row] = -1;
    }

    private void ReadKeys(KeepRule rule, Span<ulong> keys)
    {
        ReadOnlySpan<double> scores = _reader.Numbers(rule.Metric!);
        for (int row = 0; row < keys.Length; row++) keys[row] = Key(scores[row]);
        if (rule.Band != Band.Random) return;
        for (int row = 0; row < keys.Length; row++)
            if (keys[row] != NoKey) keys[row] = Draw(row);
    }

    private ulong Draw(int row)
    {
        TextColumn ids = _ids ??= _reader.Texts("id");
        return Math.Min(IdentityHash.Of(ids[row], Seed(options.Seed)).High, NoKey - 1);
    }

    /// <summary>Seed 0 must not be the plain identity hash, or the draw would follow how ties are broken.</summary>
    private static ulong Seed(long seed) => ((ulong)seed + 1) * 0x9e3779b97f4a7c15;
}
