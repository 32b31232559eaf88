using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Xunit;

namespace Winnow.Tests.Data;

public class JsonlTests
{
    [Fact]
    public void Text_id_and_source_are_read_and_the_record_is_untouched()
    {
        const string File = "{\"id\": \"a\\u00e9\", \"source\":\"s\", \"text\": \"x\\n\\\"y\\\" \\ud83e\\udd16\"}\r\n\n{ \"text\" : \"\", \"id\":7 }";
        List<Document> documents = Read(File);
        Assert.Equal(["aé", "7"], documents.Select(d => d.Id));
        Assert.Equal(["s", "web"], documents.Select(d => d.Source));
        Assert.Equal(["x\n\"y\" 🤖", ""], documents.Select(TextOf));
        Assert.Equal([0L, 1L], documents.Select(d => d.Row));
        Assert.Equal(File.Replace("\n\n", "\n", StringComparison.Ordinal), string.Concat(documents.Select(d => Encoding.UTF8.GetString(d.Record.Span))));
    }

    [Theory]
    [InlineData("{\"id\":1,\"content\":2}", "web.jsonl:1: no property `text`; this line has `id`, `content`")]
    [InlineData("{}", "web.jsonl:1: no property `text`; this line has no properties")]
    [InlineData("{\"text\":null}", "web.jsonl:1: property `text` is null; expected a string")]
    [InlineData("{\"text\":[1]}", "web.jsonl:1: property `text` is an array; expected a string")]
    [InlineData("{\"text\":\"a\",\"text\":\"b\"}", "web.jsonl:1: property `text` appears twice (byte 14 of the line)")]
    [InlineData("{\"text\":\"\\ud800\"}", "web.jsonl:1: property `text` has an escape for half of a surrogate pair, which is no character")]
    [InlineData("{\"text\":\"a\"}\n{\"text\":\"a", "web.jsonl:2: not JSON: the line ends inside a string (byte 11 of the line)")]
    [InlineData("{\"text\":\"a\"}\n{\"text\":NaN}", "web.jsonl:2: not JSON: unknown value (byte 9 of the line)")]
    [InlineData("[{\"text\":\"a\"}]", "web.jsonl:1: a JSON array; expected one JSON object a line (byte 1 of the line)")]
    [InlineData("text", "web.jsonl:1: not JSON; expected one JSON object a line (byte 1 of the line)")]
    [InlineData("{\"text\":\"\t\"}", "web.jsonl:1: not JSON: a control character inside a string (byte 10 of the line)")]
    [InlineData("", "web.jsonl:1: the file is empty; expected one JSON object a line")]
    [InlineData("\n\n", "web.jsonl:1: the file is empty; expected one JSON object a line")]
    public void A_bad_line_is_told_with_its_place(string file, string message)
    {
        CorpusException e = Assert.Throws<CorpusException>(() => Read(file, new CorpusOptions { TextField = "text" }));
        Assert.EndsWith(message, e.Message, StringComparison.Ordinal);
        Assert.Contains("--max-bad-records", e.Hint!, StringComparison.Ordinal);
    }

