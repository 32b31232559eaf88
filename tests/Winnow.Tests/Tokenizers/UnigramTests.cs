using System.Text;
using System.Text.Json;
using Winnow.Data.Tokenizers;
using Xunit;

namespace Winnow.Tests.Tokenizers;

/// <summary>T5-style tokenizers, from a `tokenizer.json` written here.</summary>
public class UnigramTests
{
    private static readonly (string Token, double Score)[] Pieces =
    [
        ("<pad>", 0), ("</s>", 0), ("<unk>", 0), ("▁", -2), ("▁a", -2.5), ("a", -3), ("b", -3.1), ("ab", -4), ("▁ab", -5.9), ("abab", -6), ("c", -7), ("bc", -8), ("你", -5), ("x", -9),
    ];

    private static readonly int[] Ends = [1];

    [Theory]
    [InlineData("ab"), InlineData("abab"), InlineData("ababab"), InlineData("abcab"), InlineData("a b  abc"), InlineData("你ab")]
    public void The_best_path_is_taken(string text)
    {
        Tokenizer tokenizer = Make();
        double score = Texts.Encode(tokenizer, text).Sum(id => Pieces[id].Score);
        double best = text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => BestScore("▁" + word)).Sum();
        Assert.Equal(best, score, 9);
    }

    [Fact]
    public void Unknown_characters_next_to_each_other_are_one_token()
    {
        Tokenizer tokenizer = Make();
        Assert.Equal(["▁a", "<unk>", "a"], Texts.Encode(tokenizer, "azzéa").Select(id => tokenizer.TokenOf(id)));
        List<int> ids = [], ends = [];
        tokenizer.CreateEncoder().Encode("azzéa b"u8, ids, ends);
        Assert.Equal([1, 5, 6, 7, 8], ends);
    }

    [Fact]
    public void Ends_point_into_the_text_as_it_was()
    {
        Tokenizer tokenizer = Make();
        List<int> ids = [], ends = [];
        tokenizer.CreateEncoder().Encode("ab \uFF21b"u8, ids, ends);
        Assert.Equal(["▁a", "b", "▁a", "b"], ids.Select(id => tokenizer.TokenOf(id)));
        Assert.Equal([1, 2, 6, 7], ends);
    }

    [Fact]
    public void The_end_is_added_and_decoding_drops_the_mark_of_the_first_word()
    {
        Tokenizer tokenizer = Make();
        Assert.Equal("Unigram", tokenizer.Kind);
        Assert.Empty(tokenizer.Prefix);
        Assert.Equal([1], tokenizer.Suffix);
        Assert.Equal("a ab", Encoding.UTF8.GetString(tokenizer.Decode([.. Texts.Encode(tokenizer, "a ab")])));
    }

    private static double BestScore(string text)
    {
        var best = new double[text.Length + 1];
        for (int end = 1; end <= text.Length; end++)
        {
            best[end] = double.NegativeInfinity;
            foreach ((string token, double score) in Pieces.Skip(3))
            {
                if (text[..end].EndsWith(token, StringComparison.Ordinal)) best[end] = Math.Max(best[end], best[end - token.Length] + score);
            }
        }

        return best[^1];
    }

    private static Tokenizer Make()
    {
        var metaspace = new { type = "Metaspace", replacement = "▁", prepend_scheme = "always", split = true };
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(new
        {
            version = "1.0",
            added_tokens = Array.Empty<object>(),
            normalizer = new { type = "Precompiled", precompiled_charsmap = Convert.ToBase64String(TransformTests.CharacterMap(("\uFF21", "a"))) },
            pre_tokenizer = new { type = "Sequence", pretokenizers = new object[] { new { type = "WhitespaceSplit" }, metaspace } },
            post_processor = new
            {
                type = "TemplateProcessing",
                single = new object[] { new { Sequence = new { id = "A", type_id = 0 } }, new { SpecialToken = new { id = "</s>", type_id = 0 } } },
                special_tokens = new Dictionary<string, object> { ["</s>"] = new { id = "</s>", ids = Ends } },
            },
            decoder = metaspace,
            model = new { type = "Unigram", unk_id = 2, vocab = Pieces.Select(p => new object[] { p.Token, p.Score }) },
        });
        return Tokenizer.Parse(json, "test");
    }
}
