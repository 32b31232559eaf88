using Winnow.Data.Compression;

namespace Winnow.Data.Corpus;

/// <summary>
/// Writes documents to one file. A document whose record has the format of the file is written byte for byte as it was read;
/// any other becomes a new record with <c>id</c>, <c>source</c> and <c>text</c>.
/// </summary>
public sealed class DocumentWriter : IDisposable
{
    /// <summary>Starts a file.</summary>
    /// <param name="stream">Where it goes; disposed with the writer.</param>
    /// <param name="format">What it holds: JSONL, text or Parquet.</param>
    /// <param name="compression">How it is compressed; Parquet compresses its own pages.</param>
    /// <param name="level">Compression level; null is the usual one.</param>
    public DocumentWriter(Stream stream, CorpusFormat format, CompressionKind compression, int? level = null) => throw new NotImplementedException();

    /// <summary>Documents written.</summary>
    public long Documents => throw new NotImplementedException();

    /// <summary>Writes one document.</summary>
    /// <param name="document">What.</param>
    /// <param name="sameFormat">True when <see cref="Document.Record"/> is a record of this file's format.</param>
    public void Write(Document document, bool sameFormat) => throw new NotImplementedException();

    /// <summary>Completes the file. Without it the file is truncated.</summary>
    public void Finish() => throw new NotImplementedException();

    /// <summary>Closes the stream; does not finish.</summary>
    public void Dispose() => throw new NotImplementedException();
}
