using System.Text;
using Winnow.Data;
using Winnow.Data.Corpus;
using Xunit;

namespace Winnow.Tests.Data;

public class CorpusReaderTests
{
    private const string Line = "{\"text\":\"x\"}\n";

    [Fact]
    public void Directories_globs_and_files_are_found_in_order()
    {
        using TemporaryDirectory directory = new();
        foreach (string name in (string[])["b/2.jsonl", "b/10.jsonl", "a.jsonl", "b/c d/数据.jsonl", ".hidden.jsonl", "_SUCCESS", "README.md", "notes.pdf"])
            directory.Write(name, Line);
        CorpusReader below = Open(directory.Path);
        Assert.Equal(["a.jsonl", "b/10.jsonl", "b/2.jsonl", "b/c d/数据.jsonl"], Names(below));
        Assert.Equal([directory["README.md"], directory["notes.pdf"]], below.Ignored);
        Assert.Equal(["b/2.jsonl"], Names(Open(directory["*/?.jsonl"])));
        Assert.Equal(["a.jsonl", "b/10.jsonl", "b/2.jsonl", "b/c d/数据.jsonl"], Names(Open(directory["**/*.jsonl"])));
        Assert.Equal(["2.jsonl", "a.jsonl"], Names(Open(directory["b/2.jsonl"], directory["a.jsonl"])));
    }

