namespace Winnow.Pruning.Selection;

/// <summary>The ranking of one rule: in each stratum how many units have a score, what they weigh, and the cuts of its bands.</summary>
internal sealed class Ranking(KeepRule rule)
{
    /// <summary>The rule.</summary>
    public KeepRule Rule => rule;

    /// <summary>[strata]: units with a score.</summary>
    public long[] Counts { get; private set; } = [];

    /// <summary>[strata]: their weight.</summary>
    public long[] Weights { get; private set; } = [];

    /// <summary>The bands that are kept.</summary>
    public BandCuts[] Bands { get; } = [.. rule.Bands().Select(band => new BandCuts(band))];

    /// <summary>Cuts that are not certain yet.</summary>
    public IEnumerable<(int Ranking, CutSearch Cut)> OpenCuts(int index) =>
        Bands.SelectMany(band => band.Lower.Concat(band.Upper)).Where(cut => !cut.Done).Select(cut => (index, cut));

    /// <summary>Takes the first histogram.</summary>
    public void Begin(Histogram histogram)
    {
        int groups = histogram.Groups;
        (Counts, Weights) = (new long[groups], new long[groups]);
        for (int group = 0; group < groups; group++)
        {
            foreach (long count in histogram.Counts(group)) Counts[group] += count;
            foreach (long weight in histogram.Weights(group)) Weights[group] += weight;
        }

        foreach (BandCuts band in Bands) band.Begin(histogram, Counts, Weights);
    }
}

/// <summary>One band of a ranking: its two cuts in each stratum.</summary>
internal sealed class BandCuts(KeepRule band)
{
    /// <summary>The band, as a rule of its own.</summary>
    public KeepRule Band => band;

    /// <summary>[strata]: the cut under the band; none before the ranking begins.</summary>
    public CutSearch[] Lower { get; private set; } = [];

    /// <summary>[strata]: the cut over the band.</summary>
    public CutSearch[] Upper { get; private set; } = [];

    /// <summary>Takes the first histogram of the ranking.</summary>
    public void Begin(Histogram histogram, long[] counts, long[] weights)
    {
        int groups = histogram.Groups;
        (Lower, Upper) = (new CutSearch[groups], new CutSearch[groups]);
        for (int group = 0; group < groups; group++)
        {
            (long from, long to) = band.Interval(weights[group]);
            Lower[group] = Begin(from, group, histogram, counts[group], weights[group]);
            Upper[group] = Begin(to, group, histogram, counts[group], weights[group]);
        }
    }

    private static CutSearch Begin(long coordinate, int group, Histogram histogram, long count, long weight)
    {
        CutSearch cut = new(coordinate, count, weight);
        if (!cut.Done) cut.Narrow(histogram.Counts(group), histogram.Weights(group));
        return cut;
    }
}

/// <summary>Units and their weight by a few bits of a word, for several groups.</summary>
internal sealed class Histogram(int groups, int bits, bool weighted)
{
    private readonly long[] _counts = new long[(long)groups << bits];
    private readonly long[]? _weights = weighted ? new long[(long)groups << bits] : null;

    /// <summary>Number of groups.</summary>
    public int Groups => groups;

    /// <summary>[2^bits]: units of a group.</summary>
    public ReadOnlySpan<long> Counts(int group) => _counts.AsSpan(group << bits, 1 << bits);

    /// <summary>[2^bits]: weights of a group; the counts where every unit weighs 1.</summary>
    public ReadOnlySpan<long> Weights(int group) => (_weights ?? _counts).AsSpan(group << bits, 1 << bits);

    /// <summary>Counts a chunk's units by the leading bits of one rule's keys.</summary>
    public void AddLeading(RankedChunk chunk, int rule)
    {
        ReadOnlySpan<ulong> keys = chunk.Keys[rule].AsSpan(0, chunk.Rows);
        ReadOnlySpan<int> groupOf = chunk.Groups.AsSpan(0, chunk.Rows);
        for (int row = 0; row < keys.Length; row++)
        {
            if (groupOf[row] < 0 || keys[row] == RankedChunk.NoKey) continue;
            int slot = (groupOf[row] << bits) | (int)(keys[row] >> (64 - bits));
            _counts[slot]++;
            if (_weights is not null) _weights[slot] += chunk.Weights[row];
        }
    }

