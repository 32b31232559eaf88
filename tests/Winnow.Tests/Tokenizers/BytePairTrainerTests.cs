using System.Text;
using Winnow.Data.Tokenizers;
using Xunit;

namespace Winnow.Tests.Tokenizers;

public class BytePairTrainerTests
{
    [Fact]
    public async Task The_merges_are_those_of_counting_everything_anew_each_time()
    {
        string[] texts = [.. Texts.Corpus(5, 60)];
        Tokenizer tokenizer = await Train(texts, new BytePairOptions(290));
        Assert.Equal(PlainTraining(texts, 290 - 257), Merges(tokenizer));
        Assert.Equal(290, tokenizer.VocabularySize);
    }

    [Fact]
    public async Task Any_number_of_threads_learns_the_same_vocabulary()
    {
        string[] texts = [.. Texts.Corpus(6, 30_000)];
        var hashes = new HashSet<string>();
        foreach (int threads in (int[])[1, 2, 5])
            hashes.Add((await Train(texts, new BytePairOptions(400) { Threads = threads })).Hash);
        Assert.Single(hashes);
    }

    [Fact]
    public async Task A_small_corpus_ends_with_a_smaller_vocabulary()
    {
        Tokenizer tokenizer = await Train(["ab ab ab", "cd"], new BytePairOptions(1000));
        Assert.Equal(257 + 2, tokenizer.VocabularySize);
        Assert.Equal([("a", "b"), ("Ġ", "ab")], Merges(tokenizer));
    }

    [Fact]
    public async Task What_is_saved_loads_as_itself()
    {
        Tokenizer tokenizer = await Train(Texts.Corpus(7, 50), new BytePairOptions(300) { SpecialTokens = ["<|end|>", "<|pad|>"] });
        string directory = Path.Combine(Path.GetTempPath(), $"winnow-{Guid.NewGuid():N}");
        try
        {
            tokenizer.Save(directory);
            Tokenizer again = Tokenizer.Load(directory);
            Assert.Equal((tokenizer.Hash, 300, 0), (again.Hash, again.VocabularySize, again.EndOfText));
            Assert.Equal("<|pad|>", again.TokenOf(1));
            foreach (string text in Texts.Corpus(8, 5)) Assert.Equal(Texts.Encode(tokenizer, text), Texts.Encode(again, text));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_vocabulary_that_cannot_hold_the_bytes_is_refused()
    {
        TokenizerException e = await Assert.ThrowsAsync<TokenizerException>(() => Train(["a"], new BytePairOptions(256)));
        Assert.Contains("257", e.Message, StringComparison.Ordinal);
    }

    private static Task<Tokenizer> Train(IEnumerable<string> texts, BytePairOptions options) =>
        BytePairTrainer.TrainAsync(Texts.Documents(texts), options, cancel: TestContext.Current.CancellationToken);

    private static List<(string, string)> Merges(Tokenizer tokenizer)
    {
        using var json = System.Text.Json.JsonDocument.Parse(tokenizer.Json);
        return [.. json.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(m => (m[0].GetString()!, m[1].GetString()!))];
    }

    /// <summary>BPE training as it is defined, with strings.</summary>
    private static List<(string, string)> PlainTraining(IEnumerable<string> texts, int merges)
    {
        var ids = new List<string> { "<|endoftext|>" };
        ids.AddRange(Enumerable.Range(0, 256).Select(b => ByteAlphabet.Spell((byte)b).ToString()).Order(StringComparer.Ordinal));
        var words = new List<List<string>>();
        var splitter = new Gpt2Splitter();
        foreach (byte[] text in texts.Select(Encoding.UTF8.GetBytes))
        {
            var ends = new int[text.Length];
            int start = 0;
            foreach (int end in ends[..splitter.Split(text, 0, ends)])
            {
                words.Add([.. text[start..end].Select(b => ByteAlphabet.Spell(b).ToString())]);
                start = end;
            }
        }

        var learnt = new List<(string, string)>();
        while (learnt.Count < merges)
        {
            (string Left, string Right) best = words.SelectMany(w => w.Zip(w.Skip(1))).GroupBy(pair => pair)
                .OrderByDescending(group => group.Count()).ThenBy(group => ids.IndexOf(group.Key.First)).ThenBy(group => ids.IndexOf(group.Key.Second))
                .First().Key;
            learnt.Add(best);
            ids.Add(best.Left + best.Right);
            foreach (List<string> word in words)
            {
                for (int i = 0; i + 1 < word.Count; i++)
                {
                    if ((word[i], word[i + 1]) != best) continue;
                    word[i] += word[i + 1];
                    word.RemoveAt(i + 1);
                }
            }
        }

        return learnt;
    }
}
