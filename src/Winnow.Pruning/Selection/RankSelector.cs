using Winnow.Data;

namespace Winnow.Pruning.Selection;

/// <summary>How far a selection has come.</summary>
/// <param name="Pass">Which reading of the scores, in words.</param>
/// <param name="Rows">Rows read in this pass.</param>
/// <param name="TotalRows">Rows of the score table.</param>
public readonly record struct SelectionProgress(string Pass, long Rows, long TotalRows);

/// <summary>
/// Exact selection by rank in a few streaming passes: histograms of the scores' leading bits narrow every cut until the few
/// units around it can be looked at one by one. Memory does not grow with the number of units (but for one bit per unit of
/// the shards in work), and the result is the same for any number of threads and any chunks.
/// </summary>
public sealed class RankSelector
{
    private const int HistogramBytes = 32 << 20;
    internal const int MostCandidates = 4 << 20;

    private readonly long _mostCandidates;

    private readonly IScoreSource _source;
    private readonly SelectionOptions _options;
    private readonly Strata _strata;
    private readonly IScan _scan;
    private readonly Ranking[] _rankings;

    private RankSelector(IScoreSource source, SelectionOptions options, long mostCandidates, Func<Func<RankedChunk>, IScan> scan)
    {
        _mostCandidates = mostCandidates;
        _source = source;
        _options = options.Validated();
        CheckColumns();
        Condition? where = options.Where is null ? null : Condition.Parse(options.Where);
        _strata = new Strata(source, _options.Within);
        _scan = scan(() => new RankedChunk(source, _options, _strata, where));
        _rankings = [.. _options.Keep.Select(rule => new Ranking(rule))];
    }

    /// <summary>Ranks, cuts, and hands out the mask of every shard as soon as it is known.</summary>
    /// <param name="source">The score table.</param>
    /// <param name="options">The rules.</param>
    /// <param name="threads">Readers at work.</param>
    /// <param name="write">Takes a shard's index and its mask; called from several threads, once per shard.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="cancel">Stops between chunks.</param>
    public static SelectionSummary Select(
        IScoreSource source, SelectionOptions options, int threads, Action<int, KeepMask> write,
        IProgress<SelectionProgress>? progress = null, CancellationToken cancel = default) =>
        Select(source, options, threads, write, MostCandidates, progress, cancel);

    /// <summary>The same, with a bound on how many units around the cuts are held in memory at once.</summary>
    internal static SelectionSummary Select(
        IScoreSource source, SelectionOptions options, int threads, Action<int, KeepMask> write, long mostCandidates,
        IProgress<SelectionProgress>? progress = null, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        IEnumerable<int> shards = Enumerable.Range(0, source.Shards.Count);
        return Select(source, options, write, mostCandidates, open => new ChunkScan(source, shards, threads, open, progress, cancel));
    }

    /// <summary>The same, with passes over the table of any kind; <paramref name="write"/> is called where a shard's chunks are visited.</summary>
    internal static SelectionSummary Select(
        IScoreSource source, SelectionOptions options, Action<int, KeepMask> write, long mostCandidates, Func<Func<RankedChunk>, IScan> scan)
    {
        RankSelector selector = new(source, options, mostCandidates, scan);
        selector.FindCuts();
        return new MaskWriter(source, selector._options, selector._strata, selector._rankings, selector._scan, write).Run();
    }

    private void CheckColumns()
    {
        foreach (KeepRule rule in _options.Keep) CheckColumn(rule.Metric!, isText: false);
        foreach (string column in _options.Within)
            if (column != "length" && !_source.TextColumns.Contains(column)) CheckColumn(column, isText: false);
        if (_options.Where is not null)
            foreach ((string column, bool isText) in Condition.Parse(_options.Where).Columns) CheckColumn(column, isText);
        if (_options.By == Weighting.Tokens || _options.Within.Contains("length")) CheckColumn("tokens", isText: false);
        if (_options.By == Weighting.Bytes) CheckColumn("bytes", isText: false);
        if (_options.Keep.Any(rule => rule.Band == Band.Random)) CheckColumn("id", isText: true);
    }

    private void CheckColumn(string column, bool isText)
    {
        IReadOnlyList<string> columns = isText ? _source.TextColumns : _source.NumberColumns;
        if (columns.Contains(column)) return;
        string kind = isText ? "text" : "number";
        throw new CorpusException(
            "score table", $"no {kind} column `{column}`", $"its {kind} columns are {string.Join(", ", columns.Select(c => $"`{c}`"))}");
    }

    private void FindCuts()
    {
        if (_rankings.Length == 0) return;
        if (_options.Within.Count > 0) CountStrata();
        FirstDigits();
        while (_rankings.SelectMany((ranking, i) => ranking.OpenCuts(i)).ToList() is { Count: > 0 } open) Narrow(open);
    }

    /// <summary>One pass that only meets the strata, so that the next can give each its histogram.</summary>
    private void CountStrata()
    {
        _scan.Run("strata", () => new StrataMet(_strata), static (_, _) => { });
        if (_strata.TooMany) throw _strata.Refusal();
        _strata.Sort();
    }

    private static int DigitBits(long histograms)
    {
        int bits = 16;
        while (bits > 6 && (histograms << bits) * sizeof(long) > HistogramBytes) bits--;
        return bits;
    }

    /// <summary>Counts every ranking's units by the leading bits of their keys, which also says how many there are.</summary>
    private void FirstDigits()
    {
        int groups = _strata.Count;
        bool weighted = _options.By != Weighting.Units;
        int bits = DigitBits((long)groups * _rankings.Length * (weighted ? 2 : 1));
        LeadingBits total = _scan.Run("ranking", () => new LeadingBits(_rankings.Length, groups, bits, weighted), static (found, chunk) => found.Add(chunk));
        for (int rule = 0; rule < _rankings.Length; rule++) _rankings[rule].Begin(total.OfRule[rule]);
    }

    /// <summary>One pass over the units that share the known bits of an open cut: few of them are collected, many counted by their next bits.</summary>
    private void Narrow(List<(int Ranking, CutSearch Cut)> open)
    {
        bool weighted = _options.By != Weighting.Units;
        int bits = DigitBits(open.Count * (weighted ? 2L : 1));
        List<NarrowingPlan.Part> parts = [];
        long room = _mostCandidates;
        foreach ((int ranking, CutSearch cut) in open.OrderBy(item => item.Cut.Count))
        {
            bool collect = cut.Count <= room;
            if (collect) room -= cut.Count;
            parts.Add(new NarrowingPlan.Part(ranking, cut, collect ? 0 : cut.Digit(bits)));
        }

        NarrowingPlan plan = new(parts, _rankings, weighted);
        plan.Apply(_scan.Run("narrowing", plan.Begin, static (found, chunk) => found.Add(chunk)));
    }
}

/// <summary>The strata of a ranking are met while chunks are read; here they go from process to process.</summary>
internal sealed class StrataMet(Strata strata) : IFindings<StrataMet>
{
    public void Add(StrataMet other)
    {
        // The threads of a process share the strata.
    }

    public void Write(BinaryWriter to) => strata.Write(to, [.. Enumerable.Range(0, strata.Count)]);

    public void AddFrom(BinaryReader from) => strata.Read(from);
}
