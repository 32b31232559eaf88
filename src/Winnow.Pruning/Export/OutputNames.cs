using System.Globalization;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Pruning.Scoring;

namespace Winnow.Pruning.Export;

/// <summary>What the files of an export are called, and what they hold.</summary>
internal static class OutputNames
{
    /// <summary>The format that a shard's records are written in.</summary>
    public static CorpusFormat FormatOf(CorpusShard shard, ExportFormat format, UnitKind unit) => format switch
    {
        ExportFormat.Jsonl => CorpusFormat.Jsonl,
        ExportFormat.Tokens => CorpusFormat.Tokens,
        ExportFormat.Parquet => CorpusFormat.Parquet,
        ExportFormat.Same when unit == UnitKind.Document && shard.Format is CorpusFormat.Text or CorpusFormat.Csv or CorpusFormat.Tsv or CorpusFormat.Warc => shard.Format,
        ExportFormat.Same when shard.Format is CorpusFormat.Parquet or CorpusFormat.Tokens => shard.Format,
        ExportFormat.Same => CorpusFormat.Jsonl,
        _ => throw new ArgumentOutOfRangeException(nameof(format), format, "unknown format"),
    };

    /// <summary>How they are compressed: as the input, or zstd where a format was asked for by name.</summary>
    public static CompressionKind CompressionOf(CorpusShard shard, ExportFormat format) =>
        format == ExportFormat.Jsonl ? CompressionKind.Zstd : shard.Format == CorpusFormat.Tokens ? CompressionKind.None : shard.Compression;

    /// <summary>A name per shard: the input's where the format stays, else with the new format's ending; never the same twice.</summary>
    public static IReadOnlyList<string> For(IReadOnlyList<CorpusShard> shards, ExportFormat format, UnitKind unit)
    {
        HashSet<string> taken = [];
        List<string> names = [];
        foreach (CorpusShard shard in shards)
        {
            string name = Name(shard, format, unit);
            for (int copy = 2; !taken.Add(name); copy++) name = $"{copy}-{Path.GetFileName(Name(shard, format, unit))}";
            names.Add(name);
        }

        return names;
    }

    /// <summary>How records of all shards are compressed in one file: as the inputs where those agree, else zstd.</summary>
    public static CompressionKind CompressionTogether(IReadOnlyList<CorpusShard> shards, ExportFormat format)
    {
        CompressionKind first = CompressionOf(shards[0], format);
        return shards.All(shard => CompressionOf(shard, format) == first) ? first : CompressionKind.Zstd;
    }

    /// <summary>The name of a file with records of all shards: of the one input, or <c>shuffled</c>.</summary>
    public static string Together(IReadOnlyList<CorpusShard> shards, ExportFormat format, UnitKind unit)
    {
        string first = Name(shards[0], format, unit);
        if (shards.Count == 1) return first;
        string name = "shuffled" + Path.GetExtension(Bare(first));
        return format is ExportFormat.Parquet or ExportFormat.Tokens ? name : name + CompressedStream.Extension(CompressionTogether(shards, format));
    }

    /// <summary>The name of one of the files that a file is split into.</summary>
    public static string Part(string name, int part)
    {
        string bare = Bare(name);
        int stem = bare.Length - Path.GetExtension(bare).Length;
        return string.Create(CultureInfo.InvariantCulture, $"{name[..stem]}-{part:D5}{name[stem..]}");
    }

    private static string Name(CorpusShard shard, ExportFormat format, UnitKind unit)
    {
        CorpusFormat written = FormatOf(shard, format, unit);
        if (written == shard.Format && CompressionOf(shard, format) == shard.Compression) return shard.Name;
        string name = Path.ChangeExtension(Bare(shard.Name), written switch
        {
            CorpusFormat.Jsonl => ".jsonl",
            CorpusFormat.Parquet => ".parquet",
            CorpusFormat.Text => ".txt",
            CorpusFormat.Tokens => ".bin",
            _ => throw new ArgumentOutOfRangeException(nameof(format), written, "not a format that is written"),
        });
        return written is CorpusFormat.Parquet or CorpusFormat.Tokens ? name : name + CompressedStream.Extension(CompressionOf(shard, format));
    }

    private static string Bare(string name) => CompressedStream.FromName(name) == CompressionKind.None ? name : Path.ChangeExtension(name, null);
}
