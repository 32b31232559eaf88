namespace Winnow.Data.Corpus;

/// <summary>How the files of a corpus become documents.</summary>
public sealed record CorpusOptions
{
    /// <summary>Dotted path of the text property or column; null takes the one of `text`, `content`, `raw_content`, `document` that is there.</summary>
    public string? TextField { get; init; }

    /// <summary>Dotted path of the id property or column; null takes `id` where there is one.</summary>
    public string? IdField { get; init; }

    /// <summary>Dotted path of the source property or column; null takes `source` where there is one.</summary>
    public string? SourceField { get; init; }

    /// <summary>Dotted paths of further properties or columns that documents carry along as text; null for none.</summary>
    public IReadOnlyList<string>? Fields { get; init; }

    /// <summary>Of a directory with a Hugging Face data set, the split that is read; <c>all</c> reads every one, null <c>train</c> or the only one.</summary>
    public string? Split { get; init; }

    /// <summary>In plain text, a document per blank-line paragraph instead of one per file.</summary>
    public bool Paragraphs { get; init; }

    /// <summary>What the files are; null decides file by file from content and name.</summary>
    public CorpusFormat? Format { get; init; }

    /// <summary>Bad records that are skipped (and listed) before reading stops; 0 stops at the first.</summary>
    public long MaxBadRecords { get; init; }

    /// <summary>Damaged files whose good records before the damage are used; 0 stops at the first damaged file.</summary>
    public int MaxBadShards { get; init; }

    /// <summary>Documents read in all before the corpus ends; null reads all. Applies to reading all shards in order.</summary>
    public long? Limit { get; init; }

    /// <summary>False leaves <see cref="Document.Record"/> empty where that saves work: scoring needs the text only.</summary>
    public bool KeepRecords { get; init; } = true;
}
