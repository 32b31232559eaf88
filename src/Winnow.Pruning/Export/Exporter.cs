using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Pruning.Scoring;
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
        IReadOnlyList<string> names = OutputNames.For(corpus.Shards, options.Format, manifest.Options.Unit);
        Check(options, manifest, corpus, names);
        if (corpus.HasTokenShards) corpus.Tokenizer = ExportTokenizer.OfShards(options, manifest);
        bool writesTokens = corpus.Shards.Any(shard => OutputNames.FormatOf(shard, options.Format, manifest.Options.Unit) == CorpusFormat.Tokens);
        ExportTokenizer? tokenizer = writesTokens ? ExportTokenizer.Open(options, manifest) : null;
        using OutputDirectory output = OutputDirectory.Prepare(options.Output, options.Force, corpus);
        using OutputDirectory? rejected = options.Rejected is null ? null : OutputDirectory.Prepare(options.Rejected, options.Force, corpus);
        ExportMeter meter = new(chosen.Summary.All.Units, progress);
        ShardFiles[] files = [.. Enumerable.Repeat(ShardFiles.None, corpus.Shards.Count)];
        using ShuffledExport? shuffled = options.Shuffle is null ? null : new ShuffledExport(options, manifest.Options.Unit, corpus, tokenizer, output, rejected);
        long? limit = shuffled is null ? options.Limit : null;
        ExportQuota left = new(limit ?? long.MaxValue, rejected is null ? 0 : limit ?? long.MaxValue);
        // How many records a file may still give is known once the files before it are done.
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = limit is null ? threads : 1, CancellationToken = cancel };
        await Parallel.ForEachAsync(Enumerable.Range(0, corpus.Shards.Count), parallel, async (shard, stop) =>
        {
            if (left.IsUsedUp) return;
            ScoredShard scored = new(run, manifest.Inputs[shard].Shard, chosen.ReadMask(shard), manifest);
            ShardExport export = new(corpus, shard, names[shard], scored, options, tokenizer, output, rejected, meter, left);
            if (shuffled is null) files[shard] = await export.RunAsync(stop).ConfigureAwait(false);
            else await export.RunAsync(shuffled.KeptOf(shard), shuffled.RejectedOf(shard), stop).ConfigureAwait(false);
            if (limit is not null) left = left.Less(files[shard]);
        }).ConfigureAwait(false);
        ExportReport report = shuffled?.Write(cancel) ?? new([.. files.SelectMany(f => f.Kept)], [.. files.SelectMany(f => f.Rejected)]);
        output.Complete(report.Kept, options.Manifest);
        rejected?.Complete(report.Rejected, options.Manifest);
        return report;
    }

    private static void Check(ExportOptions options, RunManifest manifest, CorpusReader corpus, IReadOnlyList<string> names)
    {
        if (options.Limit is { } limit) ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        if (options.ShardBytes is { } bytes) ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        UnitKind unit = manifest.Options.Unit;
        if (options.ShardBytes is not null && corpus.Shards.FirstOrDefault(shard => ShardExport.CopiesRows(shard, options.Format, unit)) is { } table)
            throw new CorpusException(table.Path, "Parquet rows with all their columns are written to one file, which `--shard-bytes` cannot split", "add `--format parquet` or `--format jsonl`, which write id, source and text, or leave `--shard-bytes` out");
        if (options.Manifest && names.Contains(OutputDirectory.SumsName))
            throw new CorpusException(options.Output, $"an input is called `{OutputDirectory.SumsName}`, as is the file of hashes", "leave `--manifest` out; `.winnow-export.json` has the hashes too");
        if (options.Annotate) CheckAnnotation(options, unit, corpus);
        if (options.Shuffle is not null) ShuffledExport.Check(options, unit, corpus);
    }

    private static void CheckAnnotation(ExportOptions options, UnitKind unit, CorpusReader corpus)
    {
        if (unit != UnitKind.Document)
            throw new CorpusException("--annotate", "the run scored sequences, which are no records", "score with `--unit document`");
        if (options.Rejected is not null)
            throw new CorpusException("--annotate", "all records are written to one directory, each with `kept`; there are no rejected ones", "leave `--rejected` out");
        if (options.Format is ExportFormat.Parquet or ExportFormat.Tokens)
            throw new CorpusException("--annotate", "scores can be added to JSONL only", "use `--format jsonl`; for tables, `winnow scores` writes the scores");
        if (corpus.Shards.FirstOrDefault(shard => OutputNames.FormatOf(shard, options.Format, unit) != CorpusFormat.Jsonl) is { } other)
            throw new CorpusException(other.Path, $"scores can be added to JSONL only, and this file is {other.Format}", "add `--format jsonl`");
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
