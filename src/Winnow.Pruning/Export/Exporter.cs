using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Pruning.Selection;

namespace Winnow.Pruning.Export;

/// <summary>Writes the kept records of a corpus: in order, byte for byte, a file per input file.</summary>
public static class Exporter
{
    /// <summary>Exports what a selection keeps. A directory that holds <c>.winnow-export.json</c> is whole.</summary>
    /// <param name="run">The run that was selected from; its manifest names the inputs.</param>
    /// <param name="selection">The selection's directory.</param>
    /// <param name="options">What, and where to.</param>
    /// <param name="threads">Files worked on at once.</param>
    /// <param name="progress">Told every few hundred records.</param>
    /// <param name="cancel">Stops between records; unfinished files are removed.</param>
    /// <exception cref="CorpusException">The inputs are not those of the run, or the output directory is not empty.</exception>
    public static async Task<ExportReport> ExportAsync(
        string run, string selection, ExportOptions options, int threads,
        IProgress<ExportProgress>? progress = null, CancellationToken cancel = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        RunManifest manifest = RunDirectory.ReadManifest(run);
        SelectionDirectory chosen = SelectionDirectory.Open(selection);
        CorpusReader corpus = OpenCorpus(manifest, run);
        CheckShards(chosen, manifest, selection);
        ExportTokenizer? tokenizer = options.Format == ExportFormat.Tokens ? ExportTokenizer.Open(options, manifest) : null;
        OutputDirectory output = OutputDirectory.Prepare(options.Output, options.Force, corpus);
        OutputDirectory? rejected = options.Rejected is null ? null : OutputDirectory.Prepare(options.Rejected, options.Force, corpus);
        ExportMeter meter = new(chosen.Summary.All.Units, progress);
        (ExportedFile? Kept, ExportedFile? Rejected)[] files = new (ExportedFile?, ExportedFile?)[corpus.Shards.Count];
        IReadOnlyList<string> names = OutputNames.For(corpus.Shards, options.Format, manifest.Options.Unit);
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = threads, CancellationToken = cancel };
        await Parallel.ForEachAsync(Enumerable.Range(0, corpus.Shards.Count), parallel, async (shard, stop) =>
        {
            ScoredShard scored = new(ScoreTable.PartPath(run, manifest.Inputs[shard].Shard), chosen.ReadMask(shard), manifest);
            ShardExport export = new(corpus, shard, names[shard], scored, options.Format, tokenizer, output, rejected, meter);
            files[shard] = await export.RunAsync(stop).ConfigureAwait(false);
        }).ConfigureAwait(false);
        ExportReport report = new([.. files.Select(f => f.Kept).OfType<ExportedFile>()], [.. files.Select(f => f.Rejected).OfType<ExportedFile>()]);
        output.Complete(report.Kept);
        rejected?.Complete(report.Rejected);
        return report;
    }

    private static CorpusReader OpenCorpus(RunManifest manifest, string run)
    {
        if (manifest.Inputs.Any(input => input.Path == "-"))
            throw new CorpusException(run, "the corpus came from standard input, which cannot be read again", "score a file to be able to export");
        CorpusOptions options = manifest.Corpus.Deserialize<CorpusOptions>(RunManifest.Json) ?? new CorpusOptions();
        CorpusReader corpus = CorpusReader.Reopen([.. manifest.Inputs.Select(input => (input.Path, input.Name))], options with { KeepRecords = true });
        for (int i = 0; i < manifest.Inputs.Count; i++)
        {
            if (corpus.Shards[i].Bytes != manifest.Inputs[i].Bytes)
                throw new CorpusException(manifest.Inputs[i].Path, "the file has changed since it was scored", "score it again");
        }

        return corpus;
    }

    private static void CheckShards(SelectionDirectory selection, RunManifest manifest, string path)
    {
        if (selection.Summary.Shards.Select(shard => shard.Name).SequenceEqual(manifest.Inputs.Select(input => input.Name))) return;
        throw new CorpusException(path, "the selection was made from another run", "select from this run again");
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
