namespace Winnow.Data.Parquet;

/// <summary>Reads and writes page headers.</summary>
internal static class PageHeaders
{
    /// <param name="bytes">Starts with the header.</param>
    /// <param name="length">Bytes of the header.</param>
    internal static ParquetPage Read(ReadOnlySpan<byte> bytes, out int length)
    {
        ThriftReader reader = new(bytes);
        ParquetPage page = new();
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            switch (field)
            {
                case 1: page = page with { Type = (PageType)reader.Int32(type) }; break;
                case 2: page = page with { UncompressedBytes = reader.Int32(type) }; break;
                case 3: page = page with { CompressedBytes = reader.Int32(type) }; break;
                case 4: page = page with { Crc = (uint)reader.Int32(type) }; break;
                case 5 or 7: page = ReadData(ref reader, page); break;
                case 8: page = ReadDataV2(ref reader, page); break;
                default: reader.Skip(type); break;
            }
        }
        reader.EndStruct(outer);
        length = reader.Position;
        return page;
    }

    /// <summary>The header of a data page (version 1) or dictionary page.</summary>
    internal static byte[] Write(ParquetPage page)
    {
        ThriftWriter writer = new();
        writer.BeginStruct();
        writer.Int32(1, (int)page.Type);
        writer.Int32(2, page.UncompressedBytes);
        writer.Int32(3, page.CompressedBytes);
        if (page.Crc is { } crc) writer.Int32(4, (int)crc);
        writer.BeginStruct(page.Type == PageType.Dictionary ? 7 : 5);
        writer.Int32(1, page.Values);
        writer.Int32(2, (int)page.Encoding);
        if (page.Type == PageType.Data)
        {
            writer.Int32(3, (int)ParquetEncoding.Rle);
            writer.Int32(4, (int)ParquetEncoding.Rle);
        }
        writer.EndStruct();
        writer.EndStruct();
        return writer.ToArray();
    }

    private static ParquetPage ReadData(ref ThriftReader reader, ParquetPage page)
    {
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            switch (field)
            {
                case 1: page = page with { Values = reader.Int32(type) }; break;
                case 2: page = page with { Encoding = (ParquetEncoding)reader.Int32(type) }; break;
                case 3 when type == ThriftType.Int32: page = page with { DefinitionEncoding = (ParquetEncoding)reader.Int32(type) }; break;
                case 4 when type == ThriftType.Int32: page = page with { RepetitionEncoding = (ParquetEncoding)reader.Int32(type) }; break;
                default: reader.Skip(type); break;
            }
        }
        reader.EndStruct(outer);
        return page;
    }

    private static ParquetPage ReadDataV2(ref ThriftReader reader, ParquetPage page)
    {
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            switch (field)
            {
                case 1: page = page with { Values = reader.Int32(type) }; break;
                case 4: page = page with { Encoding = (ParquetEncoding)reader.Int32(type) }; break;
                case 5: page = page with { DefinitionBytes = reader.Int32(type) }; break;
                case 6: page = page with { RepetitionBytes = reader.Int32(type) }; break;
                case 7: page = page with { IsCompressed = ThriftReader.Boolean(type) }; break;
                default: reader.Skip(type); break;
            }
        }
        reader.EndStruct(outer);
        return page;
    }
}
