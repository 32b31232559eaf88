using Winnow.Data;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Export;

/// <summary>Writes the kept records of a corpus: in order, byte for byte, a file per input file.</summary>
public static class Exporter
{
    /// <summary>Exports what a selection keeps. A directory that holds <c>.winnow-export.json</c> is whole.</summary>
    /// <param name="run">The run that was selected from; its manifest names the inputs.</param>
    /// <param name="selection">The selection's directory.</param>
    /// <param name="options">What, and where to.</param>
    /// <param name="threads">Files worked on at once; where there are fewer, several compress each.</param>
    /// <param name="progress">Told every few hundred records.</param>
    /// <param name="cancel">Stops between records; unfinished files are removed.</param>
    /// <exception cref="CorpusException">The inputs are not those of the run, or the output directory is not empty.</exception>
    public static async Task<ExportReport> ExportAsync(
        string run, string selection, ExportOptions options, int threads,
        IProgress<ExportProgress>? progress = null, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        ArgumentNullException.ThrowIfNull(options);
        ExportPlan plan = ExportPlan.Open(run, options);
        CorpusReader corpus = plan.Corpus;
        long units = plan.Selection(selection).Summary.All.Units;
        string identity = plan.Identity(selection);
        using OutputDirectory output = OutputDirectory.Prepare(options.Output, options.Force, corpus, identity);
        using OutputDirectory? rejected = options.Rejected is null ? null : OutputDirectory.Prepare(options.Rejected, options.Force, corpus, identity);
        ExportMeter meter = new(units, progress);
        ShardFiles[] files = [.. Enumerable.Repeat(ShardFiles.None, corpus.Shards.Count)];
        using ShuffledExport? shuffled = options.Shuffle is null ? null : new ShuffledExport(options, plan.Manifest.Options.Unit, corpus, plan.Tokenizer, output, rejected, ExportPlan.CompressorsOf(threads, 1));
        long? limit = shuffled is null ? options.Limit : null;
        ExportQuota left = new(limit ?? long.MaxValue, rejected is null ? 0 : limit ?? long.MaxValue);
        // How many records a file may still give is known once the files before it are done.
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = limit is null ? threads : 1, CancellationToken = cancel };
        plan.Compressors = ExportPlan.CompressorsOf(threads, Math.Min(parallel.MaxDegreeOfParallelism, corpus.Shards.Count));
        await Parallel.ForEachAsync(Enumerable.Range(0, corpus.Shards.Count), parallel, async (shard, stop) =>
        {
            if (left.IsUsedUp) return;
            ShardExport export = plan.Of(shard, selection, output, rejected, meter, left);
            if (shuffled is null) files[shard] = await export.RunAsync(stop).ConfigureAwait(false);
            else await export.RunAsync(shuffled.KeptOf(shard), shuffled.RejectedOf(shard), stop).ConfigureAwait(false);
            if (limit is not null) left = left.Less(files[shard]);
        }).ConfigureAwait(false);
        ExportReport report = shuffled?.Write(cancel) ?? new([.. files.SelectMany(f => f.Kept)], [.. files.SelectMany(f => f.Rejected)]);
        output.Complete(report.Kept, options.Manifest);
        rejected?.Complete(report.Rejected, options.Manifest);
        return report;
    }
}

/// <summary>Counts records over all shards and tells of them.</summary>
internal sealed class ExportMeter(long total, IProgress<ExportProgress>? progress)
{
    private long _records;
    private long _bytes;

    /// <summary>Adds records that were read.</summary>
    public void Add(long records, long bytes) =>
        progress?.Report(new ExportProgress(Interlocked.Add(ref _records, records), total, Interlocked.Add(ref _bytes, bytes)));
}
