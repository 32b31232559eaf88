using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>Reads JSONL: one document a line.</summary>
internal sealed class JsonlShard
{
    private const int IdField = 0;
    private const int SourceField = 1;
    private const int FirstTextField = 2;

    private readonly ShardContext _context;
    private readonly JsonLine _line;
    private byte[] _sourceBytes = [];
    private string _source = "";
    private int _textField;        // 0 until the first record decides

    private JsonlShard(ShardContext context)
    {
        _context = context;
        _line = new JsonLine(new JsonFields([context.Options.IdField ?? "id", context.Options.SourceField ?? "source", .. context.TextFields, .. context.Options.Fields ?? []]));
    }

    /// <summary>The documents from a row on.</summary>
    internal static IEnumerable<Document> Read(ShardContext context, long fromRow) => new JsonlShard(context).Read(fromRow);

    private IEnumerable<Document> Read(long fromRow)
    {
        using Stream content = _context.OpenContent();
        LineReader lines = new(content);
        for (long row = 0; ; row++)
        {
            Document? document = Next(lines, row, fromRow, out bool ended);
            if (ended)
            {
                if (row == 0) _context.Bad(1, "the file is empty; expected one JSON object a line");
                yield break;
            }
            if (document != null) yield return document;
        }
    }

    private Document? Next(LineReader lines, long row, long fromRow, out bool ended)
    {
        ReadOnlySpan<byte> line;
        do
        {
            line = lines.Next();
            ended = line.IsEmpty;
            if (ended) return null;
        }
        while (line.Length <= 2 && line.Trim(" \r\n\t"u8).IsEmpty);
        if (row < fromRow && _textField != 0) return null;
        Document? document = ToDocument(line, lines.Number, row);
        return row < fromRow ? null : document;
    }

    private Document? ToDocument(ReadOnlySpan<byte> line, long number, long row)
    {
        if (!_line.Parse(line))
        {
            _context.Bad(number, _line.Error!);
            return null;
        }
        JsonValue text = TextOf(line, number);
        if (text.Kind == JsonKind.Missing) return null;
        byte[] record = _context.Options.KeepRecords ? line.ToArray() : [];
        ReadOnlyMemory<byte> bytes = text.TextLength == text.Length && record.Length > 0
            ? record.AsMemory(text.Start, text.Length)
            : Unescape(line, text);
        return new Document(_context.Shard.Index, row, IdOf(line, row), SourceOf(line), bytes, record) { Fields = FieldsOf(line) };
    }

    private string?[] FieldsOf(ReadOnlySpan<byte> line)
    {
        string?[] fields = new string?[_context.Options.Fields?.Count ?? 0];
        for (int i = 0; i < fields.Length; i++)
        {
            JsonValue value = _line[FirstTextField + _context.TextFields.Count + i];
            fields[i] = value.Kind switch
            {
                JsonKind.String => Encoding.UTF8.GetString(Unescaped(line, value)),
                JsonKind.Number or JsonKind.Boolean => Encoding.UTF8.GetString(line.Slice(value.Start, value.Length)),
                _ => null,
            };
        }
        return fields;
    }

    private JsonValue TextOf(ReadOnlySpan<byte> line, long number)
    {
        if (_textField == 0) ChooseTextField(number);
        JsonValue text = _line[_textField == 0 ? FirstTextField : _textField];
        string name = _context.TextFields[Math.Max(_textField - FirstTextField, 0)];
        if (text.Kind == JsonKind.String && !text.LoneSurrogate) return text;
        if (text.Kind == JsonKind.String)
            _context.Bad(number, $"property `{name}` has an escape for half of a surrogate pair, which is no character");
        else if (text.Kind == JsonKind.Missing)
            _context.Bad(number, $"no property `{name}`; this line has {JsonNames.Of(line)}", "name the text property with `--text-field`");
        else
            _context.Bad(number, $"property `{name}` is {JsonNames.Of(text.Kind)}; expected a string", "name the text property with `--text-field`");
        return default;
    }

    /// <summary>The one guess that the first good record has as a string is the text of the whole file.</summary>
    private void ChooseTextField(long number)
    {
        int[] found = [.. Enumerable.Range(0, _context.TextFields.Count).Where(i => _line[FirstTextField + i].Kind == JsonKind.String)];
        if (found.Length > 1) throw ShardContext.Ambiguous($"{_context.Shard.Path}:{number}", "property", [.. found.Select(i => _context.TextFields[i])]);
        if (found.Length == 1) _textField = FirstTextField + found[0];
        if (_textField != 0) _context.Choose(_context.TextFields[_textField - FirstTextField]);
    }

    private string IdOf(ReadOnlySpan<byte> line, long row)
    {
        JsonValue id = _line[IdField];
        return id.Kind switch
        {
            JsonKind.String when id.TextLength > 0 => Encoding.UTF8.GetString(Unescaped(line, id)),
            JsonKind.Number => Encoding.UTF8.GetString(line.Slice(id.Start, id.Length)),
            _ => _context.DefaultId(row),
        };
    }

    private string SourceOf(ReadOnlySpan<byte> line)
    {
        JsonValue source = _line[SourceField];
        if (source.Kind != JsonKind.String || source.Length == 0) return _context.DefaultSource;
        ReadOnlySpan<byte> raw = line.Slice(source.Start, source.Length);
        if (!raw.SequenceEqual(_sourceBytes))
        {
            _source = Encoding.UTF8.GetString(Unescaped(line, source));
            _sourceBytes = raw.ToArray();
        }
        return _source;
    }

    private static ReadOnlySpan<byte> Unescaped(ReadOnlySpan<byte> line, JsonValue value) =>
        value.TextLength == value.Length ? line.Slice(value.Start, value.Length) : Unescape(line, value);

    private static byte[] Unescape(ReadOnlySpan<byte> line, JsonValue value)
    {
        byte[] text = GC.AllocateUninitializedArray<byte>(value.TextLength);
        JsonEscape.Unescape(line.Slice(value.Start, value.Length), text);
        return text;
    }
}
