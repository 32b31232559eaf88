using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Xunit;

namespace Winnow.Tests.Data;

/// <summary>Documents of Parquet and CSV files, and documents written.</summary>
public class DocumentTests
{
    [Theory]
    [InlineData("nested_columns_to_skip")]
    [InlineData("nested_columns_v2_snappy")]
    [InlineData("dict_zstd_rowgroups")]
    [InlineData("duckdb_zstd")]
    public void Parquet_rows_are_documents_from_any_row_on(string file)
    {
        string path = Path.Combine(Fixtures.Root("parquet"), file + ".parquet");
        JsonElement[] lines = [.. File.ReadLines(Path.ChangeExtension(path, ".jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];
        CorpusReader reader = CorpusReader.Open([path], new CorpusOptions { MaxBadRecords = 1000 });
        (long Row, string? Text)[] expected = [.. lines.Select((line, row) => ((long)row, line.GetProperty("text").GetString())).Where(row => row.Item2 != null)];
        foreach (int from in new[] { 0, 1, 36, 37, 38, 73, lines.Length })
            Assert.Equal(expected.Where(row => row.Row >= from), reader.Read(0, from).Select(d => (d.Row, (string?)TextOf(d))));
        Assert.Equal(lines.Length - expected.Length, reader.BadRecords.Count);
    }

    [Fact]
    public void Columns_are_guessed_and_named()
    {
        string path = Path.Combine(Fixtures.Root("parquet"), "nested_columns_to_skip.parquet");
        CorpusOptions options = new() { TextField = "meta.text", SourceField = "meta.lang", IdField = "n", MaxBadRecords = 1000 };
        Document document = CorpusReader.Open([path], options).Read(0).First();
        Assert.Equal((1L, "998330094933"), (document.Row, document.Id));      // `meta` of row 0 is null
        Assert.NotEqual("nested_columns_to_skip", document.Source);
        Assert.NotEmpty(CorpusReader.Open([Path.Combine(Fixtures.Root("parquet"), "other_text_name.parquet")], new CorpusOptions { MaxBadRecords = 99, TextField = "content" }).Read(0));
        CorpusException e = Assert.Throws<CorpusException>(() => CorpusReader.Open([path], options with { TextField = "body" }).Read(0).Count());
        Assert.EndsWith("nested_columns_to_skip.parquet: no column `body`; this file has `id`, `meta.url`, `meta.lang`, `meta.text`, `text`, `bin`", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<CorpusException>(() => CorpusReader.Open([path], options with { TextField = "score" }).Read(0).Count());
        Assert.EndsWith("column `score` is Double; expected a string", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<CorpusException>(() => CorpusReader.Open([path], options with { TextField = "tags.list.element" }).Read(0).Count());
        Assert.EndsWith("column `tags.list.element` is below a list; expected a string", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Csv_rows_are_documents_and_no_byte_is_lost()
    {
        const string Csv = "id,text,source\r\n1,\"a \"\"b\"\",\nc\",s\r\n\n2,plain 模型,\r\n3,\"\",t";
        using TemporaryDirectory directory = new();
        CorpusReader reader = CorpusReader.Open([directory.Write("web.csv", Csv)], new CorpusOptions());
        List<Document> documents = [.. reader.Read(0)];
        Assert.Equal(["a \"b\",\nc", "plain 模型", ""], documents.Select(TextOf));
        Assert.Equal(["1", "2", "3"], documents.Select(d => d.Id));
        Assert.Equal(["s", "web", "t"], documents.Select(d => d.Source));
        Assert.Equal(Csv.Replace("\n\n", "\n", StringComparison.Ordinal), Encoding.UTF8.GetString([.. reader.ReadHeader(0), .. documents.SelectMany(d => d.Record.ToArray())]));
        Assert.Equal(["3"], reader.Read(0, 2).Select(d => d.Id));
    }

    [Fact]
    public void Tsv_quotes_are_text_unless_they_enclose_a_field()
    {
        using TemporaryDirectory directory = new();
        string path = directory.Write("web.tsv", "text\tlabel\n\"open and \"more\t1\n\"all, of it\"\t0\n\"\n\"no\tend\n");
        CorpusReader reader = CorpusReader.Open([path], new CorpusOptions { MaxBadRecords = 1 });
        Assert.Equal(["\"open and \"more", "all, of it", "\"no"], reader.Read(0).Select(TextOf));
        Assert.Equal("1 fields; the header has 2", reader.BadRecords.Single().Why);
    }

    [Theory]
    [InlineData("", ":1: the file is empty; expected a header line")]
    [InlineData("a,b\n1,2\n", ":1: no column `text`; the header has `a`, `b`")]
    [InlineData("text,b\n1,2,3\n", ":2: 3 fields; the header has 2")]
    [InlineData("text,b\n\"1\"2,3\n", ":2: something follows a closing quote; expected a comma")]
    [InlineData("text,b\n\"1,\n2\n", ": the file ends inside the quotes that open in this row")]
    public void Bad_csv_is_told(string csv, string message)
    {
        using TemporaryDirectory directory = new();
        string path = directory.Write("web.csv", csv);
        CorpusException e = Assert.Throws<CorpusException>(() => CorpusReader.Open([path], new CorpusOptions()).Read(0).Count());
        Assert.EndsWith(message, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CorpusFormat.Jsonl, CompressionKind.None)]
    [InlineData(CorpusFormat.Jsonl, CompressionKind.Gzip)]
    [InlineData(CorpusFormat.Jsonl, CompressionKind.Zstd)]
    [InlineData(CorpusFormat.Parquet, CompressionKind.None)]
    public void New_records_say_the_same(CorpusFormat format, CompressionKind compression)
    {
        using TemporaryDirectory directory = new();
        Document[] documents = [.. Enumerable.Range(0, 500).Select(i => new Document(0, i, $"id \"{i}\" é", "sоurce " + i % 3, Encoding.UTF8.GetBytes($"text\n{i}\t\"模\u2028型\" \\ 😀 \u0001" + new string('x', i)), default))];
        string path = directory["out" + (format == CorpusFormat.Parquet ? ".parquet" : ".jsonl") + CompressedStream.Extension(compression)];
        using (DocumentWriter writer = new(File.Create(path), format, compression))
        {
            foreach (Document document in documents) writer.Write(document, sameFormat: false);
            writer.Finish();
            Assert.Equal(500, writer.Documents);
        }
        Assert.Equal(
            documents.Select(d => (d.Row, d.Id, d.Source, TextOf(d))),
            CorpusReader.Open([path], new CorpusOptions()).Read(0).Select(d => (d.Row, d.Id, d.Source, TextOf(d))));
    }

    [Fact]
    public void Records_are_written_byte_for_byte()
    {
        using TemporaryDirectory directory = new();
        const string File = "{ \"text\" :\"a\" ,\"extra\": [1,2.50] }\r\n{\"text\":\"b\\u00e9\"}";
        string path = directory.Write("web.jsonl", File);
        MemoryStream stream = new();
        DocumentWriter writer = new(stream, CorpusFormat.Jsonl, CompressionKind.None);
        foreach (Document document in CorpusReader.Open([path], new CorpusOptions()).Read(0)) writer.Write(document, sameFormat: true);
        writer.Finish();
        Assert.Equal(File, Encoding.UTF8.GetString(stream.ToArray()));
        foreach (Document document in CorpusReader.Open([path], new CorpusOptions()).Read(0)) Assert.Equal(document.Row == 1, document.Record.Span[^1] == '}');
    }

    private static string TextOf(Document document) => Encoding.UTF8.GetString(document.Text.Span);
}
