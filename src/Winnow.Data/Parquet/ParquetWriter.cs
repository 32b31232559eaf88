using System.Buffers.Binary;

namespace Winnow.Data.Parquet;

/// <summary>How a Parquet file is written.</summary>
public sealed record ParquetWriterOptions
{
    /// <summary>Rows after which a row group ends.</summary>
    public int RowGroupRows { get; init; } = 1 << 20;

    /// <summary>Bytes of values after which a row group ends: what the writer holds in memory.</summary>
    public long RowGroupBytes { get; init; } = 64L << 20;

    /// <summary>zstd level; 0 does not compress.</summary>
    public int CompressionLevel { get; init; } = 3;

    /// <summary>Key-value metadata of the file.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}

/// <summary>
/// Writes flat columns, row by row into columns in memory, one row group at a time to the stream:
/// <code>
/// using var writer = new ParquetWriter(stream, [ParquetColumn.Int64("row"), ParquetColumn.Double("nll", nullable: true)]);
/// writer[0].Add(7L); writer[1].AddNull(); writer.EndRow();
/// writer.Finish();
/// </code>
/// </summary>
public sealed class ParquetWriter : IDisposable
{
    private readonly Stream _stream;
    private readonly ParquetWriterOptions _options;
    private readonly ParquetFooter _frame;         // schema and metadata
    private readonly ParquetColumnBuffer[] _columns;
    private readonly List<ParquetGroup> _groups = [];
    private readonly PageCodec _codec = new();
    private readonly bool _isCopy;
    private long _offset;
    private int _rowsInGroup;
    private bool _finished;

    /// <summary>Starts a file at the stream's position. The stream stays the caller's.</summary>
    public ParquetWriter(Stream stream, IReadOnlyList<ParquetColumn> columns, ParquetWriterOptions? options = null)
        : this(stream, FrameOf(columns, options ?? new ParquetWriterOptions()), options ?? new ParquetWriterOptions(), isCopy: false)
    {
    }

    private ParquetWriter(Stream stream, ParquetFooter frame, ParquetWriterOptions options, bool isCopy)
    {
        _stream = stream;
        _frame = frame;
        _options = options;
        _isCopy = isCopy;
        _columns = [.. frame.Leaves.Select(leaf => new ParquetColumnBuffer(leaf))];
        Put("PAR1"u8);
    }

    /// <summary>The values of a column in the row group under way.</summary>
    public ParquetColumnBuffer this[int column] => _columns[column];

    /// <summary>Rows ended so far, in all row groups.</summary>
    public long Rows { get; private set; }

    /// <summary>Ends a row: every column must have got exactly one value or null. Writes the row group when it is full.</summary>
    public void EndRow() => EndRows(1);

    /// <summary>Writes what is in memory as a row group; nothing when there is nothing.</summary>
    public void EndRowGroup()
    {
        if (_rowsInGroup == 0) return;
        List<ParquetChunk> chunks = [];
        foreach (ParquetColumnBuffer column in _columns)
        {
            ParquetChunk chunk = new ColumnEncoder(_stream, _codec, _options.CompressionLevel).Write(column, _offset, withRange: !_isCopy);
            _offset += chunk.CompressedBytes;
            chunks.Add(chunk);
            column.Clear();
        }
        _groups.Add(new ParquetGroup(chunks, _rowsInGroup, chunks.Sum(chunk => chunk.UncompressedBytes)));
        _rowsInGroup = 0;
    }

    /// <summary>Appends all row groups of a file with the same columns, as they are stored: nothing is decoded.</summary>
    public void Append(ParquetReader file)
    {
        if (!file.Footer.Schema.SequenceEqual(_frame.Schema, ByteArrayComparer.Instance))
            throw new ArgumentException("the columns differ", nameof(file));
        EndRowGroup();
        foreach (ParquetGroup group in file.Footer.Groups)
        {
            List<ParquetChunk> chunks = [];
            foreach (ParquetChunk chunk in group.Chunks)
            {
                long moved = _offset - chunk.Start;
                CopyBytes(file.Source, chunk.Start, chunk.CompressedBytes);
                chunks.Add(chunk with { DataOffset = chunk.DataOffset + moved, DictionaryOffset = chunk.Start == chunk.DataOffset ? null : chunk.Start + moved });
            }
            _groups.Add(group with { Chunks = chunks });
            Rows += group.Rows;
        }
    }

    /// <summary>Writes the last row group and the footer. Without it the file is not a Parquet file.</summary>
    public void Finish()
    {
        if (_finished) return;
        EndRowGroup();
        byte[] footer = (_frame with { Groups = _groups, Rows = Rows }).Write();
        Put(footer);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, footer.Length);
        Put(length);
        Put("PAR1"u8);
        _stream.Flush();
        _finished = true;
    }

    /// <summary>Frees memory; does not finish.</summary>
    public void Dispose() => _codec.Dispose();

    /// <summary>A writer of a file with the schema and metadata of another, nested columns and all.</summary>
    internal static ParquetWriter Like(ParquetReader file, Stream stream, ParquetWriterOptions options, ParquetAddition? addition = null)
    {
        ParquetFooter footer = addition is null ? file.Footer : file.Footer.With(addition.Group, addition.Columns);
        return new ParquetWriter(stream, footer with { Groups = [], Rows = 0 }, options, isCopy: true);
    }

    /// <summary>Ends rows whose entries are all in the columns.</summary>
    internal void EndRows(int rows)
    {
        _rowsInGroup += rows;
        Rows += rows;
        long size = 0;
        foreach (ParquetColumnBuffer column in _columns)
        {
            if (column.RowCount != _rowsInGroup)
                throw new InvalidOperationException($"column `{column.Column.Path}` has values for {column.RowCount} rows where the others have {_rowsInGroup}");
            size += column.Size;
        }
        if (_rowsInGroup >= _options.RowGroupRows || size >= _options.RowGroupBytes) EndRowGroup();
    }

    private static ParquetFooter FrameOf(IReadOnlyList<ParquetColumn> columns, ParquetWriterOptions options)
    {
        if (columns.Count == 0 || columns.Any(column => column.IsRepeated)) throw new ArgumentException("flat columns are wanted, one at least", nameof(columns));
        return new ParquetFooter
        {
            Schema = ParquetFooter.SchemaOf(columns),
            Leaves = [.. columns.Select(column => new ParquetLeaf(column, [column.Path], column.IsNullable ? 1 : 0, 0))],
            Metadata = [.. options.Metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal)],
            CreatedBy = "winnow",
        };
    }

    private void CopyBytes(ParquetSource source, long offset, long count)
    {
        byte[] buffer = new byte[(int)Math.Min(count, 1 << 20)];
        while (count > 0)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(count, buffer.Length));
            source.Read(offset, part);
            Put(part);
            offset += part.Length;
            count -= part.Length;
        }
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        _stream.Write(bytes);
        _offset += bytes.Length;
    }

    private sealed class ByteArrayComparer : IEqualityComparer<byte[]>
    {
        internal static readonly ByteArrayComparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] bytes) => bytes.Length;
    }
}
