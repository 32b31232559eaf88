namespace Winnow.Data.Parquet;

/// <summary>Walks over the values of one column of one row group; decodes page after page. One thread at a time.</summary>
public sealed class ParquetCursor : IDisposable
{
    /// <summary>Name and type.</summary>
    public ParquetColumn Column => throw new NotImplementedException();

    /// <summary>Moves to the next value; false at the end.</summary>
    public bool MoveNext() => throw new NotImplementedException();

    /// <summary>Passes over values without decoding whole pages of them.</summary>
    public void Skip(long count) => throw new NotImplementedException();

    /// <summary>True when the value is absent.</summary>
    public bool IsNull => throw new NotImplementedException();

    /// <summary>The value of an <see cref="ParquetType.Int32"/> column.</summary>
    public int Int32 => throw new NotImplementedException();

    /// <summary>The value of an <see cref="ParquetType.Int64"/> or Int32 column.</summary>
    public long Int64 => throw new NotImplementedException();

    /// <summary>The value of a <see cref="ParquetType.Double"/> or Float column.</summary>
    public double Double => throw new NotImplementedException();

    /// <summary>The value of a <see cref="ParquetType.Boolean"/> column.</summary>
    public bool Boolean => throw new NotImplementedException();

    /// <summary>The value of a bytes column; valid until the next move.</summary>
    public ReadOnlySpan<byte> Bytes => throw new NotImplementedException();

    /// <summary>Frees the page.</summary>
    public void Dispose() => throw new NotImplementedException();
}
