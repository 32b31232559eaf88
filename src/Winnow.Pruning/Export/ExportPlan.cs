using System.Security.Cryptography;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;

namespace Winnow.Pruning.Export;

/// <summary>What all files of an export share: the corpus that was scored, the names of the outputs, the tokenizer; checked.</summary>
internal sealed class ExportPlan
{
    private readonly string run;
    private readonly ExportOptions options;
    private readonly IReadOnlyList<string> names;
    private SelectionDirectory? selection;

    private ExportPlan(string run, ExportOptions options, RunManifest manifest, CorpusReader corpus)
    {
        (this.run, this.options, Manifest, Corpus) = (run, options, manifest, corpus);
        names = OutputNames.For(corpus.Shards, options.Format, manifest.Options.Unit);
        Check();
        if (corpus.HasTokenShards) corpus.Tokenizer = ExportTokenizer.OfShards(options, manifest);
        bool writesTokens = corpus.Shards.Any(shard => OutputNames.FormatOf(shard, options.Format, manifest.Options.Unit) == CorpusFormat.Tokens);
        Tokenizer = writesTokens ? ExportTokenizer.Open(options, manifest) : null;
    }

    public RunManifest Manifest { get; }

    public CorpusReader Corpus { get; }

    public ExportTokenizer? Tokenizer { get; }

    /// <summary>How many compress one file.</summary>
    public int Compressors { get; set; } = 1;

    /// <summary>A file's share of the threads, where so many files are worked on at once; what is read of one keeps no more than a few busy.</summary>
    public static int CompressorsOf(int threads, int files) => Math.Clamp(threads / files, 1, 4);

    /// <summary>Opens the corpus of a run, and checks that it can be exported like this.</summary>
    public static ExportPlan Open(string run, ExportOptions options)
    {
        RunManifest manifest = RunDirectory.ReadManifest(run);
        return new ExportPlan(run, options, manifest, OpenCorpus(manifest, run));
    }

    /// <summary>The selection, checked to be one of this run.</summary>
    public SelectionDirectory Selection(string path)
    {
        if (selection is not null) return selection;
        SelectionDirectory chosen = SelectionDirectory.Open(path);
        if (!chosen.Summary.Shards.Select(shard => shard.Name).SequenceEqual(Manifest.Inputs.Select(input => input.Name)))
            throw new CorpusException(path, "the selection was made from another run", "select from this run again");
        return selection = chosen;
    }

    /// <summary>Two exports with the same identity write the same bytes.</summary>
    public string Identity(string path) => Convert.ToHexStringLower(SHA256.HashData(
        [.. JsonSerializer.SerializeToUtf8Bytes(Selection(path).Summary, RunManifest.Json), .. JsonSerializer.SerializeToUtf8Bytes(options with { Force = false }, RunManifest.Json)]));

    /// <summary>The export of one file.</summary>
    public ShardExport Of(int shard, string path, OutputDirectory output, OutputDirectory? rejected, ExportMeter meter, ExportQuota quota) => new(
        Corpus, shard, names[shard], new ScoredShard(run, Manifest.Inputs[shard].Shard, Selection(path).ReadMask(shard), Manifest),
        options, Tokenizer, output, rejected, meter, quota, Compressors);

    private void Check()
    {
        if (options.Limit is { } limit) ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit);
        if (options.ShardBytes is { } bytes) ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        UnitKind unit = Manifest.Options.Unit;
        if (options.ShardBytes is not null && Corpus.Shards.FirstOrDefault(shard => ShardExport.CopiesRows(shard, options.Format, unit)) is { } table)
            throw new CorpusException(table.Path, "Parquet rows with all their columns are written to one file, which `--shard-bytes` cannot split", "add `--format parquet` or `--format jsonl`, which write id, source and text, or leave `--shard-bytes` out");
        if (options.Manifest && names.Contains(OutputDirectory.SumsName))
            throw new CorpusException(options.Output, $"an input is called `{OutputDirectory.SumsName}`, as is the file of hashes", "leave `--manifest` out; `.winnow-export.json` has the hashes too");
        if (options.Annotate) CheckAnnotation(options, unit, Corpus);
        if (options.Shuffle is not null) ShuffledExport.Check(options, unit, Corpus);
    }

    private static void CheckAnnotation(ExportOptions options, UnitKind unit, CorpusReader corpus)
    {
        if (unit != UnitKind.Document)
            throw new CorpusException("--annotate", "the run scored sequences, which are no records", "score with `--unit document`");
        if (options.Rejected is not null)
            throw new CorpusException("--annotate", "all records are written to one directory, each with `kept`; there are no rejected ones", "leave `--rejected` out");
        if (options.Format is ExportFormat.Parquet or ExportFormat.Tokens)
            throw new CorpusException("--annotate", "scores are added to JSONL, and to Parquet that stays as it is", "leave `--format` out, or use `--format jsonl`");
        if (corpus.Shards.FirstOrDefault(shard => !ShardExport.CopiesRows(shard, options.Format, unit) && OutputNames.FormatOf(shard, options.Format, unit) != CorpusFormat.Jsonl) is { } other)
            throw new CorpusException(other.Path, $"scores are added to JSONL and Parquet, and this file is {other.Format}", "add `--format jsonl`");
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
}
