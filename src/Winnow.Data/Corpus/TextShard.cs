
namespace Winnow.Data.Corpus;

/// <summary>Reads plain text: one document a file, or one a paragraph.</summary>
internal static class TextShard
{
    /// <summary>The documents from a row on.</summary>
    internal static IEnumerable<Document> Read(ShardContext context, long fromRow) =>
        context.Options.Paragraphs ? ReadParagraphs(context, fromRow) : ReadFile(context, fromRow);

    private static IEnumerable<Document> ReadFile(ShardContext context, long fromRow)
    {
        if (fromRow > 0) yield break;
        byte[] all = ReadAll(context);
        byte[] text = all.AsSpan() is [0xEF, 0xBB, 0xBF, ..] ? all[3..] : all;
        int bad = Utf8Check.IsValid(text) ? -1 : Utf8Check.FirstInvalid(text);
        if (text.Length == 0) context.Bad(1, "the file is empty; expected text");
        else if (bad >= 0) context.Bad(1 + text.AsSpan(0, bad).Count((byte)'\n'), $"invalid UTF-8 (byte {bad + all.Length - text.Length + 1} of the file)");
        else yield return new Document(context.Shard.Index, 0, context.Shard.Name, context.DefaultSource, text, text);
    }

    private static byte[] ReadAll(ShardContext context)
    {
        using Stream content = context.OpenContent();
        byte[] buffer = new byte[64 << 10];
        int length = 0;
        for (int count; (count = content.Read(buffer.AsSpan(length))) > 0;)
        {
            length += count;
            if (length < buffer.Length) continue;
            if (length == Array.MaxLength)
                throw new CorpusException(context.Shard.Path, "a text of 2 GiB or more is too large for one document", "cut it into paragraphs with `--paragraphs`");
            Array.Resize(ref buffer, (int)Math.Min(length * 2L, Array.MaxLength));
        }
        return buffer[..length];
    }

    /// <summary>A paragraph is a run of lines that are not blank; its record takes the blank lines after it along.</summary>
    private static IEnumerable<Document> ReadParagraphs(ShardContext context, long fromRow)
    {
        using Stream content = context.OpenContent();
        LineReader lines = new(content);
        List<byte> record = [];
        int textLength = 0;        // of the record, up to the first blank line after it; 0 before its first line
        bool blankSeen = false;
        long row = 0, first = 1;
        while (true)
        {
            bool ended = !Append(lines, record, ref textLength, ref blankSeen, out byte[] begun);
            if (ended || begun.Length > 0)
            {
                if (textLength > 0 && row++ >= fromRow && Make(context, row - 1, first, record, textLength) is { } document) yield return document;
                if (ended) break;
                first = lines.Number;
                record.Clear();
                record.AddRange(begun);
                textLength = begun.Length;
                blankSeen = false;
            }
        }
        if (row == 0) context.Bad(1, "the file is empty; expected text");
    }

    /// <summary>Adds a line to the paragraph, or hands it out as the begin of the next one; false at the end.</summary>
    private static bool Append(LineReader lines, List<byte> record, ref int textLength, ref bool blankSeen, out byte[] begun)
    {
        begun = [];
        ReadOnlySpan<byte> line = lines.Next();
        if (line.IsEmpty) return false;
        bool blank = line.Trim(" \t\r\n"u8).IsEmpty;
        if (!blank && blankSeen && textLength > 0)
        {
            begun = line.ToArray();
            return true;
        }
        record.AddRange(line);
        blankSeen = blank;
        if (!blank) textLength = record.Count;
        return true;
    }

    private static Document? Make(ShardContext context, long row, long line, List<byte> record, int textLength)
    {
        byte[] bytes = [.. record];
        Memory<byte> text = bytes.AsMemory(0, textLength).TrimEnd("\r\n"u8);
        if (Utf8Check.IsValid(text.Span)) return new Document(context.Shard.Index, row, context.DefaultId(row), context.DefaultSource, text, bytes);
        context.Bad(line, "invalid UTF-8 in this paragraph");
        return null;
    }
}
