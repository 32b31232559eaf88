namespace Winnow.Data.Parquet;

/// <summary>How a Parquet file is written.</summary>
public sealed record ParquetWriterOptions
{
    /// <summary>Rows after which a row group ends.</summary>
    public int RowGroupRows { get; init; } = 1 << 20;

    /// <summary>Bytes of values after which a row group ends: what the writer holds in memory.</summary>
    public long RowGroupBytes { get; init; } = 64L << 20;

    /// <summary>zstd level; 0 does not compress.</summary>
    public int CompressionLevel { get; init; } = 3;

    /// <summary>Key-value metadata of the file.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

/// <summary>
/// Writes flat columns, row by row into columns in memory, one row group at a time to the stream:
/// <code>
/// using var writer = new ParquetWriter(stream, [ParquetColumn.Int64("row"), ParquetColumn.Double("nll", nullable: true)]);
/// writer[0].Add(7L); writer[1].AddNull(); writer.EndRow();
/// writer.Finish();
/// </code>
/// </summary>
public sealed class ParquetWriter : IDisposable
{
    /// <summary>Starts a file at the stream's position. The stream stays the caller's.</summary>
    public ParquetWriter(Stream stream, IReadOnlyList<ParquetColumn> columns, ParquetWriterOptions? options = null) => throw new NotImplementedException();

    /// <summary>The values of a column in the row group under way.</summary>
    public ParquetColumnBuffer this[int column] => throw new NotImplementedException();

    /// <summary>Rows ended so far, in all row groups.</summary>
    public long Rows => throw new NotImplementedException();

    /// <summary>Ends a row: every column must have got exactly one value or null. Writes the row group when it is full.</summary>
    public void EndRow() => throw new NotImplementedException();

    /// <summary>Writes what is in memory as a row group; nothing when there is nothing.</summary>
    public void EndRowGroup() => throw new NotImplementedException();

    /// <summary>Appends all row groups of a file with the same columns, as they are stored: nothing is decoded.</summary>
    public void Append(ParquetReader file) => throw new NotImplementedException();

    /// <summary>Writes the last row group and the footer. Without it the file is not a Parquet file.</summary>
    public void Finish() => throw new NotImplementedException();

    /// <summary>Frees memory; does not finish.</summary>
    public void Dispose() => throw new NotImplementedException();
}
