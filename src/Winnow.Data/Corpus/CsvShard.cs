using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>Reads CSV and TSV with a header line: one document a row.</summary>
internal sealed class CsvShard
{
    private const int MaxRowBytes = 1 << 30;

    private readonly ShardContext _context;
    private readonly CsvRow _row;
    private readonly LineReader _lines;
    private byte[] _pending = new byte[4096];      // a row that goes on over several lines
    private int _columns;
    private int _text;
    private int _id;
    private int _source;
    private int[] _fields = [];

    private CsvShard(ShardContext context, Stream content)
    {
        _context = context;
        _row = new CsvRow(context.Shard.Format == CorpusFormat.Tsv ? (byte)'\t' : (byte)',');
        _lines = new LineReader(content);
    }

    /// <summary>The documents from a row on.</summary>
    internal static IEnumerable<Document> Read(ShardContext context, long fromRow)
    {
        using Stream content = context.OpenContent();
        CsvShard shard = new(context, content);
        if (!shard.ReadColumns())
        {
            context.Bad(1, "the file is empty; expected a header line");
            yield break;
        }
        for (long row = 0; ; row++)
        {
            Document? document = shard.Next(row, row < fromRow, out bool ended);
            if (ended) break;
            if (document != null) yield return document;
        }
    }

    /// <summary>The header line with its line end.</summary>
    internal static byte[] ReadHeader(ShardContext context)
    {
        using Stream content = context.OpenContent();
        return new CsvShard(context, content).NextRow(out _, out _).ToArray();
    }

    private bool ReadColumns()
    {
        ReadOnlySpan<byte> header = NextRow(out long line, out string? error);
        if (header.IsEmpty) return false;
        if (error != null) throw new CorpusException(_context.Shard.Path, line, error);
        List<string> names = [];
        for (int i = 0; i < _row.Count; i++) names.Add(Encoding.UTF8.GetString(_row.Field(header, i)).Trim());
        _columns = names.Count;
        CorpusOptions options = _context.Options;
        IReadOnlyList<string> guesses = _context.TextFields;
        string[] texts = [.. guesses.Where(names.Contains)];
        if (texts.Length > 1) throw ShardContext.Ambiguous($"{_context.Shard.Path}:{line}", "column", texts);
        _text = texts.Length == 0 ? -1 : names.IndexOf(texts[0]);
        if (_text < 0)
            throw new CorpusException(
                _context.Shard.Path, line, $"no column `{guesses[0]}`; the header has {string.Join(", ", names.Take(12).Select(name => $"`{name}`"))}",
                "name the text column with `--text-field`");
        _context.Choose(names[_text]);
        _id = Find(names, options.IdField, "id", "--id-field");
        _source = Find(names, options.SourceField, "source", "--source-field");
        _fields = [.. (options.Fields ?? []).Select(field => Find(names, field, field, "--fields"))];
        return true;
    }

    private int Find(List<string> names, string? named, string usual, string option)
    {
        int column = names.IndexOf(named ?? usual);
        if (column >= 0 || named == null) return column;
        throw new CorpusException(_context.Shard.Path, 1, $"no column `{named}` in the header", $"name another with `{option}`");
    }

    private Document? Next(long row, bool pass, out bool ended)
    {
        ReadOnlySpan<byte> bytes = NextRow(out long line, out string? error);
        ended = bytes.IsEmpty;
        if (ended || pass) return null;
        if (error == null && _row.Count != _columns) error = $"{_row.Count} fields; the header has {_columns}";
        if (error == null && !Utf8Check.IsValid(bytes)) error = $"invalid UTF-8 (byte {Utf8Check.FirstInvalid(bytes) + 1} of the row)";
        if (error != null)
        {
            _context.Bad(line, error);
            return null;
        }
        byte[] record = _context.Options.KeepRecords ? bytes.ToArray() : [];
        string id = _id < 0 ? "" : Encoding.UTF8.GetString(_row.Field(bytes, _id));
        string source = _source < 0 ? "" : Encoding.UTF8.GetString(_row.Field(bytes, _source));
        return new Document(
            _context.Shard.Index, row, id.Length == 0 ? _context.DefaultId(row) : id, source.Length == 0 ? _context.DefaultSource : source,
            _row.Field(bytes, _text).ToArray(), record)
        {
            Fields = FieldsOf(bytes),
        };
    }

    private string?[] FieldsOf(ReadOnlySpan<byte> row)
    {
        string?[] fields = new string?[_fields.Length];
        for (int i = 0; i < fields.Length; i++)
            if (_row.Field(row, _fields[i]) is { IsEmpty: false } value) fields[i] = Encoding.UTF8.GetString(value);
        return fields;
    }

    /// <summary>The next row that is not blank, split; empty at the end.</summary>
    private ReadOnlySpan<byte> NextRow(out long line, out string? error)
    {
        ReadOnlySpan<byte> row;
        do row = _lines.Next();
        while (!row.IsEmpty && row.Length <= 2 && row.Trim("\r\n"u8).IsEmpty);
        line = _lines.Number;
        error = null;
        if (row.IsEmpty || _row.Split(row, out error)) return row;
        int length = Append(row, 0, line);
        while (true)
        {
            row = _lines.Next();
            if (row.IsEmpty) throw new CorpusException(_context.Shard.Path, line, "the file ends inside the quotes that open in this row");
            length = Append(row, length, line);
            if (row.Contains((byte)'"') && _row.Split(_pending.AsSpan(0, length), out error)) return _pending.AsSpan(0, length);
        }
    }

    private int Append(ReadOnlySpan<byte> line, int length, long first)
    {
        if (length + (long)line.Length > MaxRowBytes)
            throw new CorpusException(_context.Shard.Path, first, "a row of more than 1 GiB", "is a quote left open there?");
        if (_pending.Length < length + line.Length) Array.Resize(ref _pending, Math.Max(length + line.Length, _pending.Length * 2));
        line.CopyTo(_pending.AsSpan(length));
        return length + line.Length;
    }
}
