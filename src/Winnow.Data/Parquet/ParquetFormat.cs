namespace Winnow.Data.Parquet;

/// <summary>How the values of a page are written.</summary>
internal enum ParquetEncoding
{
    Plain = 0,
    PlainDictionary = 2,
    Rle = 3,
    BitPacked = 4,
    DeltaBinaryPacked = 5,
    DeltaLengthByteArray = 6,
    DeltaByteArray = 7,
    RleDictionary = 8,
    ByteStreamSplit = 9,
}

/// <summary>How pages are compressed.</summary>
internal enum ParquetCodec
{
    None = 0,
    Snappy = 1,
    Gzip = 2,
    Lzo = 3,
    Brotli = 4,
    Lz4Hadoop = 5,
    Zstd = 6,
    Lz4Raw = 7,
}

internal enum PageType
{
    Data = 0,
    Index = 1,
    Dictionary = 2,
    DataV2 = 3,
}

/// <summary>A leaf column with what it takes to read it.</summary>
/// <param name="Column">Name and type.</param>
/// <param name="Path">Names from the root.</param>
/// <param name="MaxDefinition">Definition level of a value that is there.</param>
/// <param name="MaxRepetition">Lists and maps above it.</param>
internal sealed record ParquetLeaf(ParquetColumn Column, string[] Path, int MaxDefinition, int MaxRepetition)
{
    /// <summary>Bytes of a value; 0 where values differ in length. A truth value takes a byte in memory.</summary>
    internal int Width => Column.Type switch
    {
        ParquetType.Boolean => 1,
        ParquetType.Int32 or ParquetType.Float => 4,
        ParquetType.Int64 or ParquetType.Double => 8,
        ParquetType.Int96 => 12,
        ParquetType.Bytes => 0,
        ParquetType.FixedBytes => Column.FixedLength,
        _ => throw new DamageException("unknown column type"),
    };
}

/// <summary>Smallest and largest value and the number of nulls of a column chunk; bytes as in PLAIN.</summary>
internal sealed record ParquetStatistics(byte[]? Min, byte[]? Max, long? Nulls);

/// <summary>A column of a row group: where its pages are.</summary>
internal sealed record ParquetChunk
{
    internal ParquetType Type { get; init; }
    internal ParquetCodec Codec { get; init; }
    internal IReadOnlyList<int> Encodings { get; init; } = [];
    internal long Values { get; init; }
    internal long UncompressedBytes { get; init; }
    internal long CompressedBytes { get; init; }
    internal long DataOffset { get; init; }
    internal long? DictionaryOffset { get; init; }
    internal ParquetStatistics? Statistics { get; init; }

    /// <summary>Where its first page starts.</summary>
    internal long Start => DictionaryOffset is > 0 and { } offset && offset < DataOffset ? offset : DataOffset;
}

/// <summary>A row group with its columns.</summary>
internal sealed record ParquetGroup(IReadOnlyList<ParquetChunk> Chunks, long Rows, long Bytes);

/// <summary>A page header.</summary>
internal sealed record ParquetPage
{
    internal PageType Type { get; init; }
    internal int UncompressedBytes { get; init; }
    internal int CompressedBytes { get; init; }
    internal uint? Crc { get; init; }
    internal int Values { get; init; }
    internal ParquetEncoding Encoding { get; init; }
    internal ParquetEncoding DefinitionEncoding { get; init; } = ParquetEncoding.Rle;
    internal ParquetEncoding RepetitionEncoding { get; init; } = ParquetEncoding.Rle;
    internal int DefinitionBytes { get; init; }
    internal int RepetitionBytes { get; init; }
    internal bool IsCompressed { get; init; } = true;
}
