using System.Globalization;
using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>
/// Reads web archives: extracted text records (WET) as they are, HTML responses by their main text. A row is a record of the
/// archive; requests, metadata and what is not text are rows without a document.
/// </summary>
internal sealed class WarcShard
{
    private const int MaxHeaderBytes = 1 << 20;
    private const int MaxBodyBytes = 1 << 28;

    private readonly ShardContext _context;
    private readonly ByteWindow _input;

    private WarcShard(ShardContext context, Stream content)
    {
        _context = context;
        _input = new ByteWindow(content);
    }

    /// <summary>The documents from a row on.</summary>
    internal static IEnumerable<Document> Read(ShardContext context, long fromRow)
    {
        using Stream content = context.OpenContent();
        WarcShard shard = new(context, content);
        for (long row = 0; ; row++)
        {
            Document? document = shard.Next(row, row < fromRow, out bool ended);
            if (ended)
            {
                if (row == 0) context.Bad(1, "the file is empty; expected WARC records");
                yield break;
            }
            if (document != null) yield return document;
        }
    }

    private Document? Next(long row, bool pass, out bool ended)
    {
        SkipBlankLines();
        ended = _input.Peek(1).IsEmpty;
        if (ended) return null;
        long start = _input.Offset;
        HeaderBlock header = ReadHeader(start, out int headerLength);
        if (!long.TryParse(header["Content-Length"], NumberStyles.None, CultureInfo.InvariantCulture, out long length))
            throw Damage(start, "a record without `Content-Length`");
        if (length > MaxBodyBytes)
        {
            _context.Bad(row + 1, $"a record of {length} bytes; at most {MaxBodyBytes} are read");
            PassOver(start, headerLength + length);
            return null;
        }
        int size = headerLength + (int)length;
        ReadOnlySpan<byte> record = _input.Peek(size + 4);
        if (record.Length < size) throw Damage(start, $"the file ends inside a record of {length} bytes");
        int trailer = record[size..].StartsWith("\r\n\r\n"u8) ? 4 : record[size..].StartsWith("\n\n"u8) ? 2 : record.Length - size == 0 ? 0 : -1;
        if (trailer < 0) throw Damage(start, "no blank line follows the record: its `Content-Length` is wrong");
        Document? document = pass ? null : ToDocument(header, record[..(size + trailer)], headerLength, (int)length, row);
        _input.Take(size + trailer);
        return document;
    }

    private HeaderBlock ReadHeader(long start, out int length)
    {
        for (int want = 2048; ; want *= 4)
        {
            ReadOnlySpan<byte> bytes = _input.Peek(want);
            if (!bytes.StartsWith("WARC/"u8)) throw Damage(start, "no WARC record starts there");
            length = HeaderBlock.LengthOf(bytes);
            if (length >= 0) return HeaderBlock.Parse(bytes[..length]);
            if (bytes.Length < want || want >= MaxHeaderBytes) throw Damage(start, "the headers of a record do not end");
        }
    }

    private void SkipBlankLines()
    {
        while (_input.Peek(1) is [(byte)'\r' or (byte)'\n']) _input.Take(1);
    }

    private void PassOver(long start, long count)
    {
        while (count > 0)
        {
            int there = _input.Peek((int)Math.Min(count, 1 << 20)).Length;
            if (there == 0) throw Damage(start, "the file ends inside a record");
            _input.Take(there);
            count -= there;
        }
    }

    private Document? ToDocument(HeaderBlock header, ReadOnlySpan<byte> record, int headerLength, int length, long row)
    {
        byte[]? text = TextOf(header, record.Slice(headerLength, length), out bool isTooDeep);
        if (isTooDeep) _context.Bad(row + 1, "a page whose elements nest too deeply");
        if (text == null) return null;
        if (!Utf8Check.IsValid(text))
        {
            _context.Bad(row + 1, $"invalid UTF-8 (byte {Utf8Check.FirstInvalid(text) + 1} of the record's text)");
            return null;
        }
        string? id = header[_context.Options.IdField ?? "WARC-Record-ID"]?.Trim('<', '>');
        string? source = _context.Options.SourceField is { } field ? header[field] : null;
        return new Document(
            _context.Shard.Index, row, string.IsNullOrEmpty(id) ? _context.DefaultId(row) : id, source ?? _context.DefaultSource,
            text, _context.Options.KeepRecords ? record.ToArray() : default);
    }

    /// <summary>The text of a record; null where it has none.</summary>
    private static byte[]? TextOf(HeaderBlock header, ReadOnlySpan<byte> body, out bool isTooDeep)
    {
        string type = MediaType(header["Content-Type"]);
        isTooDeep = false;
        return header["WARC-Type"]?.ToLowerInvariant() switch
        {
            "conversion" when type == "text/plain" => body.ToArray(),
            "resource" when type is "text/plain" or "text/html" or "application/xhtml+xml" => Decode(body.ToArray(), type, header["Content-Type"], out isTooDeep),
            "response" when type == "application/http" =>
                HttpMessage.Read(body) is { } message ? Decode(message.Body, MediaType(message.ContentType), message.ContentType, out isTooDeep) : null,
            _ => null,
        };
    }

    private static byte[]? Decode(byte[] body, string type, string? contentType, out bool isTooDeep)
    {
        isTooDeep = false;
        bool isHtml = type is "text/html" or "application/xhtml+xml";
        if (!isHtml && type != "text/plain") return null;
        string text = WebText.Decode(body, contentType, isHtml);
        if (!isHtml) return Encoding.UTF8.GetBytes(text);
        isTooDeep = HtmlText.NestsTooDeeply(text);
        string main = isTooDeep ? "" : HtmlText.Of(text);
        return main.Length == 0 ? null : Encoding.UTF8.GetBytes(main);
    }

    private static string MediaType(string? contentType) => (contentType ?? "").Split(';')[0].Trim().ToLowerInvariant();

    private CorpusException Damage(long offset, string what) =>
        new(_context.Shard.Path, string.Create(CultureInfo.InvariantCulture, $"{what} (byte {offset} of the content)"), "the file is damaged: copy or download it again");
}
