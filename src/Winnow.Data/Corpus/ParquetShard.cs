using System.Globalization;
using System.Text;
using Winnow.Data.Parquet;

namespace Winnow.Data.Corpus;

/// <summary>Reads Parquet: one document a row, from the columns that are wanted and no others.</summary>
internal sealed class ParquetShard : IDisposable
{
    private readonly ShardContext _context;
    private readonly ParquetReader _reader;
    private readonly int _textColumn;
    private readonly int _idColumn;
    private readonly int _sourceColumn;
    private readonly int[] _fieldColumns;
    private byte[] _sourceBytes = [];
    private string _source = "";

    private ParquetShard(ShardContext context)
    {
        _context = context;
        _reader = Open(context);
        _textColumn = FindText();
        _idColumn = Find(context.Options.IdField, "id", "--id-field");
        _sourceColumn = Find(context.Options.SourceField, "source", "--source-field");
        _fieldColumns = [.. (context.Options.Fields ?? []).Select(FindField)];
    }

    /// <summary>The documents from a row on.</summary>
    internal static IEnumerable<Document> Read(ShardContext context, long fromRow)
    {
        using ParquetShard shard = new(context);
        foreach (ParquetRowGroup group in shard._reader.RowGroups)
        {
            if (group.FirstRow + group.Rows <= fromRow) continue;
            foreach (Document document in shard.Read(group, Math.Max(fromRow - group.FirstRow, 0))) yield return document;
        }
    }

    public void Dispose() => _reader.Dispose();

    private static ParquetReader Open(ShardContext context)
    {
        if (context.Shard.Path == InputFiles.StandardInput)
            throw new CorpusException("standard input", "Parquet is read from its end, which a pipe does not show", "write it to a file first");
        if (context.Shard.Compression != Compression.CompressionKind.None)
            throw new CorpusException(context.Shard.Path, "Parquet inside gzip or zstd", "decompress it: Parquet compresses its own pages");
        return ParquetReader.Open(context.Shard.Path);
    }

    private IEnumerable<Document> Read(ParquetRowGroup group, long skip)
    {
        using ParquetCursor text = _reader.OpenColumn(group.Index, _textColumn);
        using ParquetCursor? id = _idColumn < 0 ? null : _reader.OpenColumn(group.Index, _idColumn);
        using ParquetCursor? source = _sourceColumn < 0 ? null : _reader.OpenColumn(group.Index, _sourceColumn);
        ParquetCursor[] fields = [.. _fieldColumns.Select(column => _reader.OpenColumn(group.Index, column))];
        foreach (ParquetCursor field in fields) field.Skip(skip);
        text.Skip(skip);
        id?.Skip(skip);
        source?.Skip(skip);
        for (long row = group.FirstRow + skip; row < group.FirstRow + group.Rows; row++)
        {
            if (!text.MoveNext() || id?.MoveNext() == false || source?.MoveNext() == false || !fields.All(field => field.MoveNext()))
                throw new CorpusException(_context.Shard.Path, $"corrupt: row group {group.Index} lacks values");
            if (ToDocument(text, id, source, row) is { } document) yield return fields.Length == 0 ? document : document with { Fields = [.. fields.Select(ValueOf)] };
        }
        foreach (ParquetCursor field in fields) field.Dispose();
    }

    private static string? ValueOf(ParquetCursor field) => field.IsNull ? null : field.Column.Type switch
    {
        ParquetType.Bytes => Encoding.UTF8.GetString(field.Bytes),
        ParquetType.Boolean => field.Boolean ? "true" : "false",
        ParquetType.Int32 or ParquetType.Int64 => field.Int64.ToString(CultureInfo.InvariantCulture),
        _ => field.Double.ToString("R", CultureInfo.InvariantCulture),
    };

    private int FindField(string name)
    {
        int column = _reader.Find(name);
        if (column >= 0 && _reader.Columns[column] is { IsRepeated: false, Type: not (ParquetType.Int96 or ParquetType.FixedBytes) }) return column;
        throw new CorpusException(_context.Shard.Path, column < 0 ? $"no column `{name}`" : $"column `{name}` is no text, number or truth value", "name another with `--fields`");
    }

    private Document? ToDocument(ParquetCursor text, ParquetCursor? id, ParquetCursor? source, long row)
    {
        if (text.IsNull)
        {
            _context.Bad(row + 1, $"column `{text.Column.Path}` is null; expected a string");
            return null;
        }
        ReadOnlySpan<byte> bytes = text.Bytes;
        if (!Utf8Check.IsValid(bytes))
        {
            _context.Bad(row + 1, $"invalid UTF-8 (byte {Utf8Check.FirstInvalid(bytes) + 1} of the text)");
            return null;
        }
        byte[] copy = GC.AllocateUninitializedArray<byte>(bytes.Length);
        bytes.CopyTo(copy);
        return new Document(_context.Shard.Index, row, IdOf(id, row), SourceOf(source), copy, default);
    }

    private string IdOf(ParquetCursor? id, long row)
    {
        if (id == null || id.IsNull) return _context.DefaultId(row);
        if (id.Column.Type is ParquetType.Int32 or ParquetType.Int64) return id.Int64.ToString(CultureInfo.InvariantCulture);
        return id.Bytes.IsEmpty ? _context.DefaultId(row) : Encoding.UTF8.GetString(id.Bytes);
    }

    private string SourceOf(ParquetCursor? source)
    {
        if (source == null || source.IsNull || source.Bytes.IsEmpty) return _context.DefaultSource;
        if (!source.Bytes.SequenceEqual(_sourceBytes))
        {
            _sourceBytes = source.Bytes.ToArray();
            _source = Encoding.UTF8.GetString(_sourceBytes);
        }
        return _source;
    }

    private int FindText()
    {
        IReadOnlyList<string> names = _context.TextFields;
        int[] texts = [.. names.Select(_reader.Find).Where(found => found >= 0 && IsText(_reader.Columns[found]))];
        if (texts.Length > 1) throw ShardContext.Ambiguous(_context.Shard.Path, "column", [.. texts.Select(found => _reader.Columns[found].Path)]);
        if (texts is [int column])
        {
            _context.Choose(_reader.Columns[column].Path);
            return column;
        }
        int other = names.Select(_reader.Find).FirstOrDefault(found => found >= 0, -1);
        string columns = string.Join(", ", _reader.Columns.Where(IsText).Take(12).Select(found => $"`{found.Path}`"));
        throw new CorpusException(
            _context.Shard.Path,
            other >= 0 ? $"column `{_reader.Columns[other].Path}` is {(_reader.Columns[other].IsRepeated ? "below a list" : _reader.Columns[other].Type)}; expected a string"
                : $"no column `{names[0]}`; this file has {(columns.Length == 0 ? "no text columns" : columns)}",
            "name the text column with `--text-field`");
    }

    /// <summary>A column that was named must be there; one that is only usual may be missing.</summary>
    private int Find(string? named, string usual, string option)
    {
        int column = _reader.Find(named ?? usual);
        if (column >= 0 && (IsText(_reader.Columns[column]) || (usual == "id" && _reader.Columns[column].Type is ParquetType.Int32 or ParquetType.Int64))) return column;
        if (named == null) return -1;
        throw new CorpusException(_context.Shard.Path, column < 0 ? $"no column `{named}`" : $"column `{named}` is not text", $"name another with `{option}`");
    }

    private static bool IsText(ParquetColumn column) => column is { Type: ParquetType.Bytes, IsRepeated: false };
}
