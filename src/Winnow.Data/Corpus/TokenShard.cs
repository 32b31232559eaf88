using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Winnow.Data.Compression;
using Winnow.Data.Tokenizers;

namespace Winnow.Data.Corpus;

/// <summary>
/// Reads token shards: a document between two end-of-text tokens, its text what its tokens stand for. A shard that begins with that
/// token has one in front of every document, any other one behind.
/// </summary>
internal sealed class TokenShard
{
    private const int MostTokens = 1 << 24;            // of a document
    private const int BufferBytes = 1 << 16;

    private readonly ShardContext _context;
    private readonly Tokenizer _tokenizer;
    private readonly TokenTexts _texts;
    private readonly int _endOfText;
    private readonly List<int> _ids = [];
    private bool _isOpen;                              // there is a document under way, even if it has no token yet
    private TokenLayout _layout = TokenLayout.Raw;
    private long _tokens;                              // read so far
    private long _row;

    private TokenShard(ShardContext context, Tokenizer tokenizer)
    {
        (_context, _tokenizer, _texts) = (context, tokenizer, tokenizer.Texts);
        _endOfText = tokenizer.EndOfText ?? throw new CorpusException(
            context.Shard.Path, "the tokenizer names no end-of-text token, which parts the documents of a token shard", "name `eos_token` in its `tokenizer_config.json`");
    }

    /// <summary>The documents from a row on.</summary>
    internal static IEnumerable<Document> Read(ShardContext context, long fromRow)
    {
        Tokenizer tokenizer = context.Tokenizer ?? throw new CorpusException(
            context.Shard.Path, "a token shard, and no tokenizer says what its tokens are", "name its tokenizer with `--tokenizer`, or a model with `--model`");
        return new TokenShard(context, tokenizer).Read(fromRow);
    }

    private IEnumerable<Document> Read(long fromRow)
    {
        using Stream content = _context.OpenContent();
        byte[] buffer = new byte[BufferBytes];
        long declared = ReadHeader(content, buffer, out int count);
        bool leads = false;
        while (true)
        {
            int whole = count - (count % _layout.TokenBytes);
            for (int at = 0; at < whole; at += _layout.TokenBytes)
            {
                int id = Token(buffer.AsSpan(at), declared);
                if (_tokens++ == 0) leads = id == _endOfText;
                if (id == _endOfText)
                {
                    // In front of a document it ends the one before, if there is one.
                    if ((!leads || _isOpen) && _row++ >= fromRow) yield return Take(leads);
                    _ids.Clear();
                    _isOpen = leads;
                    continue;
                }

                _isOpen = true;
                if (_ids.Count == MostTokens) throw TooLong();
                _ids.Add(id);
            }

            buffer.AsSpan(whole, count - whole).CopyTo(buffer);
            int rest = count - whole;
            int read = content.Read(buffer.AsSpan(rest));
            count = rest + read;
            if (read > 0) continue;
            RequireEnd(rest, declared);
            if (_isOpen && _row++ >= fromRow) yield return Take(leads, isLast: true);
            yield break;
        }
    }

