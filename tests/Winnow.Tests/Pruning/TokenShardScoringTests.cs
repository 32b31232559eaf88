using System.Runtime.InteropServices;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Kernels.Cpu;
using Winnow.Pruning;
using Winnow.Pruning.Export;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning;

public sealed class TokenShardScoringTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CpuBackend _backend = new(2);
    private readonly Tokenizer _tokenizer;

    public TokenShardScoringTests()
    {
        TinyModel.Write(_directory["model"], 1);
        _tokenizer = Tokenizer.Load(_directory["model"]);
        TinyCorpus.Write(_directory["a.jsonl"], 60, 1);
    }

    public static TheoryData<UnitKind, ExportFormat> Cases => new(
        from unit in new[] { UnitKind.Document, UnitKind.Sequence } from format in Enum.GetValues<ExportFormat>() select (unit, format));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _backend.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(UnitKind.Document)]
    [InlineData(UnitKind.Sequence)]
    public async Task A_token_shard_has_the_scores_of_the_text_it_was_made_of(UnitKind unit)
    {
        await WriteShardAsync();
        ScoreRow[] text = await ScoreAsync("text", "a.jsonl", unit), tokens = await ScoreAsync("tokens", "shard/a.bin", unit);
        Assert.Equal(text.Length, tokens.Length);
        for (int i = 0; i < text.Length; i++)
        {
            Assert.Equal((text[i].Row, text[i].Bytes, text[i].ScoredBytes, text[i].Tokens, text[i].Status, text[i].Span), (tokens[i].Row, tokens[i].Bytes, tokens[i].ScoredBytes, tokens[i].Tokens, tokens[i].Status, tokens[i].Span));
            Assert.Equal(text[i].Values, tokens[i].Values);
        }
    }

    [Fact]
    public async Task Ids_that_their_text_would_not_give_are_scored_as_they_are()
    {
        int[] letters = [.. "ab ab ab".Select(letter => Encode(letter.ToString()).Single())];
        Assert.NotEqual(letters.Length, Encode("ab ab ab").Length);
        File.WriteAllBytes(_directory["letters.bin"], MemoryMarshal.AsBytes(Array.ConvertAll(letters, id => (ushort)id).AsSpan()).ToArray());
        ScoreRow row = Assert.Single(await ScoreAsync("run", "letters.bin", UnitKind.Document));
        Assert.Equal((letters.Length - 1, 8L), (row.Tokens, row.Bytes));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Both_sides_of_an_export_are_the_shard(UnitKind unit, ExportFormat format)
    {
        int[] stream = await WriteShardAsync();
        await ScoreAsync("run", "shard/a.bin", unit);
        SelectionOptions half = new() { Keep = [KeepRule.Parse("middle:50%")], Metric = "perplexity" };
        SelectionDirectory selection = SelectionDirectory.Create(_directory["selection"], ParquetScores.Open(_directory["run"]), half, threads: 1);
        ExportOptions options = new() { Output = _directory["kept"], Rejected = _directory["rest"], Format = format };
        ExportReport report = await Exporter.ExportAsync(_directory["run"], _directory["selection"], options, threads: 1, cancel: Cancel);
        bool isTokens = format is ExportFormat.Same or ExportFormat.Tokens;
        Assert.Equal(isTokens ? "a.bin" : format == ExportFormat.Jsonl ? "a.jsonl.zst" : "a.parquet", report.Kept.Single().Name);
        string[] sides = [_directory["kept/" + report.Kept[0].Name], _directory["rest/" + report.Rejected[0].Name]];
        CorpusReader back = CorpusReader.Open(sides, new CorpusOptions());
        back.Tokenizer = _tokenizer;
        if (isTokens)
        {
            // Units in order, each from the side that the mask names, are the stream.
            KeepMask mask = selection.ReadMask(0);
            Queue<int>[] tokens = [.. sides.Select(side => new Queue<int>(Tokens(side)))];
            List<int> joined = [];
            for (int unitIndex = 0; joined.Count < stream.Length; unitIndex++)
            {
                Queue<int> side = tokens[mask[unitIndex] ? 0 : 1];
                int before = joined.Count;
                do joined.Add(side.Dequeue());
                while (unit == UnitKind.Document ? joined[^1] != _tokenizer.EndOfText : joined.Count < Math.Min(before + 32, stream.Length));
            }

            Assert.Equal(stream, joined);
            Assert.All(tokens, side => Assert.Empty(side));
        }
        else
        {
            Assert.Equal(
                CorpusReader.Open([_directory["a.jsonl"]], new CorpusOptions()).Read(0).Sum(document => document.Text.Length),
                back.Shards.SelectMany(shard => back.Read(shard.Index)).Sum(document => document.Text.Length));
        }
    }

    [Fact]
    public async Task Shuffled_documents_of_shards_keep_their_ids_and_end()
    {
        int[] stream = await WriteShardAsync();
        int[] leading = [_tokenizer.EndOfText!.Value, .. stream[..^1]];
        File.WriteAllBytes(_directory["shard/b.bin"], [.. TokenLayout.Narrow.Header(leading.Length), .. MemoryMarshal.AsBytes(Array.ConvertAll(leading, id => (ushort)id).AsSpan())]);
        await ScoreAsync("run", "shard", UnitKind.Document);
        SelectionOptions all = new() { Keep = [KeepRule.Parse("top:100%")], Unscored = Unscored.Keep };
        SelectionDirectory.Create(_directory["selection"], ParquetScores.Open(_directory["run"]), all, threads: 1);
        await Exporter.ExportAsync(_directory["run"], _directory["selection"], new ExportOptions { Output = _directory["out"], Shuffle = 1 }, threads: 2, cancel: Cancel);
        Assert.Equal(Documents([.. stream, .. stream]).Order(StringComparer.Ordinal), Documents(Tokens(_directory["out/shuffled.bin"])).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Tokens_that_another_tokenizer_is_to_write_go_through_their_text()
    {
        await WriteShardAsync();
        await ScoreAsync("run", "shard/a.bin", UnitKind.Document);
        SelectionDirectory.Create(_directory["selection"], ParquetScores.Open(_directory["run"]), new SelectionOptions { Keep = [KeepRule.Parse("top:100%")] }, threads: 1);
        string other = Directory.GetDirectories(Fixtures.Root("tokenizers")).First(path => Path.GetFileName(path) == "gpt2");
        ExportOptions options = new() { Output = _directory["out"], Format = ExportFormat.Tokens, Tokenizer = other };
        await Exporter.ExportAsync(_directory["run"], _directory["selection"], options, threads: 1, cancel: Cancel);
        CorpusReader back = CorpusReader.Open([_directory["out/a.bin"]], new CorpusOptions());
        back.Tokenizer = Tokenizer.Load(other);
        HashSet<string> texts = [.. CorpusReader.Open([_directory["a.jsonl"]], new CorpusOptions()).Read(0).Select(Text)];
        Assert.All(back.Read(0), document => Assert.Contains(Text(document), texts));
    }

    private static string Text(Document document) => System.Text.Encoding.UTF8.GetString(document.Text.Span);

    private IEnumerable<string> Documents(int[] stream)
    {
        List<int> ids = [];
        foreach (int id in stream)
        {
            if (id != _tokenizer.EndOfText)
            {
                ids.Add(id);
                continue;
            }

            yield return string.Join(' ', ids);
            ids.Clear();
        }

        Assert.Empty(ids);
    }

    private int[] Encode(string text)
    {
        List<int> ids = [];
        _tokenizer.CreateEncoder().Encode(System.Text.Encoding.UTF8.GetBytes(text), ids);
        return [.. ids];
    }

    private static int[] Tokens(string path) => [.. MemoryMarshal.Cast<byte, ushort>(File.ReadAllBytes(path).AsSpan(TokenLayout.Narrow.HeaderBytes)).ToArray().Select(id => (int)id)];

    /// <summary>Exports the corpus as a token shard, `shard/a.bin`; its tokens.</summary>
    private async Task<int[]> WriteShardAsync()
    {
        await ScoreAsync("made", "a.jsonl", UnitKind.Document);
        SelectionOptions all = new() { Keep = [KeepRule.Parse("top:100%")], Unscored = Unscored.Keep };
        SelectionDirectory.Create(_directory["made-selection"], ParquetScores.Open(_directory["made"]), all, threads: 1);
        ExportOptions options = new() { Output = _directory["shard"], Format = ExportFormat.Tokens };
        await Exporter.ExportAsync(_directory["made"], _directory["made-selection"], options, threads: 1, cancel: Cancel);
        return Tokens(_directory["shard/a.bin"]);
    }

    private async Task<ScoreRow[]> ScoreAsync(string run, string input, UnitKind unit)
    {
        ScoringRequest request = new()
        {
            Inputs = [_directory[input]],
            Models = [_directory["model"]],
            Output = _directory[run],
            Options = new ScoringOptions { Unit = unit, Context = 32 },
        };
        await Scorer.ScoreAsync(request, _backend, cancel: Cancel);
        return [.. ScoreTable.Open(_directory[run]).ReadRows()];
    }
}
