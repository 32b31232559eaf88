using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Parquet;
using Xunit;

namespace Winnow.Tests.Data;

public class ParquetTests
{
    public static TheoryData<string> Files => [.. Directory.GetFiles(Fixtures.Root("parquet"), "*.parquet").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    public static TheoryData<string> BadFiles => [.. Directory.GetFiles(Path.Combine(Fixtures.Root("parquet"), "bad")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Files_of_other_programs_are_read(string file)
    {
        string path = Path.Combine(Fixtures.Root("parquet"), file);
        string[] expected = File.ReadAllLines(Path.ChangeExtension(path, ".jsonl"));
        using ParquetReader reader = ParquetReader.Open(path);
        Assert.Equal(expected.Length, reader.Rows);
        Compare(reader, expected);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_copy_of_all_rows_is_the_same_and_of_some_rows_has_those(string file)
    {
        string path = Path.Combine(Fixtures.Root("parquet"), file);
        using ParquetReader reader = ParquetReader.Open(path);
        string[] expected = File.ReadAllLines(Path.ChangeExtension(path, ".jsonl"));
        foreach (Func<long, bool> keep in (Func<long, bool>[])[_ => true, row => row % 3 == 1, _ => false])
        {
            MemoryStream copy = new();
            long kept = ParquetSubset.Copy(reader, keep, copy, new ParquetWriterOptions { RowGroupRows = 70 }, null, CancellationToken.None);
            using ParquetReader again = ParquetReader.Open(copy, "copy");
            Assert.Equal(kept, again.Rows);
            Compare(again, [.. expected.Where((_, row) => keep(row))]);
            Assert.Equal(reader.Metadata, again.Metadata);
            Assert.Equal(Entries(reader, keep), Entries(again, _ => true));
        }
    }

    [Theory]
    [MemberData(nameof(BadFiles))]
    public void Damaged_files_are_refused(string file)
    {
        string path = Path.Combine(Fixtures.Root("parquet"), "bad", file);
        CorpusException e = Assert.Throws<CorpusException>(() => ReadAll(path));
        Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
        Assert.NotNull(e.Hint);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            Random random = new(seed);
            Table table = Table.Make(random);
            MemoryStream stream = new();
            table.Write(stream, new ParquetWriterOptions
            {
                RowGroupRows = 1 + random.Next(500),
                CompressionLevel = seed % 2 * 3,
                Metadata = new Dictionary<string, string> { ["seed"] = "seed " + seed },
            });
            using ParquetReader reader = ParquetReader.Open(stream, "table");
            Assert.Equal("seed " + seed, reader.Metadata["seed"]);
            Assert.Equal(table.Rows, Table.Read(reader));
        }
    }

    [Fact]
    public void Whole_columns_are_read_as_they_were_written()
    {
        MemoryStream stream = new();
        using (ParquetWriter writer = new(stream, [ParquetColumn.Int32("a"), ParquetColumn.Int64("b"), ParquetColumn.Double("c", nullable: true), ParquetColumn.String("d")]))
        {
            for (int i = 0; i < 300_000; i++)
            {
                writer[0].Add(i / 1000);
                writer[1].Add((long)i * i);
                if (i % 5 == 0) writer[2].AddNull();
                else writer[2].Add(i / 3.0);
                writer[3].Add(i % 3 == 0 ? "ok" : "empty");
                writer.EndRow();
            }
            writer.Finish();
        }
        using ParquetReader reader = ParquetReader.Open(stream, "columns");
        Assert.Equal(Enumerable.Range(0, 300_000).Select(i => i / 1000), All(reader.ReadInt32, reader));
        Assert.Equal(Enumerable.Range(0, 300_000).Select(i => (long)i * i), All((group, _) => reader.ReadInt64(group, 1), reader));
        Assert.Equal(Enumerable.Range(0, 300_000).Select(i => i % 5 == 0 ? double.NaN : i / 3.0), All((group, _) => reader.ReadDouble(group, 2), reader));
        Assert.Equal(Enumerable.Range(0, 300_000).Select(i => i % 3 == 0 ? "ok" : "empty"), All((group, _) => reader.ReadString(group, 3), reader));

        static IEnumerable<T> All<T>(Func<int, int, T[]> read, ParquetReader reader) => reader.RowGroups.SelectMany(group => read(group.Index, 0));
    }

    [Fact]
    public void Skipping_values_leads_to_the_right_one()
    {
        using ParquetReader reader = ParquetReader.Open(Path.Combine(Fixtures.Root("parquet"), "plain_snappy_manypages.parquet"));
        List<string?> all = [];
        using (ParquetCursor cursor = reader.OpenColumn(0, 0))
            while (cursor.MoveNext())
                all.Add(cursor.IsNull ? null : Encoding.UTF8.GetString(cursor.Bytes));
        for (int skip = 0; skip <= all.Count; skip++)
        {
            using ParquetCursor cursor = reader.OpenColumn(0, 0);
            cursor.Skip(skip / 2);
            cursor.Skip(skip - skip / 2);
            Assert.Equal(skip < all.Count, cursor.MoveNext());
            if (skip < all.Count) Assert.Equal(all[skip], cursor.IsNull ? null : Encoding.UTF8.GetString(cursor.Bytes));
        }
    }

    [Fact]
    public void Files_are_appended_as_they_are_stored()
    {
        Table first = Table.Make(new Random(1)), second = Table.Make(new Random(1));
        MemoryStream one = new(), two = new(), both = new();
        first.Write(one, new ParquetWriterOptions());
        second.Write(two, new ParquetWriterOptions { RowGroupRows = 10 });
        using ParquetWriter writer = new(both, first.Columns);
        foreach (MemoryStream part in (MemoryStream[])[one, two])
        {
            using ParquetReader reader = ParquetReader.Open(part, "part");
            writer.Append(reader);
        }
        writer.Finish();
        using ParquetReader all = ParquetReader.Open(both, "both");
        Assert.Equal([.. first.Rows, .. second.Rows], Table.Read(all));
    }

    [Fact]
    public void A_row_that_lacks_a_value_is_refused()
    {
        using ParquetWriter writer = new(new MemoryStream(), [ParquetColumn.Int32("a"), ParquetColumn.Double("b")]);
        writer[0].Add(1);
        Assert.Contains("`b`", Assert.Throws<InvalidOperationException>(writer.EndRow).Message, StringComparison.Ordinal);
        Assert.Contains("`b` is Double, not Int32", Assert.Throws<InvalidOperationException>(() => writer[1].Add(1)).Message, StringComparison.Ordinal);
        Assert.Contains("not nullable", Assert.Throws<InvalidOperationException>(writer[1].AddNull).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("snappy")]
    [InlineData("zstd")]
    [InlineData("")]
    public void Changed_bytes_give_the_same_rows_or_an_error_and_never_a_crash(string kind)
    {
        Random random = new(17);
        string[] files = [.. Files.Select(row => row.Data).Where(file => kind.Length == 0 || file.Contains(kind, StringComparison.Ordinal))];
        int refused = 0;
        for (int round = 0; round < 2_000; round++)
        {
            byte[] bytes = File.ReadAllBytes(Path.Combine(Fixtures.Root("parquet"), files[round % files.Length]));
            for (int changes = 1 + random.Next(3); changes > 0; changes--)
            {
                int at = random.Next(2) == 0 ? random.Next(bytes.Length) : bytes.Length - 1 - random.Next(Math.Min(bytes.Length, 600));
                bytes[at] = (byte)(random.Next(2) == 0 ? random.Next(256) : bytes[at] ^ (1 << random.Next(8)));
            }
            try
            {
                using ParquetReader reader = ParquetReader.Open(new MemoryStream(bytes), "mutated");
                foreach (object? _ in Entries(reader, _ => true))
                {
                }
            }
            catch (CorpusException)
            {
                refused++;
            }
        }
        Assert.True(refused > 200, $"{refused} refused");
    }

    private static void Compare(ParquetReader reader, string[] expected)
    {
        if (expected.Length == 0) return;
        using JsonDocument first = JsonDocument.Parse(expected[0]);
        foreach (string name in first.RootElement.EnumerateObject().Select(property => property.Name))
        {
            int column = reader.Find(name);
            Assert.True(column >= 0, name);
            int row = 0;
            foreach (ParquetRowGroup group in reader.RowGroups)
            {
                using ParquetCursor cursor = reader.OpenColumn(group.Index, column);
                while (cursor.MoveNext())
                {
                    using JsonDocument line = JsonDocument.Parse(expected[row++]);
                    Compare(line.RootElement.GetProperty(name), cursor);
                }
            }
            Assert.Equal(expected.Length, row);
        }
    }

    private static void Compare(JsonElement expected, ParquetCursor cursor)
    {
        Assert.Equal(expected.ValueKind == JsonValueKind.Null, cursor.IsNull);
        if (cursor.IsNull) return;
        switch (cursor.Column.Type)
        {
            case ParquetType.Bytes: Assert.Equal(expected.GetString(), Encoding.UTF8.GetString(cursor.Bytes)); break;
            case ParquetType.Int32 or ParquetType.Int64: Assert.Equal(expected.GetInt64(), cursor.Int64); break;
            case ParquetType.Double: Assert.Equal(expected.GetDouble(), cursor.Double); break;
            case ParquetType.Boolean: Assert.Equal(expected.GetBoolean(), cursor.Boolean); break;
            default: Assert.Fail($"{cursor.Column.Type}"); break;
        }
    }

    /// <summary>Levels and values of all columns of the rows to keep.</summary>
    private static IEnumerable<string> Entries(ParquetReader reader, Func<long, bool> keep)
    {
        for (int column = 0; column < reader.Columns.Count; column++)
        {
            foreach (ParquetRowGroup group in reader.RowGroups)
            {
                using ParquetCursor cursor = reader.OpenColumn(group.Index, column);
                long row = group.FirstRow - 1;
                while (cursor.MoveNext())
                {
                    if (cursor.Repetition == 0) row++;
                    if (keep(row)) yield return $"{column} {cursor.Repetition} {cursor.Definition} {(cursor.IsNull ? "null" : Convert.ToHexString(cursor.Bytes))}";
                }
            }
        }
    }

    private static void ReadAll(string path)
    {
        using ParquetReader reader = ParquetReader.Open(path);
        foreach (string _ in Entries(reader, _ => true))
        {
        }
    }

    /// <summary>Rows of random values.</summary>
    private sealed record Table(IReadOnlyList<ParquetColumn> Columns, List<string> Rows)
    {
        private readonly List<object?[]> _values = [];

        internal static Table Make(Random random)
        {
            List<ParquetColumn> columns = [];
            for (int i = 1 + random.Next(8); i > 0; i--)
            {
                ParquetType[] types = [ParquetType.Boolean, ParquetType.Int32, ParquetType.Int64, ParquetType.Double, ParquetType.Bytes];
                ParquetType type = types[random.Next(types.Length)];
                columns.Add(new ParquetColumn("column " + i, type) { IsNullable = random.Next(2) == 0, IsString = type == ParquetType.Bytes && random.Next(2) == 0 });
            }
            Table table = new(columns, []);
            int distinct = 1 << random.Next(16);
            for (int rows = random.Next(1500); rows > 0; rows--)
            {
                object?[] row = [.. columns.Select(column => Value(column, random, distinct))];
                table._values.Add(row);
                table.Rows.Add(Show(row));
            }
            return table;
        }

        internal void Write(Stream stream, ParquetWriterOptions options)
        {
            using ParquetWriter writer = new(stream, Columns, options);
            foreach (object?[] row in _values)
            {
                for (int i = 0; i < row.Length; i++)
                {
                    switch (row[i])
                    {
                        case null: writer[i].AddNull(); break;
                        case bool value: writer[i].Add(value); break;
                        case int value: writer[i].Add(value); break;
                        case long value: writer[i].Add(value); break;
                        case double value: writer[i].Add(value); break;
                        case string value: writer[i].Add(value); break;
                        default: throw new InvalidOperationException();
                    }
                }
                writer.EndRow();
            }
            writer.Finish();
        }

        internal static List<string> Read(ParquetReader reader)
        {
            List<string> rows = [];
            foreach (ParquetRowGroup group in reader.RowGroups)
            {
                ParquetCursor[] cursors = [.. reader.Columns.Select((_, column) => reader.OpenColumn(group.Index, column))];
                for (long row = 0; row < group.Rows; row++) rows.Add(Show([.. cursors.Select(Value)]));
                foreach (ParquetCursor cursor in cursors) cursor.Dispose();
            }
            return rows;
        }

        private static object? Value(ParquetColumn column, Random random, int distinct)
        {
            if (column.IsNullable && random.Next(4) == 0) return null;
            int value = random.Next(distinct);
            return column.Type switch
            {
                ParquetType.Boolean => value % 2 == 0,
                ParquetType.Int32 => value * 16_777_619,
                ParquetType.Int64 => value * 1_099_511_628_211,
                ParquetType.Double => value == 0 ? double.NaN : Math.Sin(value),
                _ => new string((char)('a' + value % 26), value % 90) + "模" + value,
            };
        }

        private static object? Value(ParquetCursor cursor)
        {
            Assert.True(cursor.MoveNext());
            if (cursor.IsNull) return null;
            return cursor.Column.Type switch
            {
                ParquetType.Boolean => cursor.Boolean,
                ParquetType.Int32 => cursor.Int32,
                ParquetType.Int64 => cursor.Int64,
                ParquetType.Double => cursor.Double,
                _ => Encoding.UTF8.GetString(cursor.Bytes),
            };
        }

        private static string Show(object?[] row) => string.Join('|', row.Select(value => value switch { null => "null", double d => BitConverter.DoubleToInt64Bits(d).ToString("x", null), _ => value.ToString() }));
    }
}
