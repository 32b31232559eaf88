using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Winnow.Data.Compression;
using Winnow.Data.Parquet;

namespace Winnow.Data.Corpus;

/// <summary>
/// Writes documents to one file. A document whose record has the format of the file is written byte for byte as it was read;
/// any other becomes a new record with <c>id</c>, <c>source</c> and <c>text</c>.
/// </summary>
public sealed class DocumentWriter : IDisposable
{
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly CorpusFormat _format;
    private readonly Stream _stored;
    private readonly Stream _content;
    private readonly bool _isMemberPerRecord;      // a gzip member for each: what readers of web archives expect
    private readonly int? _level;
    private readonly ParquetWriter? _parquet;
    private readonly ArrayBufferWriter<byte> _line = new();
    private bool _lineIsOpen;      // the last record had no line end
    private bool _finished;

    /// <summary>Starts a file.</summary>
    /// <param name="stream">Where it goes; disposed with the writer.</param>
    /// <param name="format">What it holds. Parquet gets the columns <c>id</c>, <c>source</c>, <c>text</c>; for the rows of a Parquet file as they are see <see cref="ParquetSubset"/>.</param>
    /// <param name="compression">How it is compressed; Parquet compresses its own pages.</param>
    /// <param name="level">Compression level; null is the usual one.</param>
    /// <param name="threads">How many compress zstd, beside the caller; the bytes are the same for any number.</param>
    public DocumentWriter(Stream stream, CorpusFormat format, CompressionKind compression, int? level = null, int threads = 1)
    {
        if (format is CorpusFormat.XmlDocumentation or CorpusFormat.Tokens) throw new ArgumentOutOfRangeException(nameof(format), format, "not a format of written documents");
        _format = format;
        _stored = stream;
        _level = level;
        bool isParquet = format == CorpusFormat.Parquet;
        _isMemberPerRecord = format == CorpusFormat.Warc && compression == CompressionKind.Gzip;
        _content = CompressedStream.Write(new OpenStream(stream), isParquet || _isMemberPerRecord ? CompressionKind.None : compression, level, threads);
        if (!isParquet) return;
        _parquet = new ParquetWriter(
            _content, [ParquetColumn.String("id"), ParquetColumn.String("source"), ParquetColumn.String("text")],
            new ParquetWriterOptions { CompressionLevel = level ?? 3 });
    }

    /// <summary>Documents written.</summary>
    public long Documents { get; private set; }

    /// <summary>Makes a line of JSON with <c>id</c>, <c>source</c> and <c>text</c>.</summary>
    public static void ComposeJson(Document document, IBufferWriter<byte> line)
    {
        using (Utf8JsonWriter json = new(line, s_json))
        {
            json.WriteStartObject();
            json.WriteString("id"u8, document.Id);
            json.WriteString("source"u8, document.Source);
            json.WriteString("text"u8, document.Text.Span);
            json.WriteEndObject();
        }
        line.Write("\n"u8);
    }

    /// <summary>Writes what stands in front of the records: the header line of a CSV file (<see cref="CorpusReader.ReadHeader"/>).</summary>
    public void WriteHeader(ReadOnlySpan<byte> header) => _content.Write(header);

    /// <summary>Writes one document.</summary>
    /// <param name="document">What.</param>
    /// <param name="sameFormat">True when <see cref="Document.Record"/> is a record of this file's format.</param>
    public void Write(Document document, bool sameFormat)
    {
        if (_parquet != null)
        {
            _parquet[0].Add(document.Id);
            _parquet[1].Add(document.Source);
            _parquet[2].Add(document.Text.Span);
            _parquet.EndRow();
        }
        else
        {
            WriteBytes(sameFormat ? document.Record.Span : Compose(document));
        }
        Documents++;
    }

    /// <summary>Completes the file and makes it durable where it is one. Without it the file is truncated.</summary>
    public void Finish()
    {
        if (_finished) return;
        _parquet?.Finish();
        _finished = true;
        _content.Dispose();
        if (_stored is FileStream file) file.Flush(flushToDisk: true);
        else _stored.Flush();
    }

    /// <summary>Closes the stream; does not finish.</summary>
    public void Dispose()
    {
        _parquet?.Dispose();
        try
        {
            if (!_finished) _content.Dispose();
        }
        catch (IOException)
        {
            // What could not be written was told where it was written; nobody wants an unfinished file.
        }
        _stored.Dispose();
    }

    private void WriteBytes(ReadOnlySpan<byte> record)
    {
        if (_isMemberPerRecord)
        {
            using Stream member = CompressedStream.Write(new OpenStream(_stored), CompressionKind.Gzip, _level);
            member.Write(record);
            return;
        }
        if (_lineIsOpen) _content.Write("\n"u8);
        _content.Write(record);
        _lineIsOpen = record.Length > 0 && record[^1] != '\n';
    }

    private ReadOnlySpan<byte> Compose(Document document)
    {
        if (_format == CorpusFormat.Text) return ComposeText(document);
        if (_format != CorpusFormat.Jsonl) throw new InvalidOperationException($"new records of {_format} cannot be made");
        _line.ResetWrittenCount();
        ComposeJson(document, _line);
        return _line.WrittenSpan;
    }

    /// <summary>The text and a blank line.</summary>
    private ReadOnlySpan<byte> ComposeText(Document document)
    {
        _line.ResetWrittenCount();
        _line.Write(document.Text.Span.TrimEnd((byte)'\n'));
        _line.Write("\n\n"u8);
        return _line.WrittenSpan;
    }

    /// <summary>Writes through, and stays open when it is closed: the file is flushed after the last frame ends.</summary>
    private sealed class OpenStream(Stream stream) : OneWayStream
    {
        public override bool CanWrite => true;

        public override void Write(ReadOnlySpan<byte> buffer) => stream.Write(buffer);

        public override void Flush() => stream.Flush();
    }
}
