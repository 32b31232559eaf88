using System.Runtime.CompilerServices;

namespace Winnow.Data.Corpus;

/// <summary>The documents of a set of files, in file order. Shards may be read at the same time.</summary>
public sealed class CorpusReader
{
    private readonly List<BadRecord> _badRecords = [];
    private readonly List<BadRecord> _badShards = [];
    private readonly List<string> _ignored = [];

    private CorpusReader(IReadOnlyList<CorpusShard> shards, CorpusOptions options)
    {
        Shards = shards;
        Options = options;
    }

    /// <summary>The files, in the order they are read: inputs in the order given, files below a directory by ordinal name.</summary>
    public IReadOnlyList<CorpusShard> Shards { get; }

    /// <summary>How they are read.</summary>
    public CorpusOptions Options { get; }

    /// <summary>Records skipped so far, by shard and line; each is listed once, however often its file is read.</summary>
    public IReadOnlyList<BadRecord> BadRecords => _badRecords;

    /// <summary>Files that ended in damage so far.</summary>
    public IReadOnlyList<BadRecord> BadShards => _badShards;

    /// <summary>Files below input directories that were left out because neither name nor content is known.</summary>
    public IReadOnlyList<string> Ignored => _ignored;

    /// <summary>Finds the files and what they are; reads nothing but their first bytes.</summary>
    /// <param name="inputs">Files, directories, globs (`*`, `?`, `**`), or `-` for standard input.</param>
    /// <param name="options">How they are read.</param>
    /// <exception cref="CorpusException">An input is missing, matches nothing, or is of no known kind.</exception>
    public static CorpusReader Open(IReadOnlyList<string> inputs, CorpusOptions options) => throw new NotImplementedException();

    /// <summary>The documents of one shard.</summary>
    public IAsyncEnumerable<Document> ReadAsync(int shard, CancellationToken cancel) => ReadAsync(shard, 0, cancel);

    /// <summary>The documents of one shard from a row on.</summary>
    /// <param name="shard">Index of the file.</param>
    /// <param name="fromRow">First row wanted; what is before is passed over as cheaply as the format allows.</param>
    /// <param name="cancel">Ends the reading.</param>
    public IAsyncEnumerable<Document> ReadAsync(int shard, long fromRow, CancellationToken cancel) => throw new NotImplementedException();

    /// <summary>The documents of all shards, one shard after the other, up to <see cref="CorpusOptions.Limit"/>.</summary>
    /// <exception cref="CorpusException">There was no document at all.</exception>
    public async IAsyncEnumerable<Document> ReadAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        for (int shard = 0; shard < Shards.Count; shard++)
            await foreach (Document document in ReadAsync(shard, cancel).ConfigureAwait(false))
                yield return document;
    }
}