    /// <summary>Counts one unit.</summary>
    public void Add(int group, int digit, long weight)
    {
        _counts[(group << bits) | digit]++;
        if (_weights is not null) _weights[(group << bits) | digit] += weight;
    }

    /// <summary>Adds another histogram of the same shape.</summary>
    public void Add(Histogram other)
    {
        for (int i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        if (_weights is null) return;
        for (int i = 0; i < _weights.Length; i++) _weights[i] += other._weights![i];
    }

    /// <summary>Writes the slots that are not empty: the step from the slot before, units, weight.</summary>
    public void Write(BinaryWriter to)
    {
        to.Write7BitEncodedInt(_counts.Length - _counts.AsSpan().Count(0L));
        int last = 0;
        for (int i = 0; i < _counts.Length; i++)
        {
            if (_counts[i] == 0) continue;
            to.Write7BitEncodedInt(i - last);
            to.Write7BitEncodedInt64(_counts[i]);
            if (_weights is not null) to.Write7BitEncodedInt64(_weights[i]);
            last = i;
        }
    }

    /// <summary>Adds a histogram of the same shape that was written.</summary>
    public void AddFrom(BinaryReader from)
    {
        int i = 0;
        for (int slots = from.Read7BitEncodedInt(); slots > 0; slots--)
        {
            i += from.Read7BitEncodedInt();
            _counts[i] += from.Read7BitEncodedInt64();
            if (_weights is not null) _weights[i] += from.Read7BitEncodedInt64();
        }
    }
}

/// <summary>What the first pass finds: the units of every rule's ranking by the leading bits of their keys.</summary>
internal sealed class LeadingBits(int rules, int groups, int bits, bool weighted) : IFindings<LeadingBits>
{
    /// <summary>[rules].</summary>
    public Histogram[] OfRule { get; } = [.. Enumerable.Range(0, rules).Select(_ => new Histogram(groups, bits, weighted))];

    /// <summary>Counts a chunk's units.</summary>
    public void Add(RankedChunk chunk)
    {
        for (int rule = 0; rule < OfRule.Length; rule++) OfRule[rule].AddLeading(chunk, rule);
    }

    /// <inheritdoc/>
    public void Add(LeadingBits other)
    {
        for (int rule = 0; rule < OfRule.Length; rule++) OfRule[rule].Add(other.OfRule[rule]);
    }

    /// <inheritdoc/>
    public void Write(BinaryWriter to)
    {
        foreach (Histogram histogram in OfRule) histogram.Write(to);
    }

    /// <inheritdoc/>
    public void AddFrom(BinaryReader from)
    {
        foreach (Histogram histogram in OfRule) histogram.AddFrom(from);
    }
}

/// <summary>What one narrowing pass does for each open cut.</summary>
internal sealed class NarrowingPlan
{
    private readonly List<Part> _parts;
    private readonly bool _weighted;
    private readonly Candidates[][][] _byGroup;

    /// <summary>A plan for cuts of the given rankings.</summary>
    public NarrowingPlan(List<Part> parts, Ranking[] rankings, bool weighted)
    {
        (_parts, _weighted) = (parts, weighted);
        Dictionary<CutSearch, int> index = parts.Select((part, i) => (part.Cut, i)).ToDictionary(item => item.Cut, item => item.i);
        _byGroup = [.. rankings.Select(ranking => Enumerable.Range(0, ranking.Counts.Length).Select(group =>
            ranking.Bands.SelectMany(band => new[] { band.Lower[group], band.Upper[group] }).Where(index.ContainsKey).Select(cut => new Candidates(index[cut], cut)).ToArray()).ToArray())];
    }

    /// <summary>An open cut among others, and the keys of the units that it asks about: First … First + Span.</summary>
    private readonly struct Candidates(int part, CutSearch cut)
    {
        private readonly ulong _first = cut.KeyRange.First;
        private readonly ulong _span = cut.KeyRange.Last - cut.KeyRange.First;

        public readonly int Part = part;
        public readonly CutSearch Cut = cut;

        public bool MayHold(ulong key) => key - _first <= _span;
    }

    /// <summary>An open cut, and the bits its histogram resolves; 0 to collect its units instead.</summary>
    public sealed record Part(int Ranking, CutSearch Cut, int Bits);

