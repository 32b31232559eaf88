using System.Runtime.InteropServices;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Pruning.Scoring;

namespace Winnow.Pruning.Export;

/// <summary>How an export writes tokens.</summary>
/// <param name="Tokenizer">What cuts text.</param>
/// <param name="Layout">Of the files.</param>
internal sealed record TokenOutput(ExportTokenizer Tokenizer, TokenLayout Layout);

/// <summary>Writes a token shard.</summary>
internal sealed class TokenShardWriter
{
    private readonly FileStream _file;
    private readonly TokenLayout _layout;

    /// <summary>Starts a shard at the start of a file, which stays the caller's.</summary>
    public TokenShardWriter(FileStream file, TokenLayout layout)
    {
        (_file, _layout) = (file, layout);
        _file.Write(layout.Header(0));
    }

    /// <summary>Bytes of the tokens written.</summary>
    public long Bytes { get; private set; }

    /// <summary>Appends tokens.</summary>
    public void Write(ReadOnlySpan<int> ids)
    {
        if (_layout.TokenBytes == sizeof(int))
        {
            Write(MemoryMarshal.AsBytes(ids));
            return;
        }

        Span<ushort> narrow = stackalloc ushort[256];
        for (; !ids.IsEmpty; ids = ids[Math.Min(ids.Length, narrow.Length)..])
        {
            int count = Math.Min(ids.Length, narrow.Length);
            for (int i = 0; i < count; i++) narrow[i] = checked((ushort)ids[i]);
            Write(MemoryMarshal.AsBytes(narrow[..count]));
        }
    }

    /// <summary>Appends tokens that are laid out like the file.</summary>
    public void Write(ReadOnlySpan<byte> tokens)
    {
        _file.Write(tokens);
        Bytes += tokens.Length;
    }

    /// <summary>Writes the header.</summary>
    /// <exception cref="CorpusException">There are more tokens than the header can count.</exception>
    public void Finish()
    {
        long tokens = Bytes / _layout.TokenBytes;
        if (tokens > _layout.MostTokens)
            throw new CorpusException(_file.Name, $"{tokens} tokens, a token shard counts at most {_layout.MostTokens}", "begin new files with `--shard-bytes`");
        _file.Position = 0;
        _file.Write(_layout.Header(tokens));
        _file.Position = _file.Length;
    }
}

/// <summary>How an export turns text into tokens.</summary>
internal sealed class ExportTokenizer
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _isThatOfRun;

    private ExportTokenizer(Tokenizer tokenizer, RunManifest manifest) =>
        (_tokenizer, _isThatOfRun) = (tokenizer, tokenizer.Hash == manifest.Tokenizer.Sha256);

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
        return new ExportTokenizer(tokenizer, manifest);
    }

    /// <summary>The tokenizer that the token shards of a run were read with.</summary>
    public static Tokenizer OfShards(ExportOptions options, RunManifest manifest)
    {
        foreach (string path in new[] { options.Tokenizer }.Concat(manifest.Models.Select(model => model.Path)).OfType<string>())
        {
            Tokenizer tokenizer = Tokenizer.Load(path);
            if (tokenizer.Hash == manifest.Tokenizer.Sha256) return tokenizer;
        }

        throw new CorpusException("export", "the tokenizer that the token shards were scored with is not at hand", "name it with `--tokenizer`");
    }

    /// <summary>For one thread.</summary>
    public TokenEncoder CreateEncoder() => _tokenizer.CreateEncoder();

    /// <summary>The ids of a document: those that it came with, where they are this tokenizer's, else those of its text.</summary>
    public void Encode(Document document, TokenEncoder encoder, List<int> ids, List<int>? ends = null)
    {
        if (!_isThatOfRun || document.Tokens is not { } tokens)
        {
            encoder.Encode(document.Text.Span, ids, ends);
            return;
        }

        ids.AddRange(tokens.Ids);
        ends?.AddRange(tokens.Ends);
    }
}
