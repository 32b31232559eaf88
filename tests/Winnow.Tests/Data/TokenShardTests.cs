using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Xunit;

namespace Winnow.Tests.Data;

public sealed class TokenShardTests : IDisposable
{
    private static readonly string[] s_texts = ["The first text, naïve.", "模型 and 😀", "", " starts with a space", "last"];
    private readonly TemporaryDirectory _directory = new();
    private readonly Tokenizer _tokenizer = Tokenizer.Load(Fixtures.Root("e2e"));

    public void Dispose() => _directory.Dispose();

    public static TheoryData<string> Tokenizers => [.. Directory.GetDirectories(Fixtures.Root("tokenizers")).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void Ids_become_the_text_they_came_from_and_every_token_ends_where_it_ended(string name)
    {
        Tokenizer tokenizer = Tokenizer.Load(Path.Combine(Fixtures.Root("tokenizers"), name));
        TokenEncoder encoder = tokenizer.CreateEncoder();
        foreach (string text in s_texts.Concat(["two  spaces\n\ttab", "“quoted” — дом 日本語 🏳️‍🌈", "a\u0301 b"]))
        {
            List<int> ids = [], ends = [];
            encoder.Encode(Encoding.UTF8.GetBytes(text), ids, ends);
            TokenizedText tokens = tokenizer.Texts.Decode(CollectionsMarshal.AsSpan(ids), out byte[] decoded);
            Assert.Equal(Encoding.UTF8.GetString(tokenizer.Decode(CollectionsMarshal.AsSpan(ids))), Encoding.UTF8.GetString(decoded));
            if (Encoding.UTF8.GetString(decoded) == text) Assert.Equal(ends, tokens.Ends);
        }
    }

    [Theory]
    [InlineData("raw", false)]
    [InlineData("raw", true)]
    [InlineData("narrow", false)]
    [InlineData("narrow", true)]
    [InlineData("wide", false)]
    public void A_document_stands_between_two_end_of_text_tokens_and_the_records_are_the_file(string layout, bool leads)
    {
        int[] stream = [.. s_texts.SelectMany(text => leads ? [End, .. Encode(text)] : (int[])[.. Encode(text), End])];
        string path = Write("a.bin", LayoutOf(layout), stream);
        CorpusReader corpus = Open(path);
        Document[] documents = [.. corpus.Read(0)];
        Assert.Equal(s_texts, documents.Select(document => Encoding.UTF8.GetString(document.Text.Span)));
        Assert.Equal(s_texts.Select(Encode), documents.Select(document => document.Tokens!.Ids));
        Assert.Equal(("a.bin:3", 3L, "a"), (documents[3].Id, documents[3].Row, documents[3].Source));
        Assert.Equal(File.ReadAllBytes(path)[LayoutOf(layout).HeaderBytes..], documents.SelectMany(document => document.Record.ToArray()));
        Assert.Equal(documents.Skip(2).Select(document => (document.Row, document.Id)), corpus.Read(0, fromRow: 2).Select(document => (document.Row, document.Id)));
    }

    [Fact]
    public void A_shard_that_cuts_a_character_is_text_with_as_many_bytes()
    {
        int[] ids = Encode("模型"), cut = [.. ids[1..], End, .. ids[..^1]];
        Document[] documents = [.. Open(Write("a.bin", TokenLayout.Raw, cut)).Read(0)];
        Assert.Equal([6 - _tokenizer.Decode(ids.AsSpan(0, 1)).Length, 6 - _tokenizer.Decode(ids.AsSpan(ids.Length - 1)).Length], documents.Select(document => document.Text.Length));
        Assert.All(documents, document => Assert.True(System.Text.Unicode.Utf8.IsValid(document.Text.Span)));
        Assert.All(documents, document => Assert.Equal(document.Text.Length, document.Tokens!.Ends[^1]));
        Assert.Contains("?", Encoding.UTF8.GetString(documents[0].Text.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void Many_documents_are_read_across_the_borders_of_the_buffer()
    {
        Random random = new(1);
        int[][] documents = [.. Enumerable.Range(0, 3000).Select(_ => Enumerable.Range(0, random.Next(1, 80)).Select(_ => random.Next(1, _tokenizer.VocabularySize)).ToArray())];
        string path = Write("a.bin", TokenLayout.Wide, [.. documents.SelectMany(ids => (int[])[.. ids, End])]);
        Assert.Equal(documents, Open(path).Read(0).Select(document => document.Tokens!.Ids));
    }

    [Fact]
    public void Damage_is_refused_with_its_place_or_the_good_part_is_used()
    {
        int[] stream = [.. Encode("one text"), End, .. Encode("another"), End];
        byte[] raw = Bytes(TokenLayout.Raw, stream), narrow = Bytes(TokenLayout.Narrow, stream);
        Refuses([.. raw, 7], $"{raw.Length + 1} bytes are no whole number of uint16 tokens");
        Refuses([.. narrow[..^6]], $"{stream.Length - 3} tokens follow the header, which declares {stream.Length} llm.c uint16 tokens");
        Refuses([.. narrow[..^1]], $"{stream.Length - 1} tokens and 1 bytes follow the header");
        Refuses([.. narrow, 1, 0], $"{stream.Length + 1} tokens follow the header");
        Refuses(narrow[..500], "ends inside its header");
        Refuses([.. narrow[..4], 2, 0, 0, 0, .. narrow[8..]], "magic 20240520 and version 2, expected version 1");
        Refuses([], "the file is empty");
        Refuses(Bytes(TokenLayout.Raw, [.. stream, 340]), $"damaged.bin: token {stream.Length}: id 340; the tokenizer has ids up to 339");
        Refuses(Bytes(TokenLayout.Wide, [-1]), "token 0: id 4294967295");
        File.WriteAllBytes(_directory["damaged.bin"], narrow[..^6]);
        CorpusReader corpus = Open(_directory["damaged.bin"], new CorpusOptions { MaxBadShards = 1 });
        Assert.Equal("one text", Encoding.UTF8.GetString(corpus.Read(0).First().Text.Span));
        Assert.Single(corpus.Read(0));
        Assert.Contains("follow the header", corpus.BadShards.Single().Why, StringComparison.Ordinal);

        void Refuses(byte[] content, string message)
        {
            File.WriteAllBytes(_directory["damaged.bin"], content);
            CorpusException error = Assert.Throws<CorpusException>(() => Open(_directory["damaged.bin"]).Read(0).Count());
            Assert.Contains(message, error.Message, StringComparison.Ordinal);
            Assert.NotNull(error.Hint);
        }
    }

    [Fact]
    public void Below_a_directory_only_a_header_tells_tokens_from_anything_else()
    {
        Write("data/a.bin", TokenLayout.Narrow, [1, End]);
        Write("data/b.bin", TokenLayout.Raw, [1, End]);
        CorpusReader corpus = CorpusReader.Open([_directory["data"]], new CorpusOptions());
        Assert.Equal(["a.bin"], corpus.Shards.Select(shard => shard.Name));
        Assert.EndsWith("b.bin", corpus.Ignored.Single(), StringComparison.Ordinal);
        CorpusException error = Assert.Throws<CorpusException>(() => corpus.Read(0).Count());
        Assert.Contains("no tokenizer says what its tokens are", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Raw_tokens_of_a_larger_vocabulary_are_refused()
    {
        CorpusReader corpus = CorpusReader.Open([Write("a.bin", TokenLayout.Raw, [1])], new CorpusOptions());
        Dictionary<string, int> vocabulary = Enumerable.Range(0, 1 << 16).ToDictionary(id => $"t{id}");
        foreach (string token in "a b ab <|endoftext|>".Split(' ')) vocabulary[token] = vocabulary.Count;
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(new { model = new { type = "BPE", vocab = vocabulary, merges = "a b".Split(',') }, decoder = new { type = "ByteLevel" } });
        corpus.Tokenizer = Tokenizer.Load(_directory.Write("tokenizer.json", json));
        CorpusException error = Assert.Throws<CorpusException>(() => corpus.Read(0).Count());
        Assert.Contains("holds uint16 tokens", error.Message, StringComparison.Ordinal);
    }

    private int End => _tokenizer.EndOfText!.Value;

    private static TokenLayout LayoutOf(string name) => name switch { "raw" => TokenLayout.Raw, "narrow" => TokenLayout.Narrow, _ => TokenLayout.Wide };

    private static byte[] Bytes(TokenLayout layout, int[] ids) =>
    [
        .. layout.Header(ids.Length),
        .. layout.TokenBytes == 4 ? MemoryMarshal.AsBytes(ids.AsSpan()).ToArray() : MemoryMarshal.AsBytes(Array.ConvertAll(ids, id => (ushort)id).AsSpan()).ToArray(),
    ];

    private int[] Encode(string text)
    {
        List<int> ids = [];
        _tokenizer.CreateEncoder().Encode(Encoding.UTF8.GetBytes(text), ids);
        return [.. ids];
    }

    private string Write(string name, TokenLayout layout, int[] ids)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_directory[name])!);
        File.WriteAllBytes(_directory[name], Bytes(layout, ids));
        return _directory[name];
    }

    private CorpusReader Open(string path, CorpusOptions? options = null)
    {
        CorpusReader corpus = CorpusReader.Open([path], options ?? new CorpusOptions());
        corpus.Tokenizer = _tokenizer;
        return corpus;
    }
}
