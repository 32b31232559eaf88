namespace Winnow.Data.Parquet;

/// <summary>A row group: rows that are stored together.</summary>
/// <param name="Index">Its place in the file.</param>
/// <param name="FirstRow">Index of its first row in the file.</param>
/// <param name="Rows">How many.</param>
/// <param name="Bytes">Uncompressed size of all its columns.</param>
public sealed record ParquetRowGroup(int Index, long FirstRow, long Rows, long Bytes);

/// <summary>A Parquet file: its columns, row groups and metadata, and the values of one column of one row group at a time.</summary>
public sealed class ParquetReader : IDisposable
{
    /// <summary>All leaf columns, in file order.</summary>
    public IReadOnlyList<ParquetColumn> Columns => throw new NotImplementedException();

    /// <summary>The row groups, in file order.</summary>
    public IReadOnlyList<ParquetRowGroup> RowGroups => throw new NotImplementedException();

    /// <summary>Rows in all.</summary>
    public long Rows => throw new NotImplementedException();

    /// <summary>Key-value metadata of the file.</summary>
    public IReadOnlyDictionary<string, string> Metadata => throw new NotImplementedException();

    /// <summary>Reads the footer.</summary>
    /// <exception cref="CorpusException">The file is not Parquet, truncated, corrupt, encrypted, or lies about itself.</exception>
    public static ParquetReader Open(string path) => throw new NotImplementedException();

    /// <summary>Reads the footer of a seekable stream, which is disposed with the reader.</summary>
    public static ParquetReader Open(Stream stream, string name) => throw new NotImplementedException();

    /// <summary>Index of a column, or −1.</summary>
    public int Find(string path) => throw new NotImplementedException();

    /// <summary>The values of a column of a row group, one after the other, with one page in memory.</summary>
    public ParquetCursor OpenColumn(int rowGroup, int column) => throw new NotImplementedException();

    /// <summary>The values of a column without nulls.</summary>
    public int[] ReadInt32(int rowGroup, int column) => throw new NotImplementedException();

    /// <summary>The values of a column without nulls.</summary>
    public long[] ReadInt64(int rowGroup, int column) => throw new NotImplementedException();

    /// <summary>The values of a column; null is not a number.</summary>
    public double[] ReadDouble(int rowGroup, int column) => throw new NotImplementedException();

    /// <summary>The values of a text column; equal neighbours share one string.</summary>
    public string?[] ReadString(int rowGroup, int column) => throw new NotImplementedException();

    /// <summary>Closes the file.</summary>
    public void Dispose() => throw new NotImplementedException();
}
