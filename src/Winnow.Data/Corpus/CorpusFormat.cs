namespace Winnow.Data.Corpus;

/// <summary>What a file of a corpus is, once decompressed.</summary>
public enum CorpusFormat
{
    /// <summary>One JSON object a line.</summary>
    Jsonl,

    /// <summary>Plain UTF-8 text: a document per file, or per blank-line paragraph.</summary>
    Text,

    /// <summary>A documentation file of a .NET assembly: a document per member.</summary>
    XmlDocumentation,

    /// <summary>Parquet: a document per row.</summary>
    Parquet,

    /// <summary>Web archive: a document per HTML response or extracted-text record (WET).</summary>
    Warc,

    /// <summary>Comma-separated values with a header line.</summary>
    Csv,

    /// <summary>Tab-separated values with a header line.</summary>
    Tsv,

    /// <summary>Token ids, as <see cref="TokenLayout"/> says: a document between two end-of-text tokens.</summary>
    Tokens,
}
