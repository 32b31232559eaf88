namespace Winnow.Data.Parquet;

/// <summary>The values of one column of the row group that is being written.</summary>
public sealed class ParquetColumnBuffer
{
    internal ParquetColumnBuffer(ParquetColumn column) => Column = column;

    /// <summary>Name and type.</summary>
    public ParquetColumn Column { get; }

    /// <summary>Adds a value to an <see cref="ParquetType.Int32"/> column.</summary>
    public void Add(int value) => throw new NotImplementedException();

    /// <summary>Adds a value to an <see cref="ParquetType.Int64"/> column.</summary>
    public void Add(long value) => throw new NotImplementedException();

    /// <summary>Adds a value to a <see cref="ParquetType.Double"/> column; not a number stays that.</summary>
    public void Add(double value) => throw new NotImplementedException();

    /// <summary>Adds a value to a <see cref="ParquetType.Boolean"/> column.</summary>
    public void Add(bool value) => throw new NotImplementedException();

    /// <summary>Adds a value to a <see cref="ParquetType.Bytes"/> column.</summary>
    public void Add(ReadOnlySpan<byte> value) => throw new NotImplementedException();

    /// <summary>Adds a value to a text column.</summary>
    public void Add(string value) => throw new NotImplementedException();

    /// <summary>Adds an absent value to a nullable column.</summary>
    public void AddNull() => throw new NotImplementedException();
}
