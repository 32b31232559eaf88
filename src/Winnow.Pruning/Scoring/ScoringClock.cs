using System.Diagnostics;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Scoring;

/// <summary>Guesses how much text a corpus holds before it is read.</summary>
internal static class CorpusSize
{
    /// <summary>Bytes of text in these files: their size, times a usual ratio where they are compressed.</summary>
    public static double TextBytes(IEnumerable<CorpusShard> shards) => shards.Sum(shard => Math.Max(0, shard.Bytes) * Ratio(shard));

    private static double Ratio(CorpusShard shard) => shard.Compression switch
    {
        CompressionKind.None => shard.Format is CorpusFormat.Parquet or CorpusFormat.Tokens ? 2 : 1,
        _ => 3,
    };
}

/// <summary>Tells how far a scoring is, a few times a second.</summary>
internal sealed class ScoringClock(
    ScoringPipeline pipeline, IReadOnlyList<ShardWork> work, IReadOnlyList<CorpusShard> shards, long earlier, IProgress<ScoringProgress>? progress)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);
    private readonly long began = Stopwatch.GetTimestamp();
    private readonly double estimated = CorpusSize.TextBytes(shards.Where(shard => !work[shard.Index].IsComplete));
    private readonly double before = CorpusSize.TextBytes(shards.Where(shard => work[shard.Index].IsComplete));
    private long told = Stopwatch.GetTimestamp();
    private long units = earlier;
    private double bytes;

    /// <summary>Counts a row, and tells when it is time.</summary>
    public void Tick(ScoreRow row)
    {
        units++;
        bytes += row.Bytes;
        if (Stopwatch.GetElapsedTime(told) < Interval) return;
        told = Stopwatch.GetTimestamp();
        Tell("score");
    }

    /// <summary>Tells that a part is written.</summary>
    public void Finish(int shard) => Tell(shard == shards.Count - 1 ? "write" : "score");

    private void Tell(string phase)
    {
        if (progress is null) return;
        TimeSpan spent = Stopwatch.GetElapsedTime(began);
        double all = pipeline.ReadToEnd ? pipeline.TextBytes : Math.Max(estimated, pipeline.TextBytes);
        double share = all > 0 ? Math.Min(1, bytes / all) : 1;
        TimeSpan? remaining = share >= 0.01 ? spent * ((1 - share) / share) : null;
        double overall = before + all > 0 ? ((before + (share * all)) / (before + all)) : 1;
        progress.Report(new ScoringProgress(phase, units, pipeline.Meter.Tokens, pipeline.Meter.Tokens / Math.Max(spent.TotalSeconds, 1e-3), overall, remaining));
    }
}
