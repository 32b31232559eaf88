using System.IO.Compression;
using System.Text;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Xunit;

namespace Winnow.Tests.Data;

public class WarcTests
{
    [Fact]
    public void Extracted_text_records_are_documents_and_no_byte_is_lost()
    {
        byte[][] records =
        [
            Record("warcinfo", "application/warc-fields", "isPartOf: X"u8.ToArray()),
            Record("conversion", "text/plain", "First page.\n模型"u8.ToArray(), "a"),
            Record("conversion", "text/plain", ""u8.ToArray(), "b"),
            Record("metadata", "application/json", "{}"u8.ToArray()),
            Record("conversion", "text/plain", "Second."u8.ToArray(), "c"),
        ];
        using TemporaryDirectory directory = new();
        string plain = directory.Write("crawl.warc.wet", [.. records.SelectMany(record => record)]);
        string members = directory.Write("crawl.warc.wet.gz", [.. records.SelectMany(record => CompressionTests.Compress(CompressionKind.Gzip, record))]);
        foreach (string path in new[] { plain, members })
        {
            List<Document> documents = Read(path);
            Assert.Equal(["First page.\n模型", "", "Second."], documents.Select(TextOf));
            Assert.Equal(["urn:uuid:a", "urn:uuid:b", "urn:uuid:c"], documents.Select(d => d.Id));
            Assert.Equal([1L, 2L, 4L], documents.Select(d => d.Row));
            Assert.Equal(records[4], documents[2].Record.ToArray());
            Assert.Equal([4L], CorpusReader.Open([path], new CorpusOptions()).Read(0, 3).Select(d => d.Row));
        }
    }

    [Fact]
    public void Pages_give_their_main_text()
    {
        const string Html = """
            <!DOCTYPE html><html><head><title>T</title><style>p {}</style></head><body>
            <nav><a href=1>Home</a></nav><div><a href=2>One link</a> <a href=3>and more</a></div>
            <h1>A  heading</h1><p>Words with a <a href=x>link</a>
            in them.<br>Second line &amp; more.</p><pre>  kept
              as is</pre><script>var x;</script><ul><li>item</li></ul><footer>Imprint</footer></body></html>
            """;
        const string Text = "A heading\nWords with a link in them.\nSecond line & more.\nkept\n  as is\nitem";
        Assert.Equal(Text, HtmlText.Of(Html));
        string[] responses =
        [
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + Html,
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n" + Html,
            "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\nxyz",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n<p>chunk\r\n4\r\nedé\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n<p>chunks undone",
        ];
        using TemporaryDirectory directory = new();
        string path = directory.Write("crawl.warc", [.. responses.SelectMany(response => Record("response", "application/http; msgtype=response", Encoding.UTF8.GetBytes(response)))]);
        Assert.Equal([Text, "chunkedé", "chunks undone"], Read(path).Select(TextOf));
    }

    [Fact]
    public void Pages_are_decoded_as_they_say()
    {
        byte[] gbk = [.. "<meta charset=gbk><p>"u8, 0xC4, 0xA3, 0xD0, 0xCD];
        byte[] latin = [.. "<p>caf"u8, 0xE9];
        MemoryStream zipped = new();
        using (GZipStream gzip = new(zipped, CompressionMode.Compress)) gzip.Write("<p>zipped"u8);
        byte[] body =
        [
            .. Response("text/html", "", gbk), .. Response("text/html", "", latin), .. Response("text/html; charset=iso-8859-1", "", latin),
            .. Response("text/html", "Content-Encoding: gzip\r\n", zipped.ToArray()), .. Response("text/plain; charset=no-such", "", "plain"u8.ToArray()),
        ];
        using TemporaryDirectory directory = new();
        Assert.Equal(["模型", "café", "café", "zipped", "plain"], Read(directory.Write("crawl.warc", body)).Select(TextOf));
    }

    [Fact]
    public void Pages_nest_deeply_and_not_beyond_measure()
    {
        string deep = string.Concat(Enumerable.Repeat("<div>", 2_000)) + "deep";
        Assert.Equal("deep", HtmlText.Of(deep));
        Assert.False(HtmlText.NestsTooDeeply(deep));
        Assert.False(HtmlText.NestsTooDeeply(string.Concat(Enumerable.Repeat("<p>x<br><div>y</div>", 10_000))));
        using TemporaryDirectory directory = new();
        string path = directory.Write("crawl.warc", Response("text/html", "", Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("<div>", 500_000)))));
        Assert.EndsWith("crawl.warc:1: a page whose elements nest too deeply", Assert.Throws<CorpusException>(() => Read(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("WARC/1.0\r\nWARC-Type: conversion\r\n\r\nx", "a record without `Content-Length` (byte 0 of the content)")]
    [InlineData("WARC/1.0\r\nContent-Length: 10\r\n\r\nx", "the file ends inside a record of 10 bytes (byte 0 of the content)")]
    [InlineData("WARC/1.0\r\nContent-Length: 1\r\n\r\nxyz\r\n\r\n", "no blank line follows the record: its `Content-Length` is wrong (byte 0 of the content)")]
    [InlineData("WARC/1.0\r\nContent-Length: 1\r\n\r\nx\r\n\r\nrubbish", "no WARC record starts there (byte 36 of the content)")]
    [InlineData("WARC/1.0\r\nContent-Length: 1", "the headers of a record do not end (byte 0 of the content)")]
    public void Damage_is_told_with_its_place(string file, string message)
    {
        using TemporaryDirectory directory = new();
        CorpusException e = Assert.Throws<CorpusException>(() => Read(directory.Write("crawl.warc", file)));
        Assert.EndsWith("crawl.warc: " + message, e.Message, StringComparison.Ordinal);
    }

    private static byte[] Response(string type, string headers, byte[] body) =>
        Record("response", "application/http", [.. Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: {type}\r\n{headers}\r\n"), .. body]);

    private static byte[] Record(string type, string contentType, byte[] body, string id = "x") =>
        [.. Encoding.ASCII.GetBytes($"WARC/1.0\r\nWARC-Type: {type}\r\nWARC-Record-ID: <urn:uuid:{id}>\r\nContent-Type: {contentType}\r\nContent-Length: {body.Length}\r\n\r\n"), .. body, .. "\r\n\r\n"u8];

    private static List<Document> Read(string path) => [.. CorpusReader.Open([path], new CorpusOptions()).Read(0)];

    private static string TextOf(Document document) => Encoding.UTF8.GetString(document.Text.Span);
}
