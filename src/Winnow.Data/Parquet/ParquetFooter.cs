namespace Winnow.Data.Parquet;

/// <summary>The footer of a file: schema, row groups, metadata.</summary>
internal sealed record ParquetFooter
{
    private const int Required = 0;
    private const int Optional = 1;
    private const int Repeated = 2;
    private const int Utf8Converted = 0;
    private const int EnumConverted = 4;
    private const int JsonConverted = 19;
    private const int MaxSchemaDepth = 64;

    /// <summary>The schema elements as they are encoded, to be written again unchanged.</summary>
    internal IReadOnlyList<byte[]> Schema { get; init; } = [];

    internal IReadOnlyList<ParquetLeaf> Leaves { get; init; } = [];

    internal IReadOnlyList<ParquetGroup> Groups { get; init; } = [];

    internal IReadOnlyList<KeyValuePair<string, string>> Metadata { get; init; } = [];

    internal long Rows { get; init; }

    internal string CreatedBy { get; init; } = "";

    internal static ParquetFooter Read(ReadOnlySpan<byte> bytes)
    {
        ThriftReader reader = new(bytes);
        List<SchemaElement> schema = [];
        List<byte[]> encoded = [];
        List<ParquetGroup> groups = [];
        List<KeyValuePair<string, string>> metadata = [];
        long rows = -1;
        string createdBy = "";
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            switch (field)
            {
                case 2:
                    for (int left = reader.BeginList(type, out _); left > 0; left--)
                    {
                        int start = reader.Position;
                        schema.Add(ReadElement(ref reader));
                        encoded.Add(bytes[start..reader.Position].ToArray());
                    }
                    break;
                case 3: rows = reader.Int64(type); break;
                case 4:
                    for (int left = reader.BeginList(type, out _); left > 0; left--) groups.Add(ReadGroup(ref reader));
                    break;
                case 5:
                    for (int left = reader.BeginList(type, out _); left > 0; left--) metadata.Add(ReadPair(ref reader));
                    break;
                case 6: createdBy = reader.String(type); break;
                case 8: throw new DamageException("the file is encrypted, which Winnow does not read");
                default: reader.Skip(type); break;
            }
        }
        reader.EndStruct(outer);
        return new ParquetFooter
        {
            Schema = encoded,
            Leaves = LeavesOf(schema),
            Groups = groups,
            Metadata = metadata,
            Rows = rows,
            CreatedBy = createdBy,
        };
    }

    internal byte[] Write()
    {
        ThriftWriter writer = new();
        writer.BeginStruct();
        writer.Int32(1, 2);
        writer.BeginList(2, ThriftType.Struct, Schema.Count);
        foreach (byte[] element in Schema) writer.Raw(element);
        writer.Int64(3, Rows);
        writer.BeginList(4, ThriftType.Struct, Groups.Count);
        for (int i = 0; i < Groups.Count; i++) WriteGroup(writer, Groups[i], i);
        if (Metadata.Count > 0)
        {
            writer.BeginList(5, ThriftType.Struct, Metadata.Count);
            foreach ((string key, string value) in Metadata)
            {
                writer.BeginStruct();
                writer.String(1, key);
                writer.String(2, value);
                writer.EndStruct();
            }
        }
        writer.String(6, CreatedBy);
        writer.BeginList(7, ThriftType.Struct, Leaves.Count);      // every column is ordered as its type says
        for (int i = 0; i < Leaves.Count; i++)
        {
            writer.BeginStruct();
            writer.BeginStruct(1);
            writer.EndStruct();
            writer.EndStruct();
        }
        writer.EndStruct();
        return writer.ToArray();
    }

    /// <summary>The encoded schema of flat columns.</summary>
    internal static List<byte[]> SchemaOf(IReadOnlyList<ParquetColumn> columns)
    {
        ThriftWriter root = new();
        root.BeginStruct();
        root.String(4, "schema");
        root.Int32(5, columns.Count);
        root.EndStruct();
        return [root.ToArray(), .. columns.Select(Element)];
    }

    /// <summary>The same with one more group of columns at the end. What pyarrow notes of the schema (<c>ARROW:schema</c>) would not fit it any more and is left out.</summary>
    internal ParquetFooter With(string group, IReadOnlyList<ParquetColumn> columns)
    {
        ThriftReader reader = new(Schema[0]);
        SchemaElement was = ReadElement(ref reader);
        ThriftWriter root = new(), added = new();
        root.BeginStruct();
        root.String(4, was.Name);
        root.Int32(5, was.Children + 1);
        root.EndStruct();
        added.BeginStruct();
        added.Int32(3, Required);
        added.String(4, group);
        added.Int32(5, columns.Count);
        added.EndStruct();
        return this with
        {
            Schema = [root.ToArray(), .. Schema.Skip(1), added.ToArray(), .. columns.Select(Element)],
            Leaves = [.. Leaves, .. columns.Select(column => new ParquetLeaf(column with { Path = $"{group}.{column.Path}" }, [group, column.Path], column.IsNullable ? 1 : 0, 0))],
            Metadata = [.. Metadata.Where(pair => pair.Key != "ARROW:schema")],
        };
    }

    private static byte[] Element(ParquetColumn column)
    {
        ThriftWriter writer = new();
        writer.BeginStruct();
        writer.Int32(1, (int)column.Type);
        if (column.Type == ParquetType.FixedBytes) writer.Int32(2, column.FixedLength);
        writer.Int32(3, column.IsNullable ? Optional : Required);
        writer.String(4, column.Path);
        if (column.IsString)
        {
            writer.Int32(6, Utf8Converted);
            writer.BeginStruct(10);
            writer.BeginStruct(1);
            writer.EndStruct();
            writer.EndStruct();
        }
        writer.EndStruct();
        return writer.ToArray();
    }

    private static List<ParquetLeaf> LeavesOf(List<SchemaElement> schema)
    {
        if (schema.Count == 0) throw new DamageException("the file has no schema");
        List<ParquetLeaf> leaves = [];
        int next = 1;
        for (int child = 0; child < schema[0].Children; child++) AddLeaves(schema, ref next, [], 0, 0, leaves);
        if (next != schema.Count) throw new DamageException("the schema does not fit together");
        return leaves;
    }

    private static void AddLeaves(List<SchemaElement> schema, ref int next, string[] above, int definition, int repetition, List<ParquetLeaf> leaves)
    {
        if (next >= schema.Count || above.Length > MaxSchemaDepth) throw new DamageException("the schema does not fit together");
        SchemaElement element = schema[next++];
        string[] path = [.. above, element.Name];
        if (element.Repetition != Required) definition++;
        if (element.Repetition == Repeated) repetition++;
        if (element.Children > 0)
        {
            for (int child = 0; child < element.Children; child++) AddLeaves(schema, ref next, path, definition, repetition, leaves);
            return;
        }
        if (element.Type is < 0 or > 7) throw new DamageException($"column `{string.Join('.', path)}` has an unknown type");
        ParquetColumn column = new(string.Join('.', path), (ParquetType)element.Type)
        {
            IsNullable = definition > 0,
            IsRepeated = repetition > 0,
            IsString = element.Type == (int)ParquetType.Bytes && element.IsString,
            FixedLength = element.Length,
        };
        if (column.Type == ParquetType.FixedBytes && element.Length is <= 0 or > 1 << 20)
            throw new DamageException($"column `{column.Path}` has values of {element.Length} bytes");
        leaves.Add(new ParquetLeaf(column, path, definition, repetition));
    }

    private static SchemaElement ReadElement(ref ThriftReader reader)
    {
        SchemaElement element = new("", -1, 0, Required, 0, false);
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            switch (field)
            {
                case 1: element = element with { Type = reader.Int32(type) }; break;
                case 2: element = element with { Length = reader.Int32(type) }; break;
                case 3: element = element with { Repetition = reader.Int32(type) }; break;
                case 4: element = element with { Name = reader.String(type) }; break;
                case 5: element = element with { Children = reader.Int32(type) }; break;
                case 6: element = element with { IsString = element.IsString || reader.Int32(type) is Utf8Converted or EnumConverted or JsonConverted }; break;
                case 10: element = element with { IsString = ReadIsString(ref reader) || element.IsString }; break;
                default: reader.Skip(type); break;
            }
        }
        reader.EndStruct(outer);
        return element;
    }

    /// <summary>A logical type is a union: its one field says which.</summary>
    private static bool ReadIsString(ref ThriftReader reader)
    {
        bool isString = false;
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            isString = field is 1 or 4 or 12;      // STRING, ENUM, JSON
            reader.Skip(type);
        }
        reader.EndStruct(outer);
        return isString;
    }

    private static ParquetGroup ReadGroup(ref ThriftReader reader)
    {
        List<ParquetChunk> chunks = [];
        long rows = -1, bytes = 0;
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            switch (field)
            {
                case 1:
                    for (int left = reader.BeginList(type, out _); left > 0; left--) chunks.Add(ReadChunk(ref reader));
                    break;
                case 2: bytes = reader.Int64(type); break;
                case 3: rows = reader.Int64(type); break;
                default: reader.Skip(type); break;
            }
        }
        reader.EndStruct(outer);
        return new ParquetGroup(chunks, rows, bytes);
    }

    private static ParquetChunk ReadChunk(ref ThriftReader reader)
    {
        ParquetChunk chunk = new();
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            switch (field)
            {
                case 1: throw new DamageException("a column is in another file, which Winnow does not read");
                case 3: chunk = ReadChunkMetadata(ref reader); break;
                case 8: throw new DamageException("a column is encrypted, which Winnow does not read");
                default: reader.Skip(type); break;
            }
        }
        reader.EndStruct(outer);
        return chunk;
    }

    private static ParquetChunk ReadChunkMetadata(ref ThriftReader reader)
    {
        ParquetChunk chunk = new();
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            switch (field)
            {
                case 1: chunk = chunk with { Type = (ParquetType)reader.Int32(type) }; break;
                case 2:
                    List<int> encodings = [];
                    for (int left = reader.BeginList(type, out ThriftType element); left > 0; left--) encodings.Add(reader.Int32(element));
                    chunk = chunk with { Encodings = encodings };
                    break;
                case 4: chunk = chunk with { Codec = (ParquetCodec)reader.Int32(type) }; break;
                case 5: chunk = chunk with { Values = reader.Int64(type) }; break;
                case 6: chunk = chunk with { UncompressedBytes = reader.Int64(type) }; break;
                case 7: chunk = chunk with { CompressedBytes = reader.Int64(type) }; break;
                case 9: chunk = chunk with { DataOffset = reader.Int64(type) }; break;
                case 11: chunk = chunk with { DictionaryOffset = reader.Int64(type) }; break;
                case 12: chunk = chunk with { Statistics = ReadStatistics(ref reader) }; break;
                default: reader.Skip(type); break;
            }
        }
        reader.EndStruct(outer);
        return chunk;
    }

    private static ParquetStatistics ReadStatistics(ref ThriftReader reader)
    {
        ParquetStatistics statistics = new(null, null, null);
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            switch (field)
            {
                case 3: statistics = statistics with { Nulls = reader.Int64(type) }; break;
                case 5: statistics = statistics with { Max = reader.Binary(type).ToArray() }; break;
                case 6: statistics = statistics with { Min = reader.Binary(type).ToArray() }; break;
                default: reader.Skip(type); break;
            }
        }
        reader.EndStruct(outer);
        return statistics;
    }

    private static KeyValuePair<string, string> ReadPair(ref ThriftReader reader)
    {
        string key = "", value = "";
        int outer = reader.BeginStruct();
        while (reader.NextField(out int field, out ThriftType type))
        {
            switch (field)
            {
                case 1: key = reader.String(type); break;
                case 2: value = reader.String(type); break;
                default: reader.Skip(type); break;
            }
        }
        reader.EndStruct(outer);
        return new KeyValuePair<string, string>(key, value);
    }

    private void WriteGroup(ThriftWriter writer, ParquetGroup group, int ordinal)
    {
        writer.BeginStruct();
        writer.BeginList(1, ThriftType.Struct, group.Chunks.Count);
        for (int i = 0; i < group.Chunks.Count; i++)
        {
            writer.BeginStruct();
            writer.Int64(2, group.Chunks[i].Start);
            writer.BeginStruct(3);
            WriteChunkMetadata(writer, group.Chunks[i], Leaves[i].Path);
            writer.EndStruct();
            writer.EndStruct();
        }
        writer.Int64(2, group.Bytes);
        writer.Int64(3, group.Rows);
        writer.Int64(5, group.Chunks[0].Start);
        writer.Int64(6, group.Chunks.Sum(chunk => chunk.CompressedBytes));
        if (ordinal <= short.MaxValue) writer.Int16(7, (short)ordinal);
        writer.EndStruct();
    }

    private static void WriteChunkMetadata(ThriftWriter writer, ParquetChunk chunk, string[] path)
    {
        writer.Int32(1, (int)chunk.Type);
        writer.BeginList(2, ThriftType.Int32, chunk.Encodings.Count);
        foreach (int encoding in chunk.Encodings) writer.Element(encoding);
        writer.BeginList(3, ThriftType.Binary, path.Length);
        foreach (string name in path) writer.Element(name);
        writer.Int32(4, (int)chunk.Codec);
        writer.Int64(5, chunk.Values);
        writer.Int64(6, chunk.UncompressedBytes);
        writer.Int64(7, chunk.CompressedBytes);
        writer.Int64(9, chunk.DataOffset);
        if (chunk.DictionaryOffset is { } dictionary) writer.Int64(11, dictionary);
        if (chunk.Statistics is not { } statistics) return;
        writer.BeginStruct(12);
        if (statistics.Nulls is { } nulls) writer.Int64(3, nulls);
        if (statistics.Max != null) writer.Binary(5, statistics.Max);
        if (statistics.Min != null) writer.Binary(6, statistics.Min);
        writer.EndStruct();
    }

    private sealed record SchemaElement(string Name, int Type, int Length, int Repetition, int Children, bool IsString);
}
