using System.Text.RegularExpressions;

namespace Winnow.Data.Corpus;

/// <summary>The source of documents that name none: the name of their file without extensions and shard number.</summary>
internal static partial class SourceName
{
    private static readonly string[] s_extensions =
        [".gz", ".gzip", ".zst", ".zstd", ".jsonl", ".ndjson", ".json", ".txt", ".text", ".parquet", ".csv", ".tsv", ".xml", ".warc", ".wet", ".bin", ".md"];

    /// <summary><c>imdb</c> for <c>web/imdb-00003-of-00012.jsonl.zst</c>.</summary>
    internal static string Of(string name)
    {
        string stem = name[(name.LastIndexOf('/') + 1)..];
        while (s_extensions.FirstOrDefault(e => stem.EndsWith(e, StringComparison.OrdinalIgnoreCase) && stem.Length > e.Length) is { } extension)
            stem = stem[..^extension.Length];
        string bare = ShardNumber().Replace(stem, "");
        return bare.Length == 0 ? stem : bare;
    }

    [GeneratedRegex(@"[-_.]\d+-of-\d+$|[-_.]\d{3,}$")]
    private static partial Regex ShardNumber();
}
