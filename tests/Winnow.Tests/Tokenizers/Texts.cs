using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;

namespace Winnow.Tests.Tokenizers;

/// <summary>Texts and tokenizers that several tests need.</summary>
internal static class Texts
{
    private static readonly string[] Fragments =
    [
        " ", "  ", "\n", "\r\n", "\t", "a", "the", " the", "Hello", "'s", "'LL", "'", "don't", "123", "4", "!", "?!", "--", "...", "é", "e\u0301",
        "你好", "世界", "한국어", "\u1100\u1161\u11A8", "ภาษา", "\u0301", "\u0323\u0301", "😀", "👨‍👩‍👧", "\u00A0", "\u3000", "\u2028", "\0", "𝕏", "½", "٣", "ſ", "K",
        "<|endoftext|>", "<s>", "<unk>", "▁", "<0x41>", "\uFFFD", "_", "x=1;", "ﬁ", "\u212B", "\u0344",
    ];

    /// <summary>Random text of fragments that splitting and normalizing care about.</summary>
    public static Arbitrary<string> Any { get; } = Gen.OneOf(Gen.Elements(Fragments), ArbMap.Default.GeneratorFor<Rune>().Select(r => r.ToString()))
        .ListOf().Select(parts => string.Concat(parts)).ToArbitrary();

    /// <summary>Every tokenizer of the fixtures.</summary>
    public static IEnumerable<(string Name, Tokenizer Tokenizer)> Tokenizers() =>
        Fixtures.Names("tokenizers", "expected.json").Select(name => (name, Tokenizer.Load(Path.Combine(Fixtures.Root("tokenizers"), name))));

    public static Tokenizer Load(string name) => Tokenizer.Load(Path.Combine(Fixtures.Repository, "tests", "fixtures", "tokenizers", name));

    public static Document Document(string text, long row = 0) => new(0, row, $"d{row}", "s", Encoding.UTF8.GetBytes(text), default);

    public static async IAsyncEnumerable<Document> Documents(IEnumerable<string> texts)
    {
        await Task.CompletedTask;
        long row = 0;
        foreach (string text in texts) yield return Document(text, row++);
    }

    public static List<int> Encode(Tokenizer tokenizer, string text)
    {
        var ids = new List<int>();
        tokenizer.CreateEncoder().Encode(Encoding.UTF8.GetBytes(text), ids);
        return ids;
    }

    /// <summary>English-like text: words of a small vocabulary with punctuation.</summary>
    public static IEnumerable<string> Corpus(int seed, int documents)
    {
        string[] words = ["the", "lower", "lowest", "newer", "wider", "widest", "and", "band", "banana", "hand", "aaaa", "aaa", "你好", "世界", "it's"];
        ulong state = (ulong)seed + 1;
        for (int d = 0; d < documents; d++)
        {
            var text = new StringBuilder();
            for (int w = 0; w < 40; w++)
            {
                state = (state * 6364136223846793005UL) + 1442695040888963407UL;
                text.Append(w == 0 ? "" : " ").Append(words[(int)(state >> 33) % words.Length]);
            }

            yield return text.Append('.').ToString();
        }
    }
}
