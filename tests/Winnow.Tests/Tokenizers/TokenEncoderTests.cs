using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Winnow.Data.Tokenizers;
using Xunit;

namespace Winnow.Tests.Tokenizers;

public class TokenEncoderTests
{
    [Theory]
    [InlineData("gpt2"), InlineData("llama3"), InlineData("smollm")]
    public void Decoding_what_was_encoded_gives_any_text_back(string name)
    {
        Tokenizer tokenizer = Texts.Load(name);
        TokenEncoder encoder = tokenizer.CreateEncoder();
        Prop.ForAll(Texts.Any, text =>
        {
            var ids = new List<int>();
            encoder.Encode(Encoding.UTF8.GetBytes(text), ids);
            return Encoding.UTF8.GetString(tokenizer.Decode([.. ids])) == text;
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("gpt2"), InlineData("llama3"), InlineData("smollm")]
    public void Each_end_cuts_the_text_where_its_token_ends(string name)
    {
        Tokenizer tokenizer = Texts.Load(name);
        TokenEncoder encoder = tokenizer.CreateEncoder();
        Prop.ForAll(Texts.Any, text =>
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            List<int> ids = [], ends = [];
            encoder.Encode(bytes, ids, ends);
            int start = 0;
            foreach ((int id, int end) in ids.Zip(ends))
            {
                if (!tokenizer.Decode([id]).AsSpan().SequenceEqual(bytes.AsSpan(start..end))) return false;
                start = end;
            }

            return start == bytes.Length;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Ends_are_ordered_and_complete_for_every_kind_of_tokenizer()
    {
        foreach ((string name, Tokenizer tokenizer) in Texts.Tokenizers())
        {
            TokenEncoder encoder = tokenizer.CreateEncoder();
            Prop.ForAll(Texts.Any, text =>
            {
                byte[] bytes = Encoding.UTF8.GetBytes(text);
                List<int> ids = [], ends = [];
                encoder.Encode(bytes, ids, ends);
                return ids.Count == ends.Count && ends.Order().SequenceEqual(ends) && (ids.Count == 0 || ends[^1] == bytes.Length);
            }).Label(name).QuickCheckThrowOnFailure();
        }
    }

    [Fact]
    public void What_an_encoder_saw_before_changes_nothing()
    {
        foreach ((string name, Tokenizer tokenizer) in Texts.Tokenizers())
        {
            TokenEncoder used = tokenizer.CreateEncoder();
            Prop.ForAll(Texts.Any, text =>
            {
                var ids = new List<int>();
                used.Encode(Encoding.UTF8.GetBytes(text), ids);
                return ids.SequenceEqual(Texts.Encode(tokenizer, text));
            }).Label(name).QuickCheckThrowOnFailure();
        }
    }

    [Fact]
    public void Long_words_give_the_ids_that_plain_merging_gives()
    {
        Tokenizer tokenizer = Texts.Load("gpt2");
        foreach (string text in (string[])[new string('a', 300), string.Concat(Enumerable.Repeat("thein", 60)), string.Concat(Enumerable.Repeat("你好世界한", 30))])
            Assert.Equal(PlainMerging.Encode(tokenizer, text), Texts.Encode(tokenizer, text));
    }

    [Theory]
    [InlineData("gpt2"), InlineData("llama2"), InlineData("llama3")]
    public void A_word_of_a_megabyte_takes_no_quadratic_time(string name)
    {
        Tokenizer tokenizer = Texts.Load(name);
        string text = string.Concat(Enumerable.Repeat("aab", 350_000));
        List<int> ids = Texts.Encode(tokenizer, text);
        Assert.EndsWith(text, Encoding.UTF8.GetString(tokenizer.Decode([.. ids])), StringComparison.Ordinal);
    }

    [Fact]
    public void Special_tokens_in_text_are_matched_or_left_as_text()
    {
        Tokenizer tokenizer = Texts.Load("gpt2");
        TokenEncoder matching = tokenizer.CreateEncoder(), literal = tokenizer.CreateEncoder(SpecialInText.Literal);
        byte[] text = "a<|endoftext|>b"u8.ToArray();
        List<int> matched = [], plain = [];
        Assert.True(matching.Encode(text, matched));
        Assert.True(literal.Encode(text, plain));
        Assert.False(matching.Encode("a b"u8, []));
        Assert.Equal((1, 1), (matching.TextsWithSpecial, literal.TextsWithSpecial));
        Assert.Contains(tokenizer.EndOfText!.Value, matched);
        Assert.DoesNotContain(tokenizer.EndOfText!.Value, plain);
        Assert.Equal("a<|endoftext|>b", Encoding.UTF8.GetString(tokenizer.Decode([.. plain])));
        Assert.Equal("ab", Encoding.UTF8.GetString(tokenizer.Decode([.. matched], skipSpecial: true)));
    }

    [Fact]
    public void Encoding_known_words_allocates_nothing()
    {
        TokenEncoder encoder = Texts.Load("gpt2").CreateEncoder();
        byte[] text = Encoding.UTF8.GetBytes(string.Join(' ', Texts.Corpus(1, 20)));
        List<int> ids = [];
        encoder.Encode(text, ids);
        ids.Clear();
        long before = GC.GetAllocatedBytesForCurrentThread();
        encoder.Encode(text, ids);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public async Task Documents_come_back_in_order_and_the_same_for_any_number_of_threads()
    {
        Tokenizer tokenizer = Texts.Load("gpt2");
        string[] texts = [.. Texts.Corpus(3, 2000)];
        string[]? first = null;
        foreach (int threads in (int[])[1, 2, 5])
        {
            var got = new List<string>();
            var options = new EncodingOptions { Threads = threads, Ends = true };
            await foreach (EncodedDocument document in ParallelEncoder.EncodeAsync(tokenizer, Texts.Documents(texts), options, TestContext.Current.CancellationToken))
                got.Add($"{document.Document.Row}:{string.Join(',', document.Ids)}:{string.Join(',', document.Ends)}");
            first ??= [.. got];
            Assert.Equal(first, got);
        }

        Assert.Equal(texts.Length, first!.Length);
        Assert.StartsWith("1999:", first[^1], StringComparison.Ordinal);
    }

    /// <summary>BPE as it is defined: of all neighbours that merge, always those of the lowest rank, from the left.</summary>
    private static class PlainMerging
    {
        public static List<int> Encode(Tokenizer tokenizer, string word)
        {
            using var json = System.Text.Json.JsonDocument.Parse(tokenizer.Json);
            List<string> symbols = [.. Encoding.UTF8.GetBytes(word).Select(b => ByteAlphabet.Spell(b).ToString())];
            List<(string, string)> ranks = [.. json.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(m => (m[0].GetString()!, m[1].GetString()!))];
            foreach ((string left, string right) in ranks)
            {
                for (int i = 0; i + 1 < symbols.Count; i++)
                {
                    if (symbols[i] != left || symbols[i + 1] != right) continue;
                    symbols[i] = left + right;
                    symbols.RemoveAt(i + 1);
                }
            }

            return symbols.ConvertAll(s => tokenizer.IdOf(s)!.Value);
        }
    }
}
