using System.Text;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Packing;
using Winnow.Data.Tokenizers;
using Winnow.Pruning;
using Winnow.Pruning.Export;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning.Export;

/// <summary>Sequences and token shards: what is kept is cut at tokens, not at records.</summary>
public sealed class TokenExportTests : ExportCase
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Runs_of_kept_and_rejected_sequences_cover_every_text_once(bool crossFitted)
    {
        string input = Jsonl("a.jsonl", 60, 4);
        CorpusReader corpus = CorpusReader.Open([input], new CorpusOptions());
        ulong? seed = crossFitted ? 3UL : null;
        HandmadeRun.WriteManifest(_directory["run"], corpus, UnitKind.Sequence, seed);
        WriteSequences(corpus, seed);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:50%");
        await Exporter.ExportAsync(
            _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept"], Rejected = _directory["rest"] }, threads: 1);
        Document[] kept = [.. Documents("kept/a.jsonl")], rest = [.. Documents("rest/a.jsonl")];
        Assert.True(kept.Length > 3 && rest.Length > 3);
        foreach (Document document in corpus.Read(0))
        {
            List<(int First, string Text)> runs = [];
            foreach (Document run in kept.Concat(rest).Where(run => run.Id.Split('@')[0] == document.Id))
            {
                int first = run.Id.Contains('@', StringComparison.Ordinal) ? int.Parse(run.Id.Split('@')[1].Split('-')[0], System.Globalization.CultureInfo.InvariantCulture) : 0;
                runs.Add((first, Encoding.UTF8.GetString(run.Text.Span)));
            }

            Assert.Equal(Encoding.UTF8.GetString(document.Text.Span), string.Concat(runs.OrderBy(run => run.First).Select(run => run.Text)));
        }
    }

    [Fact]
    public async Task Token_shards_hold_the_kept_documents_each_followed_by_the_end_of_text()
    {
        string input = Jsonl("a.jsonl", 30, 5);
        string model = Fixtures.Root("e2e");
        CorpusReader corpus = HandmadeRun.Write(_directory["run"], [input]);
        SelectionDirectory selection = HandmadeRun.Select(_directory["run"], _directory["selection"], "bottom:50%");
        await Exporter.ExportAsync(
            _directory["run"], _directory["selection"],
            new ExportOptions { Output = _directory["kept"], Format = ExportFormat.Tokens, Tokenizer = model }, threads: 1);
        Tokenizer tokenizer = Tokenizer.Load(model);
        TokenEncoder encoder = tokenizer.CreateEncoder();
        List<int> expected = [];
        foreach (Document document in corpus.Read(0).Where(document => selection.ReadMask(0)[document.Row]))
        {
            encoder.Encode(document.Text.Span, expected);
            expected.Add(tokenizer.EndOfText!.Value);
        }

        Assert.Equal(expected, ReadTokens(_directory["kept/a.bin"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Token_shards_of_sequences_hold_exactly_those_that_are_kept(bool crossFitted)
    {
        string input = Jsonl("a.jsonl", 40, 5), model = Fixtures.Root("e2e");
        CorpusReader corpus = CorpusReader.Open([input], new CorpusOptions());
        CorpusFold? fold = crossFitted ? new CorpusFold(3) : null;
        HandmadeRun.WriteManifest(_directory["run"], corpus, UnitKind.Sequence, fold?.Seed, model);
        Tokenizer tokenizer = Tokenizer.Load(model);
        SequencePacker[] packers = [new(8, tokenizer.EndOfText!.Value), new(8, tokenizer.EndOfText!.Value)];
        List<int[]> sequences = [];
        foreach (Document document in corpus.Read(0))
        {
            List<int> ids = [], ends = [];
            tokenizer.CreateEncoder().Encode(document.Text.Span, ids, ends);
            EncodedDocument encoded = new(document, [.. ids], [.. ends], CarriedSpecial: false);
            sequences.AddRange(packers[fold?.Of(document.Text.Span) ?? 0].Add(encoded).Select(sequence => sequence.Ids));
        }

        sequences.AddRange(packers.Select(packer => packer.Remainder).OfType<PackedSequence>().Select(rest => rest.Ids));
        Random random = new(3);
        ScoreSchema schema = ScoreSchema.For(Metrics.Perplexity, models: 1, folds: crossFitted, sequences: true);
        HandmadeRun.WritePart(_directory["run"], 0, schema, sequences.Select((_, row) => HandmadeRun.Row(
            corpus.Shards[0], row, $"a.jsonl#{row}", random.NextDouble(), ScoreStatus.Ok) with
        {
            Fold = crossFitted ? 0 : null,
            Span = default(UnitSpan),
        }));
        SelectionDirectory selection = HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:50%");
        await Exporter.ExportAsync(
            _directory["run"], _directory["selection"],
            new ExportOptions { Output = _directory["kept"], Rejected = _directory["rest"], Format = ExportFormat.Tokens }, threads: 1);
        KeepMask mask = selection.ReadMask(0);
        Assert.Equal(sequences.Where((_, row) => mask[row]).SelectMany(ids => ids), ReadTokens(_directory["kept/a.bin"]));
        Assert.Equal(sequences.Where((_, row) => !mask[row]).SelectMany(ids => ids), ReadTokens(_directory["rest/a.bin"]));
    }

    [Fact]
    public async Task Token_shards_can_be_split_and_rows_with_all_their_columns_not()
    {
        string input = Jsonl("a.jsonl", 30, 5);
        HandmadeRun.Write(_directory["run"], [input]);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "bottom:50%");
        ExportOptions tokens = new() { Output = _directory["whole"], Format = ExportFormat.Tokens, Tokenizer = Fixtures.Root("e2e") };
        await Exporter.ExportAsync(_directory["run"], _directory["selection"], tokens, threads: 1);
        ExportReport report = await Exporter.ExportAsync(_directory["run"], _directory["selection"], tokens with { Output = _directory["parts"], ShardBytes = 300 }, threads: 1);
        Assert.True(report.Kept.Count > 2);
        Assert.Equal(ReadTokens(_directory["whole/a.bin"]), report.Kept.SelectMany(file => ReadTokens(_directory["parts/" + file.Name])));

        WriteTable(_directory["t.parquet"], 10);
        HandmadeRun.Write(_directory["run-2"], [_directory["t.parquet"]]);
        HandmadeRun.Select(_directory["run-2"], _directory["selection-2"], "bottom:50%");
        CorpusException error = await Assert.ThrowsAsync<CorpusException>(() => Exporter.ExportAsync(
            _directory["run-2"], _directory["selection-2"], new ExportOptions { Output = _directory["kept-2"], ShardBytes = 300 }, threads: 1));
        Assert.Contains("--shard-bytes", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory["kept-2"]));
    }

    /// <summary>Cuts each half's text every few bytes, characters included, as packing would.</summary>
    private void WriteSequences(CorpusReader corpus, ulong? seed)
    {
        Random random = new(6);
        ScoreSchema schema = ScoreSchema.For(Metrics.Perplexity, models: 1, folds: seed is not null, sequences: true);
        List<(long Row, int Byte)>[] at = [[], []];
        foreach (Document document in corpus.Read(0))
        {
            int half = seed is null ? 0 : new CorpusFold(seed.Value).Of(document.Text.Span);
            for (int i = 0; i <= document.Text.Length; i++) at[half].Add((document.Row, i));
        }

        List<ScoreRow> rows = [];
        for (int half = 0; half < 2; half++)
        {
            for (int first = 0; first < at[half].Count;)
            {
                int end = Math.Min(first + random.Next(5, 120), at[half].Count - 1);
                if (at[half].Count - 1 - end < 5) end = at[half].Count - 1;
                rows.Add(HandmadeRun.Row(corpus.Shards[0], 0, "", random.NextDouble(), ScoreStatus.Ok) with
                {
                    Fold = seed is null ? null : half,
                    Span = new UnitSpan(at[half][first].Row, at[half][first].Byte, at[half][end].Row, at[half][end].Byte),
                });
                if (end == at[half].Count - 1) break;
                first = end;
            }
        }

        HandmadeRun.WritePart(_directory["run"], 0, schema, rows.OrderBy(row => row.Span!.Value.LastRow).ThenBy(row => row.Span!.Value.EndByte)
            .Select((row, i) => row with { Row = i, Id = $"a.jsonl#{i}" }));
    }
}