    [Fact]
    public void Files_of_one_name_are_told_apart_by_their_directories()
    {
        using TemporaryDirectory directory = new();
        Assert.Equal(["x/a.jsonl", "y/a.jsonl"], Names(Open(directory.Write("x/a.jsonl", Line), directory.Write("y/a.jsonl", Line))));
        Assert.Contains("named twice", Assert.Throws<CorpusException>(() => Open(directory["x/a.jsonl"], directory["x"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Links_that_lead_in_circles_are_walked_once()
    {
        using TemporaryDirectory directory = new();
        directory.Write("a/b/1.jsonl", Line);
        Directory.CreateSymbolicLink(directory["a/b/up"], directory["a"]);
        Directory.CreateSymbolicLink(directory["again"], directory["a"]);
        Assert.Equal(["a/b/1.jsonl"], Names(Open(directory.Path)));
    }

    [Fact]
    public void What_is_not_there_is_said()
    {
        using TemporaryDirectory directory = new();
        Assert.EndsWith("none.jsonl: no such file", Assert.Throws<CorpusException>(() => Open(directory["none.jsonl"])).Message, StringComparison.Ordinal);
        Assert.EndsWith("no file matches", Assert.Throws<CorpusException>(() => Open(directory["*.jsonl"])).Message, StringComparison.Ordinal);
        Assert.EndsWith("no file of a known kind", Assert.Throws<CorpusException>(() => Open(directory.Path)).Message, StringComparison.Ordinal);
        Assert.EndsWith("neither content nor name says what this is", Assert.Throws<CorpusException>(() => Open(directory.Write("x.pdf", "%PDF"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_limit_counts_over_all_files()
    {
        using TemporaryDirectory directory = new();
        for (int i = 0; i < 4; i++) directory.Write($"{i}.jsonl", Line + Line + Line);
        CorpusReader reader = CorpusReader.Open([directory.Path], new CorpusOptions { Limit = 7 });
        List<(int, long)> read = [];
        await foreach (Document document in reader.ReadAsync(CancellationToken.None)) read.Add((document.Shard, document.Row));
        Assert.Equal([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)], read);
    }

    [Fact]
    public void Text_is_a_document_per_file_or_per_paragraph_and_no_byte_is_lost()
    {
        using TemporaryDirectory directory = new();
        const string Text = "\nOne\nline.\n\n \n\nTwo.\r\n\r\nThree\nand last";
        string path = directory.Write("book.txt", Text);
        Assert.Equal(Text, TextOf(Open(path).Read(0).Single()));
        List<Document> paragraphs = [.. CorpusReader.Open([path], new CorpusOptions { Paragraphs = true }).Read(0)];
        Assert.Equal(["\nOne\nline.", "Two.", "Three\nand last"], paragraphs.Select(TextOf));
        Assert.Equal(Text, string.Concat(paragraphs.Select(d => Encoding.UTF8.GetString(d.Record.Span))));
        Assert.Equal(["book:0", "book:2"], CorpusReader.Open([path], new CorpusOptions { Paragraphs = true }).Read(0)
            .Where(d => d.Row != 1).Select(d => d.Id.Replace(".txt", "", StringComparison.Ordinal)));
        Assert.Equal(["Three\nand last"], CorpusReader.Open([path], new CorpusOptions { Paragraphs = true }).Read(0, 2).Select(TextOf));
    }

    [Fact]
    public void A_file_that_changes_while_it_is_read_is_noticed()
    {
        using TemporaryDirectory directory = new();
        string path = directory.Write("a.jsonl", Line + Line);
        CorpusException e = Assert.Throws<CorpusException>(() =>
        {
            foreach (Document document in Open(path).Read(0))
                if (document.Row == 0)
                    File.AppendAllText(path, Line);
        });
        Assert.EndsWith("a.jsonl: the file changed while it was read", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_fields_that_were_guessed_are_told()
    {
        using TemporaryDirectory directory = new();
        directory.Write("a.jsonl", "{\"content\":\"x\"}\n");
        directory.Write("b.csv", "document,id\nx,1\n");
        directory.Write("c.txt", "x");
        CorpusReader reader = Open(directory.Path);
        Assert.Empty(reader.TextFields);
        foreach (CorpusShard shard in reader.Shards) Assert.Single(reader.Read(shard.Index));
        Assert.Equal(["content", "document"], reader.TextFields);
    }

    [Fact]
    public void Bad_text_files_are_told()
    {
        using TemporaryDirectory directory = new();
        Assert.Contains("the file is empty", Assert.Throws<CorpusException>(() => Open(directory.Write("a.txt", "")).Read(0).Count()).Message, StringComparison.Ordinal);
        CorpusException e = Assert.Throws<CorpusException>(() => Open(directory.Write("b.txt", [.. "a\nb"u8, 0xFF])).Read(0).Count());
        Assert.EndsWith("b.txt:2: invalid UTF-8 (byte 4 of the file)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Documentation_of_dotnet_becomes_readable_text()
    {
        const string Xml = """
            <?xml version="1.0" encoding="utf-8"?>
            <doc><assembly><name>My.Library</name></assembly><members>
            <member name="M:My.Thing.Do``1(System.String,``0)"><summary>Does <see cref="T:My.Thing" /> to
               <paramref name="what" />,
               or <see langword="null" />.</summary><param name="what">The <c>thing</c>.</param><inheritdoc/>
              <remarks><para>One.</para><para>Two.</para><list type="bullet"><item><description>first</description></item></list></remarks>
            </member><member name="T:My.Empty"></member><member name="T:My.Thing"><summary>A thing.</summary></member>
            </members></doc>
            """;
        using TemporaryDirectory directory = new();
        List<Document> documents = [.. Open(directory.Write("My.Library.xml", Xml)).Read(0)];
        Assert.Equal(["M:My.Thing.Do``1(System.String,``0)", "T:My.Thing"], documents.Select(d => d.Id));
        Assert.Equal("My.Library", documents[0].Source);
        Assert.Equal(
            "My.Thing.Do(System.String,)\n\nDoes My.Thing to what, or null.\n\nParameter what: The thing.\n\nOne.\nTwo.\n- first", TextOf(documents[0]));
    }

    [Fact]
    public void The_sdk_that_runs_this_carries_documentation()
    {
        IReadOnlyList<string> files = DotnetDocumentation.Find();
        Assert.Contains(files, file => Path.GetFileName(file) == "System.Runtime.xml");
        Assert.Equal(files.Count, files.Select(Path.GetFileName).Distinct().Count());
    }

    [Theory]
    [InlineData("web/imdb-00003-of-00012.jsonl.zst", "imdb")]
    [InlineData("c4-train.00000-of-01024.json.gz", "c4-train")]
    [InlineData("000.jsonl", "000")]
    [InlineData("part_001.parquet", "part")]
    [InlineData("wiki.v2.txt", "wiki.v2")]
    public void The_source_is_the_name_without_endings_and_numbers(string name, string source) => Assert.Equal(source, SourceName.Of(name));

    private static CorpusReader Open(params string[] inputs) => CorpusReader.Open(inputs, new CorpusOptions());

    private static IEnumerable<string> Names(CorpusReader reader) => reader.Shards.Select(shard => shard.Name);

    private static string TextOf(Document document) => Encoding.UTF8.GetString(document.Text.Span);
}
