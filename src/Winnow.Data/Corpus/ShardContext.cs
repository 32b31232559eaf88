using Winnow.Data.Compression;
using Winnow.Data.Tokenizers;

namespace Winnow.Data.Corpus;

/// <summary>What the reader of one shard knows of its corpus.</summary>
/// <param name="Shard">The file.</param>
/// <param name="Options">How it is read.</param>
/// <param name="Open">Opens its bytes as stored.</param>
/// <param name="Refuse">Takes note of a bad record, or throws when there are too many.</param>
/// <param name="Choose">Takes note of the property or column that is the text.</param>
internal sealed record ShardContext(
    CorpusShard Shard, CorpusOptions Options, Func<Stream> Open, Action<BadRecord, string?> Refuse, Action<string> Choose)
{
    /// <summary>What token shards were written with, where it is known.</summary>
    internal Tokenizer? Tokenizer { get; init; }

    /// <summary>Where the text may be: what was named, or what is usual, first the most usual.</summary>
    internal IReadOnlyList<string> TextFields { get; } = Options.TextField is { } field ? [field] : ["text", "content", "raw_content", "document"];

    /// <summary>The error for a file in which several of the usual fields could be the text.</summary>
    /// <param name="place">The file, with line where known.</param>
    /// <param name="kind"><c>property</c> or <c>column</c>.</param>
    /// <param name="fields">Those.</param>
    internal static CorpusException Ambiguous(string place, string kind, IReadOnlyList<string> fields) => new(
        place, $"more than one {kind} could be the text: {string.Join(", ", fields.Select(field => $"`{field}`"))}", $"say which with `--text-field`, for example `--text-field {fields[0]}`");

    /// <summary>The source of documents that name none.</summary>
    internal string DefaultSource { get; } = SourceName.Of(Shard.Name);

    /// <summary>The content, decompressed.</summary>
    internal Stream OpenContent() => CompressedStream.Read(Open(), Shard.Compression, Shard.Path);

    /// <summary>Notes a record that cannot be used.</summary>
    /// <param name="line">Line or row, from 1.</param>
    /// <param name="why">What is wrong there.</param>
    /// <param name="hint">What to do about it.</param>
    internal void Bad(long line, string why, string? hint = null) => Refuse(new BadRecord(Shard.Index, Shard.Path, line, why), hint);

    /// <summary>The id of a document that names none.</summary>
    internal string DefaultId(long row) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Shard.Name}:{row}");
}