    /// <summary>The number of tokens that the header declares; −1 without a header. What of the buffer is filled holds tokens.</summary>
    private long ReadHeader(Stream content, byte[] buffer, out int count)
    {
        count = content.ReadAtLeast(buffer, TokenLayout.Narrow.HeaderBytes, throwOnEndOfStream: false);
        string path = _context.Shard.Path;
        if (count == 0) throw new CorpusException(path, "the file is empty; expected tokens");
        _layout = TokenLayout.Of(buffer.AsSpan(0, count));
        if (_layout.HeaderBytes == 0)
        {
            if (_tokenizer.VocabularySize > 1 << 16)
                throw new CorpusException(path, $"a file without a header holds uint16 tokens, the tokenizer has {_tokenizer.VocabularySize} ids", "write the shard with llm.c's header and uint32 tokens, or name the tokenizer that it was written with");
            RequireSize(-1);
            return -1;
        }

        if (count < _layout.HeaderBytes) throw new CorpusException(path, $"the file ends inside its header: {count} bytes, expected {_layout.HeaderBytes}", "the file is damaged: copy or write it again");
        int version = BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(4)), declared = BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(8));
        if (version != _layout.Version)
            throw new CorpusException(path, $"a header of magic {_layout.Magic} and version {version}, expected version {_layout.Version}", $"known are {TokenLayout.Narrow.Magic} version {TokenLayout.Narrow.Version} (uint16) and {TokenLayout.Wide.Magic} version {TokenLayout.Wide.Version} (uint32)");
        if (declared < 0) throw new CorpusException(path, $"the header declares {declared} tokens", "the file is damaged: write it again");
        RequireSize(declared);
        count -= _layout.HeaderBytes;
        buffer.AsSpan(_layout.HeaderBytes, count).CopyTo(buffer);
        return declared;
    }

    /// <summary>A file that is cut off is refused before its first token is used, unless the good part of a damaged file is wanted.</summary>
    private void RequireSize(long declared)
    {
        if (_context.Shard.Compression != CompressionKind.None || _context.Shard.Bytes < 0 || _context.Options.MaxBadShards > 0) return;
        long bytes = _context.Shard.Bytes - _layout.HeaderBytes;
        if (declared >= 0 && bytes != declared * _layout.TokenBytes) throw OtherSize(bytes / _layout.TokenBytes, bytes % _layout.TokenBytes, declared);
        if (bytes % _layout.TokenBytes != 0) throw OddSize(_context.Shard.Bytes);
    }

    private void RequireEnd(int restBytes, long declared)
    {
        if (declared >= 0 && (restBytes > 0 || _tokens != declared)) throw OtherSize(_tokens, restBytes, declared);
        if (restBytes > 0) throw OddSize((_tokens * _layout.TokenBytes) + restBytes);
    }

    private CorpusException OtherSize(long tokens, long restBytes, long declared) => new(
        _context.Shard.Path, $"{tokens} tokens{(restBytes > 0 ? $" and {restBytes} bytes" : "")} follow the header, which declares {declared} {_layout.Name} tokens",
        "the file is damaged: copy or write it again");

    private CorpusException OddSize(long bytes) => new(
        _context.Shard.Path, $"{bytes} bytes are no whole number of uint16 tokens", "the file is cut off, or no token shard");

    private CorpusException TooLong() => new(
        At(_tokens), $"a document of more than {MostTokens} tokens: no end-of-text token (id {_endOfText}) in all of them", "is this the tokenizer that the shard was written with?");

    private int Token(ReadOnlySpan<byte> bytes, long declared)
    {
        if (_tokens == declared) throw OtherSize(declared + 1, 0, declared);
        uint id = _layout.TokenBytes == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (id <= int.MaxValue && _texts.Has((int)id)) return (int)id;
        throw new CorpusException(At(_tokens), $"id {id}; the tokenizer has ids up to {_tokenizer.VocabularySize - 1}", "name the tokenizer that the shard was written with");
    }

    private string At(long token) => string.Create(CultureInfo.InvariantCulture, $"{_context.Shard.Path}: token {token}");

    private Document Take(bool leads, bool isLast = false)
    {
        TokenizedText tokens = _texts.Decode(CollectionsMarshal.AsSpan(_ids), out byte[] text);
        return new Document(_context.Shard.Index, _row - 1, _context.DefaultId(_row - 1), _context.DefaultSource, text, _context.Options.KeepRecords ? Record(leads, isLast) : default)
        {
            Tokens = tokens,
        };
    }

    /// <summary>The document's tokens with the end-of-text token on its side, as they stand in the file.</summary>
    private byte[] Record(bool leads, bool isLast)
    {
        int width = _layout.TokenBytes, before = leads ? 1 : 0, behind = leads || isLast ? 0 : 1;
        byte[] record = new byte[(before + _ids.Count + behind) * width];
        if (leads) Put(record, _endOfText);
        for (int i = 0; i < _ids.Count; i++) Put(record.AsSpan((before + i) * width), _ids[i]);
        if (behind > 0) Put(record.AsSpan(_ids.Count * width), _endOfText);
        return record;
    }

    private void Put(Span<byte> at, int id)
    {
        if (_layout.TokenBytes == 2) BinaryPrimitives.WriteUInt16LittleEndian(at, (ushort)id);
        else BinaryPrimitives.WriteInt32LittleEndian(at, id);
    }
}
