namespace Winnow.Pruning.Export;

/// <summary>What an export writes.</summary>
public enum ExportFormat
{
    /// <summary>The format and compression of each input file; JSONL records byte for byte, Parquet rows with all columns.</summary>
    Same,

    /// <summary>JSONL, zstd-compressed: the record as it was where the input is JSONL, else <c>id</c>, <c>source</c> and <c>text</c>.</summary>
    Jsonl,

    /// <summary>Parquet with the columns <c>id</c>, <c>source</c> and <c>text</c>.</summary>
    Parquet,

    /// <summary>Token shards as llm.c reads them: kept documents, each followed by the end-of-text token, or exactly the kept sequences.</summary>
    Tokens,
}

/// <summary>What is exported, and where to.</summary>
public sealed record ExportOptions
{
    /// <summary>Gets the kept records, a file per input file under the input's name.</summary>
    public required string Output { get; init; }

    /// <summary>Gets the other records in the same way; null writes them nowhere.</summary>
    public string? Rejected { get; init; }

    /// <summary>What is written.</summary>
    public ExportFormat Format { get; init; } = ExportFormat.Same;

    /// <summary>For <see cref="ExportFormat.Tokens"/>, the tokenizer's directory or file; null takes the first model's.</summary>
    public string? Tokenizer { get; init; }

    /// <summary>At most this many kept records, the first of the corpus (of the random order with <see cref="Shuffle"/>), and as many of the others; null writes all.</summary>
    public long? Limit { get; init; }

    /// <summary>
    /// Once a file holds this many bytes of records (before compression), the next one begins: <c>NAME-00000</c>, <c>NAME-00001</c>, …;
    /// null writes a file per input file.
    /// </summary>
    public long? ShardBytes { get; init; }

    /// <summary>Write the records of all files together, in an order that follows from this seed; null writes a file per input file, in order.</summary>
    public long? Shuffle { get; init; }

    /// <summary>Write all records, kept or not, with their scores: JSONL in the property <c>winnow</c>, Parquet in columns below that name.</summary>
    public bool Annotate { get; init; }

    /// <summary>Write <c>SHA256SUMS</c> beside the files, as <c>sha256sum -c</c> reads it.</summary>
    public bool Manifest { get; init; }

    /// <summary>Write into directories that are not empty; files of the same names are replaced.</summary>
    public bool Force { get; init; }
}

/// <summary>How far an export is.</summary>
/// <param name="Records">Records read.</param>
/// <param name="TotalRecords">Records of the run's units.</param>
/// <param name="Bytes">Bytes of record text read.</param>
public readonly record struct ExportProgress(long Records, long TotalRecords, long Bytes);

/// <summary>One exported file.</summary>
/// <param name="Name">Path below the output directory.</param>
/// <param name="Records">Records in it.</param>
/// <param name="Bytes">Its size on disk.</param>
/// <param name="Sha256">Of its bytes as they lie on disk.</param>
public sealed record ExportedFile(string Name, long Records, long Bytes, string Sha256);

/// <summary>What an export wrote.</summary>
/// <param name="Kept">Files under <see cref="ExportOptions.Output"/>.</param>
/// <param name="Rejected">Files under <see cref="ExportOptions.Rejected"/>.</param>
public sealed record ExportReport(IReadOnlyList<ExportedFile> Kept, IReadOnlyList<ExportedFile> Rejected)
{
    /// <summary>Records kept.</summary>
    public long KeptRecords => Kept.Sum(file => file.Records);

    /// <summary>Records rejected and written.</summary>
    public long RejectedRecords => Rejected.Sum(file => file.Records);
}
