using System.Text;

namespace Winnow.Pruning.Selection;

/// <summary>The last pass: places every unit below, in or above each band, fills the masks, and counts what is kept.</summary>
internal sealed class MaskWriter(
    IScoreSource source, SelectionOptions options, Strata strata, Ranking[] rankings, IScan scan, Action<int, KeepMask> write)
{
    private const int MostShares = 4096;
    private readonly Strata[] _dimensions = Dimensions(source, options);
    private readonly (Ranking Ranking, BandCuts Cuts)[] _bands = [.. rankings.SelectMany(ranking => ranking.Bands.Select(cuts => (ranking, cuts)))];
    private readonly OpenMask?[] _masks = new OpenMask?[source.Shards.Count];
    private static readonly byte[] Duplicate = Encoding.UTF8.GetBytes(ScoreStatus.Duplicate);
    private readonly bool _hasTokens = source.NumberColumns.Contains("tokens");
    private readonly bool _hasBytes = source.NumberColumns.Contains("bytes");

    /// <summary>Runs the pass.</summary>
    public SelectionSummary Run()
    {
        for (int shard = 0; shard < source.Shards.Count; shard++)
        {
            if (source.Shards[shard].ChunkRows.Count == 0) write(shard, new KeepMask(0));
        }

        Tally total = scan.Run("keeping", () => new Tally(this), static (tally, chunk) => tally.Add(chunk));
        CheckCounts(total);
        return new SelectionSummary
        {
            Options = options,
            All = total.All,
            Kept = total.Kept,
            Excluded = total.Excluded,
            Unscored = total.Unscored,
            Rules = [.. _bands.SelectMany((band, i) => Outcomes(band.Ranking, band.Cuts.Band, total, i))],
            Shares = [.. _dimensions.Select((dimension, d) => Shares(dimension, total.Shares[d])).OfType<ShareTable>()],
            Shards = [.. source.Shards.Select((shard, i) => new ShardOutcome(shard.Name, shard.Rows, total.KeptRows[i], MaskName(i)))],
        };
    }

    /// <summary>The file name of a shard's mask.</summary>
    public static string MaskName(int shard) => $"mask-{shard:D5}.bits";

    private static Strata[] Dimensions(IScoreSource source, SelectionOptions options)
    {
        List<IReadOnlyList<string>> columns = [];
        if (options.Within.Count > 0) columns.Add(options.Within);
        if (source.TextColumns.Contains("source") && options.Within is not ["source"]) columns.Add(["source"]);
        if (source.NumberColumns.Contains("tokens") && options.Within is not ["length"]) columns.Add(["length"]);
        return [.. columns.Select(c => new Strata(source, c))];
    }

    /// <summary>Counting by rank is exact by construction; a difference means that the scores are not what they were.</summary>
    private void CheckCounts(Tally total)
    {
        if (options.By != Weighting.Units) return;
        for (int band = 0; band < _bands.Length; band++)
        {
            (Ranking ranking, BandCuts cuts) = _bands[band];
            for (int group = 0; group < ranking.Counts.Length; group++)
            {
                (long from, long to) = cuts.Band.Interval(ranking.Weights[group]);
                if (total.InBand(band, group) != to - from) throw new InvalidOperationException("the scores changed while they were read");
            }
        }
    }

    private IEnumerable<RuleOutcome> Outcomes(Ranking ranking, KeepRule rule, Tally total, int band) =>
        Enumerable.Range(0, ranking.Counts.Length).OrderBy(strata.Label, StringComparer.Ordinal).Select(group =>
        {
            (long from, long to) = rule.Interval(ranking.Weights[group]);
            (double? lowest, double? highest) = total.Range(band, group);
            return new RuleOutcome(
                rule.ToString(), strata.Label(group), ranking.Counts[group], ranking.Weights[group], from, to,
                total.InBand(band, group), lowest, highest);
        });

    private ShareTable? Shares(Strata dimension, AmountSums sums)
    {
        if (dimension.TooMany || dimension.Count > MostShares) return null;
        double all = Math.Max(1, Weight(sums.Total(kept: false)));
        double kept = Math.Max(1, Weight(sums.Total(kept: true)));
        return new ShareTable(dimension.Name, [.. Enumerable.Range(0, dimension.Count)
            .Select(value => (Label: dimension.Label(value), All: sums.Of(value, kept: false), Kept: sums.Of(value, kept: true)))
            .Select(value => new Share(value.Label, value.All, value.Kept, Weight(value.All) / all, Weight(value.Kept) / kept))
            .OrderByDescending(share => share.All.Units).ThenBy(share => share.Value, StringComparer.Ordinal)]);
    }

    private double Weight(Amount amount) => options.By switch
    {
        Weighting.Units => amount.Units,
        Weighting.Tokens => amount.Tokens,
        Weighting.Bytes => amount.Bytes,
        _ => throw new InvalidOperationException($"unknown weighting {options.By}"),
    };

    private void Store(RankedChunk chunk, ReadOnlySpan<bool> keep, long[] keptRows)
    {
        OpenMask mask;
        lock (_masks) mask = _masks[chunk.Shard] ??= new OpenMask(source.Shards[chunk.Shard]);
        mask.Mask.Set(chunk.FirstRow, keep);
        if (Interlocked.Decrement(ref mask.ChunksLeft) > 0) return;
        lock (_masks) _masks[chunk.Shard] = null;
        keptRows[chunk.Shard] = mask.Mask.Kept;
        write(chunk.Shard, mask.Mask);
    }

    private sealed class OpenMask(ScoreShard shard)
    {
        public readonly KeepMask Mask = new(shard.Rows);
        public int ChunksLeft = shard.ChunkRows.Count;
    }

    /// <summary>What is counted in the last pass.</summary>
    private sealed class Tally(MaskWriter owner) : IFindings<Tally>
    {
        private readonly Strata.Reader[] _readers = [.. owner._dimensions.Select(dimension => dimension.OpenReader())];
        private readonly long[][] _inBand = [.. owner.PerBand(_ => 0L)];
        private readonly ulong[][] _lowest = [.. owner.PerBand(_ => ulong.MaxValue)];
        private readonly ulong[][] _highest = [.. owner.PerBand(_ => 0UL)];
        private readonly BandBounds[][] _bounds = [.. owner.BoundsOf()];
        private bool[] _keep = [];
        private bool[] _unscored = [];
        private long[] _tokens = [];
        private long[] _bytes = [];
        private int[] _group = [];

        public Amount All { get; private set; }

        public Amount Kept { get; private set; }

        public Amount Excluded { get; private set; }

        public SortedDictionary<string, long> Unscored { get; } = new(StringComparer.Ordinal);

        /// <summary>[shards]: rows kept of a shard whose last chunk was seen here; else 0.</summary>
        public long[] KeptRows { get; } = new long[owner.Source.Shards.Count];

        public AmountSums[] Shares { get; } = [.. owner._dimensions.Select(_ => new AmountSums())];

        public long InBand(int band, int group) => _inBand[band][group];

        public (double? Lowest, double? Highest) Range(int band, int group) => _inBand[band][group] == 0
            ? (null, null)
            : (RankedChunk.Score(_lowest[band][group]), RankedChunk.Score(_highest[band][group]));

        public void Add(RankedChunk chunk)
        {
            Resize(chunk.Rows);
            Span<bool> keep = _keep.AsSpan(0, chunk.Rows);
            for (int row = 0; row < keep.Length; row++) keep[row] = chunk.Groups[row] >= 0;
            Array.Clear(_unscored);
            int band = 0;
            for (int rule = 0; rule < owner.Rankings.Length; rule++)
            {
                Apply(rule, band, chunk, keep);
                band += owner.Rankings[rule].Bands.Length;
            }

            if (owner.Options.Unscored == Pruning.Selection.Unscored.Keep || _inBand.Length == 0) DropDuplicates(chunk, keep);
            CountUnscored(chunk);
            CountAmounts(chunk, keep);
            owner.Store(chunk, keep, KeptRows);
        }

        public void Add(Tally other)
        {
            (All, Kept, Excluded) = (All + other.All, Kept + other.Kept, Excluded + other.Excluded);
            foreach ((string status, long count) in other.Unscored) Unscored[status] = Unscored.GetValueOrDefault(status) + count;
            for (int band = 0; band < _inBand.Length; band++)
            {
                for (int group = 0; group < _inBand[band].Length; group++)
                {
                    _inBand[band][group] += other._inBand[band][group];
                    _lowest[band][group] = Math.Min(_lowest[band][group], other._lowest[band][group]);
                    _highest[band][group] = Math.Max(_highest[band][group], other._highest[band][group]);
                }
            }

            for (int d = 0; d < Shares.Length; d++) Shares[d].Add(other.Shares[d]);
            for (int shard = 0; shard < KeptRows.Length; shard++) KeptRows[shard] += other.KeptRows[shard];
        }

        public void Write(BinaryWriter to)
        {
            foreach (Amount amount in new[] { All, Kept, Excluded }) Write(to, amount);
            to.Write7BitEncodedInt(Unscored.Count);
            foreach ((string status, long count) in Unscored)
            {
                to.Write(status);
                to.Write7BitEncodedInt64(count);
            }

            for (int band = 0; band < _inBand.Length; band++)
            {
                for (int group = 0; group < _inBand[band].Length; group++)
                {
                    to.Write7BitEncodedInt64(_inBand[band][group]);
                    if (_inBand[band][group] == 0) continue;
                    to.Write(_lowest[band][group]);
                    to.Write(_highest[band][group]);
                }
            }

            for (int d = 0; d < Shares.Length; d++) Shares[d].Write(to, owner._dimensions[d]);
            int[] shards = [.. Enumerable.Range(0, KeptRows.Length).Where(shard => KeptRows[shard] > 0)];
            to.Write7BitEncodedInt(shards.Length);
            foreach (int shard in shards)
            {
                to.Write7BitEncodedInt(shard);
                to.Write7BitEncodedInt64(KeptRows[shard]);
            }
        }

        public void AddFrom(BinaryReader from)
        {
            (All, Kept, Excluded) = (All + ReadAmount(from), Kept + ReadAmount(from), Excluded + ReadAmount(from));
            for (int statuses = from.Read7BitEncodedInt(); statuses > 0; statuses--)
            {
                string status = from.ReadString();
                Unscored[status] = Unscored.GetValueOrDefault(status) + from.Read7BitEncodedInt64();
            }

            for (int band = 0; band < _inBand.Length; band++)
            {
                for (int group = 0; group < _inBand[band].Length; group++)
                {
                    if (from.Read7BitEncodedInt64() is var inBand && inBand == 0) continue;
                    _inBand[band][group] += inBand;
                    _lowest[band][group] = Math.Min(_lowest[band][group], from.ReadUInt64());
                    _highest[band][group] = Math.Max(_highest[band][group], from.ReadUInt64());
                }
            }

            for (int d = 0; d < Shares.Length; d++) Shares[d].AddFrom(from, owner._dimensions[d]);
            for (int shards = from.Read7BitEncodedInt(); shards > 0; shards--)
            {
                int shard = from.Read7BitEncodedInt();
                KeptRows[shard] += from.Read7BitEncodedInt64();
            }
        }

        private static void Write(BinaryWriter to, Amount amount)
        {
            to.Write7BitEncodedInt64(amount.Units);
            to.Write7BitEncodedInt64(amount.Tokens);
            to.Write7BitEncodedInt64(amount.Bytes);
        }

        private static Amount ReadAmount(BinaryReader from) => new(from.Read7BitEncodedInt64(), from.Read7BitEncodedInt64(), from.Read7BitEncodedInt64());

        private void Resize(int rows)
        {
            if (_keep.Length >= rows) return;
            (_keep, _unscored, _tokens, _bytes, _group) = (new bool[rows], new bool[rows], new long[rows], new long[rows], new int[rows]);
        }

        /// <summary>Drops what lies in none of a rule's bands, of which <paramref name="first"/> is the first.</summary>
        private void Apply(int rule, int first, RankedChunk chunk, Span<bool> keep)
        {
            int end = first + owner.Rankings[rule].Bands.Length;
            bool keepUnscored = owner.Options.Unscored == Pruning.Selection.Unscored.Keep;
            bool isDraw = owner.Rankings[rule].Rule.Band == Band.Random;
            ReadOnlySpan<double> scores = isDraw ? chunk.Columns.Numbers(owner.Rankings[rule].Rule.Metric!) : default;
            ulong[] keys = chunk.Keys[rule];
            for (int row = 0; row < keep.Length; row++)
            {
                int group = chunk.Groups[row];
                if (group < 0) continue;
                ulong key = keys[row];
                if (key == RankedChunk.NoKey)
                {
                    _unscored[row] = true;
                    keep[row] &= keepUnscored;
                    continue;
                }

                bool inside = false;
                for (int band = first; band < end; band++)
                {
                    if (!_bounds[band][group].Contains(key, chunk, row)) continue;
                    inside = true;
                    Count(band, group, isDraw ? RankedChunk.Key(scores[row]) : key);
                }

                keep[row] &= inside;
            }
        }

        private void Count(int band, int group, ulong key)
        {
            _inBand[band][group]++;
            _lowest[band][group] = Math.Min(_lowest[band][group], key);
            _highest[band][group] = Math.Max(_highest[band][group], key);
        }

        /// <summary>A copy has no score, and is not let through with those that might be worth keeping.</summary>
        private void DropDuplicates(RankedChunk chunk, Span<bool> keep)
        {
            if (!owner.Source.TextColumns.Contains("status")) return;
            TextColumn statuses = chunk.Columns.Texts("status");
            for (int row = 0; row < keep.Length; row++)
            {
                if (!keep[row] || !statuses[row].SequenceEqual(Duplicate)) continue;
                (keep[row], _unscored[row]) = (false, true);
            }
        }

        private void CountUnscored(RankedChunk chunk)
        {
            Span<bool> unscored = _unscored.AsSpan(0, chunk.Rows);
            int row = unscored.IndexOf(true);
            if (row < 0) return;
            TextColumn? statuses = owner.Source.TextColumns.Contains("status") ? chunk.Columns.Texts("status") : null;
            for (; row < unscored.Length; row++)
            {
                if (!unscored[row]) continue;
                string status = statuses is { } texts ? Encoding.UTF8.GetString(texts[row]) : "no score";
                Unscored[status] = Unscored.GetValueOrDefault(status) + 1;
            }
        }

        private void CountAmounts(RankedChunk chunk, ReadOnlySpan<bool> keep)
        {
            if (owner._hasTokens) RankedChunk.ReadWeights(chunk.Columns, "tokens", _tokens.AsSpan(0, keep.Length));
            if (owner._hasBytes) RankedChunk.ReadWeights(chunk.Columns, "bytes", _bytes.AsSpan(0, keep.Length));
            AmountSums sums = new();
            Span<int> outcome = _group.AsSpan(0, keep.Length);
            for (int row = 0; row < keep.Length; row++) outcome[row] = chunk.Groups[row] < 0 ? 1 : 0;
            sums.Add(outcome, keep, _tokens, _bytes);
            All += sums.Total(kept: false);
            Kept += sums.Total(kept: true);
            Excluded += sums.Of(1, kept: false);
            for (int d = 0; d < _readers.Length; d++)
            {
                _readers[d].Assign(chunk.Columns, outcome);
                Shares[d].Add(outcome, keep, _tokens, _bytes);
            }
        }
    }

    private Ranking[] Rankings => rankings;

    private SelectionOptions Options => options;

    private IScoreSource Source => source;

    private IEnumerable<T[]> PerBand<T>(Func<int, T> value) =>
        _bands.Select(band => Enumerable.Range(0, band.Ranking.Counts.Length).Select(value).ToArray());

    private IEnumerable<BandBounds[]> BoundsOf() =>
        _bands.Select(band => band.Cuts.Lower.Select((lower, group) => new BandBounds(lower, band.Cuts.Upper[group])).ToArray());
}