    /// <summary>Empty findings.</summary>
    public Found Begin() => new(this);

    /// <summary>Moves every cut on by what was found among all units.</summary>
    public void Apply(Found found)
    {
        for (int i = 0; i < _parts.Count; i++)
        {
            Part part = _parts[i];
            if (part.Bits == 0)
            {
                ulong[] words = [.. found.Words[i]];
                long[] weights = [.. found.Weights[i]];
                if (_weighted) Array.Sort(words, weights);
                else Array.Sort(words);
                part.Cut.Narrow(words, weights);
                continue;
            }

            Histogram total = found.Histograms[i]!;
            part.Cut.Narrow(total.Counts(0), total.Weights(0));
        }
    }

    /// <summary>What is found for each part.</summary>
    public sealed class Found : IFindings<Found>
    {
        private readonly NarrowingPlan _plan;

        /// <summary>Empty findings.</summary>
        public Found(NarrowingPlan plan)
        {
            _plan = plan;
            Histograms = [.. plan._parts.Select(part => part.Bits == 0 ? null : new Histogram(1, part.Bits, plan._weighted))];
            Words = [.. plan._parts.Select(_ => new List<ulong>())];
            Weights = [.. plan._parts.Select(_ => new List<long>())];
        }

        /// <summary>[parts]: null where units are collected.</summary>
        public Histogram?[] Histograms { get; }

        /// <summary>[parts]: the collected words.</summary>
        public List<ulong>[] Words { get; }

        /// <summary>[parts]: their weights, when they are not all 1.</summary>
        public List<long>[] Weights { get; }

        /// <summary>Looks at every unit of a chunk.</summary>
        public void Add(RankedChunk chunk)
        {
            for (int rule = 0; rule < _plan._byGroup.Length; rule++)
            {
                Candidates[][] byGroup = _plan._byGroup[rule];
                ReadOnlySpan<ulong> keys = chunk.Keys[rule].AsSpan(0, chunk.Rows);
                ReadOnlySpan<int> groups = chunk.Groups.AsSpan(0, chunk.Rows);
                for (int row = 0; row < keys.Length; row++)
                {
                    if (groups[row] < 0 || keys[row] == RankedChunk.NoKey) continue;
                    foreach (ref readonly Candidates candidates in byGroup[groups[row]].AsSpan())
                        if (candidates.MayHold(keys[row])) Add(candidates.Part, candidates.Cut, keys[row], chunk, row);
                }
            }
        }

        /// <inheritdoc/>
        public void Add(Found other)
        {
            for (int part = 0; part < Words.Length; part++)
            {
                Histograms[part]?.Add(other.Histograms[part]!);
                Words[part].AddRange(other.Words[part]);
                Weights[part].AddRange(other.Weights[part]);
            }
        }

        /// <inheritdoc/>
        public void Write(BinaryWriter to)
        {
            for (int part = 0; part < Words.Length; part++)
            {
                Histograms[part]?.Write(to);
                to.Write7BitEncodedInt(Words[part].Count);
                foreach (ulong word in Words[part]) to.Write(word);
                foreach (long weight in Weights[part]) to.Write7BitEncodedInt64(weight);
            }
        }

        /// <inheritdoc/>
        public void AddFrom(BinaryReader from)
        {
            for (int part = 0; part < Words.Length; part++)
            {
                Histograms[part]?.AddFrom(from);
                int words = from.Read7BitEncodedInt();
                for (int i = 0; i < words; i++) Words[part].Add(from.ReadUInt64());
                for (int i = 0; i < words && _plan._weighted; i++) Weights[part].Add(from.Read7BitEncodedInt64());
            }
        }

        private void Add(int part, CutSearch cut, ulong key, RankedChunk chunk, int row)
        {
            UnitOrder unit = new(key, chunk, row);
            if (!cut.Matches(ref unit, out ulong word)) return;
            long weight = _plan._weighted ? chunk.Weights[row] : 1;
            if (Histograms[part] is { } histogram)
            {
                int bits = _plan._parts[part].Bits;
                histogram.Add(0, (int)((word >> (cut.Unresolved - bits)) & ((1UL << bits) - 1)), weight);
                return;
            }

            Words[part].Add(word);
            if (_plan._weighted) Weights[part].Add(weight);
        }
    }
}
