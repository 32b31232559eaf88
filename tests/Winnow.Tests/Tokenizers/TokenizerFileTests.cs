using System.Text;
using System.Text.Json.Nodes;
using Winnow.Data;
using Winnow.Data.Tokenizers;
using Xunit;

namespace Winnow.Tests.Tokenizers;

/// <summary>What is wrong with a tokenizer is said by name, and nothing is tokenized differently in silence.</summary>
public sealed class TokenizerFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("winnow-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    public static TheoryData<string, string, string> Changes() => new()
    {
        { "normalizer", """{"type":"Lowercase"}""", "normalizer `Lowercase`" },
        { "pre_tokenizer", """{"type":"BertPreTokenizer"}""", "pre-tokenizer `BertPreTokenizer`" },
        { "pre_tokenizer", """{"type":"Split","pattern":{"Regex":"\\w+"},"behavior":"Isolated","invert":false}""", @"`\w+`" },
        { "decoder", """{"type":"WordPiece"}""", "decoder `WordPiece`" },
        { "post_processor", """{"type":"Strange"}""", "post-processor `Strange`" },
        { "model", """{"type":"WordPiece","vocab":{}}""", "model `WordPiece`" },
        { "model", "null", "no `model`" },
        { "model", """{"type":"BPE","vocab":{"a":0}}""", "without `merges`" },
        { "model", """{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}""", "`ab` is not in the vocabulary" },
        { "model", """{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b c"]}""", "expected two tokens" },
        { "model", """{"type":"BPE","vocab":{"a":0,"ab":1,"abc":2,"abcd":3},"merges":[]}""", "no merges" },
        { "model", """{"type":"BPE","vocab":{"a":-1},"merges":[]}""", "expected an id" },
        { "model", """{"type":"BPE","vocab":{"a":1e12},"merges":[]}""", "expected an id" },
        { "model", """{"type":"BPE","vocab":{"\ud800":0},"merges":[]}""", "surrogate" },
        { "model", """{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"<unk>"}""", "`<unk>` is not in the vocabulary" },
        { "model", """{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}""", "dropout" },
        { "model", """{"type":"BPE","vocab":{"a":0},"merges":[],"end_of_word_suffix":"</w>"}""", "end_of_word_suffix" },
        { "model", """{"type":"BPE","vocab":{"<0x41>":0,"a":1,"b":2},"merges":[],"byte_fallback":true}""", "without 255 of the 256" },
        { "model", """{"type":"Unigram","vocab":[["a",0]],"unk_id":7}""", "7 is not in the vocabulary of 1" },
        { "added_tokens", """[{"id":5000,"content":"<new>"}]""", "`<new>` has id 5000 here, but" },
        { "truncation", """{"max_length":5}""", "truncates" },
    };

    [Theory, MemberData(nameof(Changes))]
    public void A_component_that_is_not_known_is_named(string part, string json, string named)
    {
        JsonNode tokenizer = JsonNode.Parse(File.ReadAllBytes(Fixture("tokenizer.json")))!;
        tokenizer[part] = "\u0001mark";
        if (part is "model" or "pre_tokenizer") tokenizer["added_tokens"] = new JsonArray();
        File.WriteAllText(At("tokenizer.json"), tokenizer.ToJsonString().Replace("\"\\u0001mark\"", json, StringComparison.Ordinal));
        TokenizerException e = Assert.Throws<TokenizerException>(() => Tokenizer.Load(_directory));
        Assert.IsType<CorpusException>(e, exactMatch: false);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        Assert.StartsWith(At("tokenizer.json"), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_was_cut_off_is_refused_with_its_line()
    {
        byte[] bytes = File.ReadAllBytes(Fixture("tokenizer.json"));
        File.WriteAllBytes(At("tokenizer.json"), bytes[..(bytes.Length / 2)]);
        Assert.Contains("cut off", Assert.Throws<TokenizerException>(() => Tokenizer.Load(_directory)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_without_a_tokenizer_is_refused()
    {
        Assert.Contains("no such directory", Assert.Throws<TokenizerException>(() => Tokenizer.Load(At("nowhere"))).Message, StringComparison.Ordinal);
        Assert.Contains("no `tokenizer.json`", Assert.Throws<TokenizerException>(() => Tokenizer.Load(_directory)).Message, StringComparison.Ordinal);
        File.WriteAllText(At("vocab.json"), "{}");
        Assert.Contains("`merges.txt` is missing", Assert.Throws<TokenizerException>(() => Tokenizer.Load(_directory)).Message, StringComparison.Ordinal);
        File.WriteAllText(At("tokenizer.model"), "");
        File.Delete(At("vocab.json"));
        Assert.Contains("save_pretrained", Assert.Throws<TokenizerException>(() => Tokenizer.Load(_directory)).Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_vocabulary_and_merges_give_the_ids_of_the_tokenizer_json_they_belong_to()
    {
        Tokenizer whole = Texts.Load("gpt2");
        JsonNode model = JsonNode.Parse(File.ReadAllBytes(Fixture("tokenizer.json")))!["model"]!;
        File.WriteAllText(At("vocab.json"), model["vocab"]!.ToJsonString());
        File.WriteAllLines(At("merges.txt"), ["#version: 0.2", .. model["merges"]!.AsArray().Select(m => $"{m![0]} {m[1]}")]);
        File.WriteAllText(At("tokenizer_config.json"), """{"tokenizer_class":"GPT2Tokenizer","eos_token":{"content":"<|endoftext|>"},"bos_token":"<|endoftext|>","add_bos_token":true}""");
        Tokenizer halves = Tokenizer.Load(_directory);
        Assert.Equal((whole.VocabularySize, whole.EndOfText), (halves.VocabularySize, halves.EndOfText));
        Assert.Equal([whole.EndOfText!.Value], halves.Prefix);
        foreach (string text in Texts.Corpus(9, 3).Append("a<|endoftext|>b 123 \0 é")) Assert.Equal(Texts.Encode(whole, text), Texts.Encode(halves, text));
    }

    [Fact]
    public void What_was_loaded_is_saved_byte_for_byte()
    {
        Tokenizer tokenizer = Texts.Load("llama2");
        tokenizer.Save(_directory);
        Assert.Equal(File.ReadAllBytes(At("tokenizer.json")), tokenizer.Json.ToArray());
        Assert.Equal(tokenizer.Hash, Tokenizer.Load(At("tokenizer.json")).Hash);
        Assert.Equal("</s>", JsonNode.Parse(File.ReadAllText(At("tokenizer_config.json")))!["eos_token"]!.ToString());
    }

    [Fact]
    public void An_id_outside_the_vocabulary_cannot_be_decoded() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Texts.Load("gpt2").Decode([1, 700]));

    [Fact]
    public void Nulls_in_text_are_text()
    {
        foreach ((string name, Tokenizer tokenizer) in Texts.Tokenizers())
            Assert.EndsWith("a\0b\0", Encoding.UTF8.GetString(tokenizer.Decode([.. Texts.Encode(tokenizer, "a\0b\0")])), StringComparison.Ordinal);
    }

    private static string Fixture(string file) => Path.Combine(Fixtures.Repository, "tests", "fixtures", "tokenizers", "gpt2", file);

    private string At(string file) => Path.Combine(_directory, file);
}
