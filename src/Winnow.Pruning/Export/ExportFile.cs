using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;

namespace Winnow.Pruning.Export;

/// <summary>One file that is being exported, under a temporary name; hashed as it is written. It exists once the first record comes.</summary>
internal sealed class ExportFile(
    OutputDirectory directory, string name, CorpusFormat format, CompressionKind compression, byte[] header, TokenOutput? output, int threads) : IDisposable
{
    private readonly TokenEncoder? _encoder = output?.Tokenizer.CreateEncoder();
    private readonly List<int> _ids = [];
    private OutputFile? _file;
    private HashingStream? _stream;
    private DocumentWriter? _writer;
    private TokenShardWriter? _tokens;

    /// <summary>Records written.</summary>
    public long Records { get; private set; }

    /// <summary>Bytes of the records written, before compression; of other formats than the input's, of their texts.</summary>
    public long ContentBytes { get; private set; }

    /// <summary>Writes one record; as tokens, those of its text followed by the end-of-text token.</summary>
    public void Write(Document document, bool sameFormat)
    {
        if (_encoder is not null && !sameFormat)
        {
            _ids.Clear();
            output!.Tokenizer.Encode(document, _encoder, _ids);
            _ids.Add(output.Tokenizer.EndOfText);
            Write(CollectionsMarshal.AsSpan(_ids));
            return;
        }

        if (output is not null)
        {
            Tokens().Write(document.Record.Span);
            Count();
            return;
        }

        if (_writer is null)
        {
            _writer = new DocumentWriter(Open(), format, compression, threads: threads);
            _writer.WriteHeader(header);
        }

        _writer.Write(document, sameFormat);
        ContentBytes += sameFormat && !document.Record.IsEmpty ? document.Record.Length : document.Text.Length;
        Records++;
    }

    /// <summary>Writes the tokens of one unit.</summary>
    public void Write(ReadOnlySpan<int> ids)
    {
        Tokens().Write(ids);
        Count();
    }

    /// <summary>Lets a copier write the whole file; says how many records it wrote.</summary>
    public void Write(Func<Stream, long> copy) => Records = copy(Open());

    /// <summary>Flushes the file to the disk and gives it its name; null when it has no record.</summary>
    public ExportedFile? Finish()
    {
        _writer?.Finish();
        _writer?.Dispose();
        _writer = null;
        if (_file is null || Records == 0) return null;
        _tokens?.Finish();
        ExportedFile done = new(name, Records, _stream?.Length ?? _file.Stream.Length, _stream?.Hash() ?? HashOf(_file.Stream));
        _file.Finish(done);
        _file.Dispose();
        _file = null;
        return done;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _writer?.Dispose();
        _stream?.Dispose();
        _file?.Dispose();
    }

    private TokenShardWriter Tokens() => _tokens ??= new TokenShardWriter((FileStream)(_file = directory.Begin(name, seeks: true)).Stream, output!.Layout);

    private void Count()
    {
        ContentBytes = _tokens!.Bytes;
        Records++;
    }

    private HashingStream Open() => _stream = new HashingStream((_file = directory.Begin(name)).Stream);

    // Token shards have their length in front, which is written last.
    private static string HashOf(Stream file)
    {
        file.Position = 0;
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    /// <summary>Hashes what passes through; leaves the file open.</summary>
    private sealed class HashingStream(Stream inner) : Stream
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private long _position;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _position;

        public override long Position
        {
            get => _position;
            set => throw new NotSupportedException();
        }

        public string Hash() => Convert.ToHexStringLower(_hash.GetCurrentHash());

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _hash.AppendData(buffer);
            inner.Write(buffer);
            _position += buffer.Length;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
