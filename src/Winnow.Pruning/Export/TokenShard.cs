using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Winnow.Data;
using Winnow.Data.Tokenizers;
using Winnow.Pruning.Scoring;

namespace Winnow.Pruning.Export;

/// <summary>
/// A token shard as llm.c reads it: 256 int32 (magic and version, the number of tokens, zeros), then the tokens: uint16 under
/// magic 20240520 version 1 where the vocabulary fits, else uint32 under magic 20240801 version 7.
/// </summary>
internal sealed class TokenShard
{
    private const int HeaderInts = 256;
    private readonly FileStream _file;
    private readonly bool _narrow;
    private long _tokens;

    /// <summary>Starts a shard at the start of a file, which stays the caller's.</summary>
    public TokenShard(FileStream file, int vocabularySize)
    {
        (_file, _narrow) = (file, vocabularySize <= 1 << 16);
        _file.Write(new byte[HeaderInts * sizeof(int)]);
    }

    /// <summary>Bytes of the tokens written.</summary>
    public long Bytes => _tokens * (_narrow ? sizeof(ushort) : sizeof(int));

    /// <summary>Appends tokens.</summary>
    public void Write(ReadOnlySpan<int> ids)
    {
        _tokens += ids.Length;
        if (!_narrow)
        {
            _file.Write(MemoryMarshal.AsBytes(ids));
            return;
        }

        Span<ushort> narrow = stackalloc ushort[256];
        for (; !ids.IsEmpty; ids = ids[Math.Min(ids.Length, narrow.Length)..])
        {
            int count = Math.Min(ids.Length, narrow.Length);
            for (int i = 0; i < count; i++) narrow[i] = (ushort)ids[i];
            _file.Write(MemoryMarshal.AsBytes(narrow[..count]));
        }
    }

    /// <summary>Writes the header.</summary>
    /// <exception cref="CorpusException">There are more tokens than the header can count.</exception>
    public void Finish()
    {
        if (_tokens > int.MaxValue)
            throw new CorpusException(_file.Name, $"{_tokens} tokens, a token shard counts at most {int.MaxValue}", "split the input into smaller files");
        Span<byte> header = stackalloc byte[3 * sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(header, _narrow ? 20240520 : 20240801);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], _narrow ? 1 : 7);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], (int)_tokens);
        _file.Position = 0;
        _file.Write(header);
        _file.Position = _file.Length;
    }
}

/// <summary>How an export turns text into tokens.</summary>
internal sealed class ExportTokenizer
{
    private readonly Tokenizer _tokenizer;

    private ExportTokenizer(Tokenizer tokenizer) => _tokenizer = tokenizer;

    /// <summary>Highest id + 1.</summary>
    public int VocabularySize => _tokenizer.VocabularySize;

    /// <summary>Stands behind every document.</summary>
    public int EndOfText => ScoringPlan.EndOfText(_tokenizer);

    /// <summary>Loads the tokenizer of a run, or another for documents.</summary>
    /// <exception cref="CorpusException">It cannot be found, or is another than cut the sequences.</exception>
    public static ExportTokenizer Open(ExportOptions options, RunManifest manifest)
    {
        string path = options.Tokenizer ?? (manifest.Models.Count > 0 ? manifest.Models[0].Path : null)
            ?? throw new CorpusException("export", "no tokenizer is known", "name one with `--tokenizer`");
        Tokenizer tokenizer = Tokenizer.Load(path);
        if (manifest.Options.Unit == UnitKind.Sequence && tokenizer.Hash != manifest.Tokenizer.Sha256)
            throw new CorpusException(path, "another tokenizer than the one that cut the sequences", "name that one with `--tokenizer`");
        return new ExportTokenizer(tokenizer);
    }

    /// <summary>For one thread.</summary>
    public TokenEncoder CreateEncoder() => _tokenizer.CreateEncoder();
}