    [Fact]
    public void Invalid_utf8_is_told_with_its_byte()
    {
        byte[] line = [.. "{\"text\":\"ab"u8, 0xE4, 0xB8, .. "\"}\n"u8];
        using TemporaryDirectory directory = new();
        CorpusException e = Assert.Throws<CorpusException>(() => ReadFile(directory.Write("web.jsonl", line)));
        Assert.EndsWith("web.jsonl:1: invalid UTF-8 (byte 12 of the line)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_lines_are_skipped_up_to_a_limit_and_listed()
    {
        const string File = "{\"text\":\"a\"}\nrubbish\n{\"text\":\"b\"}\n{\"text\":1}\n{\"text\":\"c\"}\n";
        using TemporaryDirectory directory = new();
        CorpusReader reader = CorpusReader.Open([directory.Write("web.jsonl", File)], new CorpusOptions { MaxBadRecords = 2 });
        Assert.Equal([0L, 2L, 4L], reader.Read(0).Select(d => d.Row));
        Assert.Equal([0L, 2L, 4L], reader.Read(0).Select(d => d.Row));
        Assert.Equal([2L, 4L], reader.BadRecords.Select(bad => bad.Line));
        CorpusReader strict = CorpusReader.Open([directory["web.jsonl"]], new CorpusOptions { MaxBadRecords = 1 });
        Assert.Contains("web.jsonl:4: property `text` is a number", Assert.Throws<CorpusException>(() => strict.Read(0).Count()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("content", "{\"content\":\"x\",\"document\":7}")]
    [InlineData("raw_content", "{\"document\":null,\"raw_content\":\"x\"}")]
    [InlineData("document", "{\"texts\":\"y\",\"document\":\"x\"}")]
    [InlineData("text", "{\"content\":[\"y\"],\"text\":\"x\"}")]
    public void The_text_is_the_usual_field_that_is_a_string(string expected, string line)
    {
        using TemporaryDirectory directory = new();
        CorpusReader reader = CorpusReader.Open([directory.Write("web.jsonl", line)], new CorpusOptions());
        Assert.Equal("x", TextOf(reader.Read(0).Single()));
        Assert.Equal([expected], reader.TextFields);
    }

    [Fact]
    public void Dotted_paths_lead_below_and_names_with_dots_are_found_too()
    {
        CorpusOptions options = new() { TextField = "a.b.c", IdField = "meta.id", SourceField = "x.y" };
        Document document = Read("{\"a\":{\"c\":1,\"b\":{\"d\":[{\"c\":\"no\"}],\"c\":\"yes\"}},\"meta\":{\"id\":12},\"x.y\":\"s\"}", options).Single();
        Assert.Equal(("yes", "12", "s"), (TextOf(document), document.Id, document.Source));
    }

    [Fact]
    public void Reading_from_a_row_gives_the_rest()
    {
        string file = string.Concat(Enumerable.Range(0, 50).Select(i => i % 7 == 3 ? "bad\n" : $"{{\"text\":\"{i}\"}}\n"));
        using TemporaryDirectory directory = new();
        string path = directory.Write("web.jsonl", file);
        List<Document> all = ReadFile(path, new CorpusOptions { MaxBadRecords = 99 });
        for (int from = 0; from <= 51; from++)
        {
            CorpusReader reader = CorpusReader.Open([path], new CorpusOptions { MaxBadRecords = 99 });
            Assert.Equal(all.Where(d => d.Row >= from).Select(d => d.Row), reader.Read(0, from).Select(d => d.Row));
        }
    }

    [Fact]
    public void A_byte_order_mark_is_passed_over()
    {
        using TemporaryDirectory directory = new();
        byte[] file = [0xEF, 0xBB, 0xBF, .. "{\"text\":\"x\"}"u8];
        Assert.Equal("x", TextOf(ReadFile(directory.Write("web.jsonl", file)).Single()));
    }

    [Fact]
    public void A_line_of_many_megabytes_is_one_record()
    {
        string text = new('x', 20_000_000);
        using TemporaryDirectory directory = new();
        byte[] stored = CompressionTests.Compress(CompressionKind.Zstd, Encoding.UTF8.GetBytes($"{{\"text\":\"a\"}}\n{{\"text\":\"{text}\"}}\n{{\"text\":\"b\"}}\n"));
        Assert.Equal([1, 20_000_000, 1], ReadFile(directory.Write("web.jsonl.zst", stored)).Select(d => d.Text.Length));
    }

    [Fact]
    public void Deep_nesting_is_a_bad_record_and_no_crash()
    {
        string deep = "{\"text\":\"x\",\"a\":" + new string('[', 100_000) + new string(']', 100_000) + "}";
        Assert.Contains("nested too deeply", Assert.Throws<CorpusException>(() => Read(deep)).Message, StringComparison.Ordinal);
        Assert.Single(Read("{\"text\":\"x\",\"a\":" + new string('[', 400) + new string(']', 400) + "}"));
    }

    [Fact]
    public void A_damaged_file_stops_or_is_listed_with_its_good_records()
    {
        using TemporaryDirectory directory = new();
        byte[] stored = CompressionTests.Compress(CompressionKind.Zstd, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 90_000).Select(i => $"{{\"text\":\"{i * 7919L}\"}}\n"))));
        string path = directory.Write("web.jsonl.zst", stored[..(stored.Length - 100)]);
        CorpusReader strict = CorpusReader.Open([path], new CorpusOptions());
        CorpusException e = Assert.Throws<CorpusException>(() => strict.Read(0).Count());
        Assert.Contains("the file ends at byte", e.Message, StringComparison.Ordinal);
        Assert.Contains("--max-bad-shards 1", e.Hint!, StringComparison.Ordinal);
        CorpusReader lenient = CorpusReader.Open([path], new CorpusOptions { MaxBadShards = 1 });
        int good = lenient.Read(0).Count();
        Assert.InRange(good, 10_000, 89_999);
        Assert.Equal(good, lenient.BadShards.Single().Line);
    }

    [Fact]
    public void Mutated_lines_are_judged_as_the_json_reader_of_dotnet_judges_them()
    {
        string[] seeds =
        [
            "{\"text\": \"a\\u00e9\\n\\\"\\\\ 模型 😀 \\ud83e\\udd16\", \"n\": -1.5e+10, \"b\": [true, false, null, {}, []], \"m\": {\"text\": \"in\"}}",
            "{\"id\":0,\"text\":\"\",\"x\":[1,2.25,{\"k\":\"v\"}]}",
        ];
        byte[] bits = Encoding.UTF8.GetBytes("\"\\{}[]:,0159.eE+-tfnu \n\t\u0001ä模\u00ff");
        Random random = new(11);
        JsonLine line = new(new JsonFields(["text"]));
        int good = 0;
        for (int round = 0; round < 60_000; round++)
        {
            List<byte> bytes = [.. Encoding.UTF8.GetBytes(seeds[round % seeds.Length])];
            for (int changes = random.Next(4); changes > 0; changes--)
            {
                int at = random.Next(bytes.Count);
                switch (random.Next(3))
                {
                    case 0: bytes[at] = bits[random.Next(bits.Length)]; break;
                    case 1: bytes.RemoveAt(at); break;
                    default: bytes.Insert(at, bits[random.Next(bits.Length)]); break;
                }
            }
            byte[] mutated = [.. bytes];
            (bool valid, string? text) = Judge(mutated);
            bool ours = line.Parse(mutated);
            if (ours != valid && line.Error?.Contains("twice", StringComparison.Ordinal) == true) continue;
            Assert.True(ours == valid, $"{Encoding.UTF8.GetString(mutated)}: ours {ours} ({line.Error}), .NET's {valid}");
            if (!ours || line[0].Kind != JsonKind.String || line[0].LoneSurrogate) continue;
            byte[] unescaped = new byte[line[0].TextLength];
            JsonEscape.Unescape(mutated.AsSpan(line[0].Start, line[0].Length), unescaped);
            Assert.Equal(text, Encoding.UTF8.GetString(unescaped));
            good++;
        }
        Assert.True(good > 10_000, $"{good} good lines");
    }

    private static (bool Valid, string? Text) Judge(byte[] line)
    {
        try
        {
            Encoding utf8 = new UTF8Encoding(false, true);
            utf8.GetString(line);
            using JsonDocument document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return (false, null);
            try
            {
                return (true, document.RootElement.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null);
            }
            catch (InvalidOperationException)
            {
                return (true, null);       // half of a surrogate pair
            }
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException)
        {
            return (false, null);
        }
    }

    private static List<Document> Read(string content, CorpusOptions? options = null)
    {
        using TemporaryDirectory directory = new();
        return ReadFile(directory.Write("web.jsonl", content), options);
    }

    private static List<Document> ReadFile(string path, CorpusOptions? options = null) =>
        [.. CorpusReader.Open([path], options ?? new CorpusOptions()).Read(0)];

    private static string TextOf(Document document) => Encoding.UTF8.GetString(document.Text.Span);
}
