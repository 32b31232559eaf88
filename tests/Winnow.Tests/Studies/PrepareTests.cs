using System.Text.Json;
using Winnow.Data.Corpus;
using Winnow.Studies;
using Winnow.Studies.Recipes;
using Winnow.Studies.Works;
using Xunit;

namespace Winnow.Tests.Studies;

/// <summary>What a study holds out is never trained on: copies by their hash, and what looks alike is counted by 13-grams.</summary>
public sealed class PrepareTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("winnow-prepare-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_text_of_a_test_set_is_in_no_training_corpus_and_a_shared_13_gram_is_counted()
    {
        string[] train = [.. Enumerable.Range(0, 40).Select(i => Sentence(i, 30))];
        string chinese = string.Concat(Enumerable.Range(0, 40).Select(i => (char)(0x4e00 + (i * 37))));
        Write("train.jsonl", [.. train, chinese]);
        Write("wiki.jsonl", [Sentence(100, 30), Sentence(101, 30), train[5]]);
        string[] test =
        [
            train[3], train[5], Sentence(101, 30),                                     // copies: of the corpus, of it and the reference, of the reference
            "Before. " + Upper(train[7].Split(' ')[4..17]) + ", after!",                 // thirteen words in a row, in other letters and marks
            "Before " + string.Join(' ', train[9].Split(' ')[4..16]) + " after",         // twelve: not counted
            "之前" + chinese[10..23] + "之后",                                            // thirteen characters
            Sentence(200, 30),
        ];
        Write("test.jsonl", test);
        PreparedFacts facts = await PrepareAsync("{train: [train.jsonl], test: {set: [test.jsonl]}, reference: {wiki: [wiki.jsonl]}}");

        Assert.Equal(new CorpusFacts(39, Bytes("train")), facts.Train);
        Assert.Equal(1, facts.Reference["wiki"].Documents);
        Assert.Equal(7, facts.Test["set"].Documents);
        Assert.Equal(4, facts.Test["set"].Removed);
        Assert.Equal(2, facts.Test["set"].Overlapping);
        Assert.Empty(Texts("train").Concat(Texts("reference")).Intersect(test));
    }

    [Fact]
    public async Task Held_out_reference_and_training_parts_share_no_text_and_copies_stay_on_one_side()
    {
        Write("train.jsonl", [.. Enumerable.Range(0, 400).Select(i => Sentence(i % 200, 20))]);
        PreparedFacts facts = await PrepareAsync("{train: [train.jsonl], hold_out: 20%, reference_share: 30%}");
        string[] train = Texts("train"), test = Texts("test"), reference = Texts("reference");
        Assert.Equal(400, train.Length + test.Length + reference.Length);
        Assert.Empty(train.Intersect(test).Concat(train.Intersect(reference)).Concat(test.Intersect(reference)));
        Assert.All(new[] { train, test, reference }, part => Assert.Equal(2 * part.Distinct().Count(), part.Length));
        Assert.InRange(test.Length, 40, 120);
        Assert.InRange(reference.Length, 70, 170);
        Assert.Equal(0, facts.Test["own"].Overlapping);
    }

    [Fact]
    public async Task A_sample_is_split_like_the_whole()
    {
        Write("train.jsonl", [.. Enumerable.Range(0, 1000).Select(i => Sentence(i, 20))]);
        PreparedFacts facts = await PrepareAsync("{train: [train.jsonl], sample: 40%, hold_out: 20%, reference_share: 30%}");
        Assert.InRange(facts.Train.Documents, 160, 240);
        Assert.InRange(facts.Test["own"].Documents, 55, 105);
        Assert.InRange(facts.Reference["own"].Documents, 90, 150);
    }

    [Fact]
    public async Task Of_copies_the_first_stays_in_every_part_and_the_others_are_counted()
    {
        string[] texts = [.. Enumerable.Range(0, 300).Select(i => Sentence(i % 200, 20)), "", "", Sentence(3, 20) + " "];
        Write("a.jsonl", texts[..120]);
        Write("b.jsonl", texts[120..]);
        PreparedFacts facts = await PrepareAsync("{train: [a.jsonl, b.jsonl], dedup: exact, hold_out: 20%, reference_share: 30%}");
        string[] all = [.. Texts("train"), .. Texts("test"), .. Texts("reference")];
        Assert.Equal(texts.Distinct().Append("").Order(StringComparer.Ordinal), all.Order(StringComparer.Ordinal));
        Assert.Equal((100, texts[200..300].Sum(text => (long)text.Length)), (facts.Copies!.Documents, facts.Copies.Bytes));
        Assert.All(Documents("train").Where(d => !d.Text.IsEmpty), d => Assert.True(d.Id.StartsWith('a') || int.Parse(d.Id.Split('-')[1], System.Globalization.CultureInfo.InvariantCulture) is < 80 or >= 180));
        Assert.False(Directory.Exists(Path.Combine(Output, "copies")));
        Assert.Null((await PrepareAsync("{train: [a.jsonl], hold_out: 20%}")).Copies);
    }

    private async Task<PreparedFacts> PrepareAsync(string data)
    {
        StudyPlan plan = StudyPlan.Of(
            RecipeReader.Parse(
                $$"""
                data: {{data}}
                models: {nano: {layers: 1, width: 32, heads: 2} }
                references: {one: {data: train, model: nano, tokens: 1k} }
                training: {nano: {model: nano, tokens: 1k} }
                """, "recipe.yaml", _directory),
            hashInputs: true);
        await new PrepareWork().RunAsync(plan.Graph["prepare"], new Dictionary<string, string>(), Output, CancellationToken.None);
        return StudyFiles.Read<PreparedFacts>(Path.Combine(Output, "prepare.json"));
    }

    private string Output => Directory.CreateDirectory(Path.Combine(_directory, "out")).FullName;

    private static string Sentence(int number, int words) => string.Join(' ', Enumerable.Range(0, words).Select(i => $"w{number}x{i}"));

    private static string Upper(string[] words) => string.Join(" – ", words).ToUpperInvariant();

    private void Write(string name, string[] texts) => File.WriteAllLines(
        Path.Combine(_directory, name), texts.Select((text, i) => JsonSerializer.Serialize(new { id = $"{name}-{i}", text })));

    private string[] Texts(string part) => [.. Documents(part).Select(document => System.Text.Encoding.UTF8.GetString(document.Text.Span))];

    private long Bytes(string part) => Documents(part).Sum(document => (long)document.Text.Length);

    private List<Document> Documents(string part)
    {
        CorpusReader corpus = CorpusReader.Open([Path.Combine(Output, part)], new CorpusOptions { KeepRecords = false });
        return [.. Enumerable.Range(0, corpus.Shards.Count).SelectMany(shard => corpus.Read(shard))];
    }
}
