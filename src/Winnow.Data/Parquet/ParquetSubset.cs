namespace Winnow.Data.Parquet;

/// <summary>Some of the rows of a Parquet file, with every column and the metadata unchanged.</summary>
public static class ParquetSubset
{
    /// <summary>Copies the rows to keep, in order, to a new file.</summary>
    /// <param name="file">Where the rows are.</param>
    /// <param name="keep">Asked once for every row, in order; true keeps it.</param>
    /// <param name="stream">Where the new file goes; stays the caller's.</param>
    /// <param name="options">How it is written; the metadata is that of <paramref name="file"/>.</param>
    /// <param name="cancel">Ends the copying.</param>
    /// <returns>Rows kept.</returns>
    public static long Copy(ParquetReader file, Func<long, bool> keep, Stream stream, ParquetWriterOptions options, CancellationToken cancel) =>
        throw new NotImplementedException();
}
