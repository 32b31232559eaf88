namespace Winnow.Data.Parquet;

/// <summary>How values are stored.</summary>
public enum ParquetType
{
    /// <summary>True or false.</summary>
    Boolean = 0,

    /// <summary>32-bit signed.</summary>
    Int32 = 1,

    /// <summary>64-bit signed.</summary>
    Int64 = 2,

    /// <summary>An old 12-byte time stamp.</summary>
    Int96 = 3,

    /// <summary>32-bit floating point.</summary>
    Float = 4,

    /// <summary>64-bit floating point.</summary>
    Double = 5,

    /// <summary>Bytes of any length; strings are these.</summary>
    Bytes = 6,

    /// <summary>Bytes of one length.</summary>
    FixedBytes = 7,
}

/// <summary>A column: a leaf of the schema.</summary>
/// <param name="Path">Dotted path from the root: <c>meta.url</c>. A flat column's name.</param>
/// <param name="Type">How its values are stored.</param>
public sealed record ParquetColumn(string Path, ParquetType Type)
{
    /// <summary>True when a value may be absent.</summary>
    public bool IsNullable { get; init; }

    /// <summary>True when the bytes are said to be UTF-8 text.</summary>
    public bool IsString { get; init; }

    /// <summary>True when the column stands below a list or map, so that a row may have any number of values.</summary>
    public bool IsRepeated { get; init; }

    /// <summary>Length of a <see cref="ParquetType.FixedBytes"/> value.</summary>
    public int FixedLength { get; init; }

    /// <summary>A text column.</summary>
    public static ParquetColumn String(string name, bool nullable = false) =>
        new(name, ParquetType.Bytes) { IsString = true, IsNullable = nullable };

    /// <summary>A column of whole numbers.</summary>
    public static ParquetColumn Int32(string name, bool nullable = false) => new(name, ParquetType.Int32) { IsNullable = nullable };

    /// <summary>A column of large whole numbers.</summary>
    public static ParquetColumn Int64(string name, bool nullable = false) => new(name, ParquetType.Int64) { IsNullable = nullable };

    /// <summary>A column of real numbers.</summary>
    public static ParquetColumn Double(string name, bool nullable = false) => new(name, ParquetType.Double) { IsNullable = nullable };

    /// <summary>A column of truth values.</summary>
    public static ParquetColumn Boolean(string name, bool nullable = false) => new(name, ParquetType.Boolean) { IsNullable = nullable };
}
