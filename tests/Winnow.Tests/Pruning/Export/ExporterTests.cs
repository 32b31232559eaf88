using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Data.Packing;
using Winnow.Data.Parquet;
using Winnow.Data.Tokenizers;
using Winnow.Pruning;
using Winnow.Pruning.Export;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning.Export;

public sealed class ExporterTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public async Task Kept_and_rejected_records_are_the_corpus_byte_for_byte_and_in_order(string ending)
    {
        string[] inputs = [Jsonl("data/a.jsonl" + ending, 300, 1), Jsonl("data/inner/a.jsonl" + ending, 57, 2), Jsonl("data/c d é.jsonl" + ending, 1, 3)];
        HandmadeRun.Write(_directory["run"], [_directory["data"]]);
        SelectionDirectory selection = HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:37%");
        ExportReport report = await Exporter.ExportAsync(
            _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept"], Rejected = _directory["rest"] }, threads: 2);
        Assert.Equal(selection.Summary.Kept.Units, report.KeptRecords);
        Assert.Equal(selection.Summary.All.Units, report.KeptRecords + report.RejectedRecords);
        string[] names = ["a.jsonl" + ending, "c d é.jsonl" + ending, "inner/a.jsonl" + ending];
        Assert.Equal(names, selection.Summary.Shards.Select(shard => shard.Name));
        for (int shard = 0; shard < names.Length; shard++)
        {
            Queue<string> kept = new(Lines(_directory[$"kept/{names[shard]}"])), rest = new(Lines(_directory[$"rest/{names[shard]}"]));
            KeepMask mask = selection.ReadMask(shard);
            StringBuilder merged = new();
            for (int row = 0; row < mask.Rows; row++) merged.Append((mask[row] ? kept : rest).Dequeue());
            Assert.Equal(string.Concat(Lines(inputs.Single(path => path.EndsWith("data/" + names[shard], StringComparison.Ordinal)))), merged.ToString());
            Assert.Empty(kept.Concat(rest));
        }

        foreach (ExportedFile file in report.Kept)
            Assert.Equal(file.Sha256, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_directory[$"kept/{file.Name}"]))));
        Assert.DoesNotContain(Directory.GetFiles(_directory["kept"], "*", SearchOption.AllDirectories), path => path.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Records_that_could_not_be_read_are_in_neither_half()
    {
        string input = _directory["bad.jsonl"];
        File.WriteAllText(input, "{\"text\": \"one\"}\nnot json\n{\"text\": \"two\"}\n{\"no\": 1}\n");
        CorpusOptions options = new() { MaxBadRecords = 2 };
        HandmadeRun.Write(_directory["run"], [input], options);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "bottom:50%");
        ExportReport report = await Exporter.ExportAsync(
            _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept"], Rejected = _directory["rest"] }, threads: 1);
        Assert.Equal((1, 1), (report.KeptRecords, report.RejectedRecords));
    }

    [Fact]
    public async Task A_file_that_changed_since_it_was_scored_is_refused_and_nothing_is_left_behind()
    {
        string input = Jsonl("a.jsonl", 20, 1);
        HandmadeRun.Write(_directory["run"], [input]);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "top:50%");
        string[] lines = [.. Lines(input)];
        (lines[3], lines[4]) = (lines[4], lines[3]);
        File.WriteAllText(input, string.Concat(lines));
        CorpusException error = await Assert.ThrowsAsync<CorpusException>(() => ExportAsync());
        Assert.Contains("changed", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_directory["kept"]));
        File.AppendAllText(input, "{\"text\": \"more\"}\n");
        error = await Assert.ThrowsAsync<CorpusException>(() => ExportAsync());
        Assert.Contains("changed since it was scored", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_with_something_in_it_is_overwritten_only_by_force_and_inputs_never()
    {
        string input = Jsonl("data/a.jsonl", 20, 1);
        HandmadeRun.Write(_directory["run"], [input]);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "top:50%");
        await ExportAsync();
        CorpusException error = await Assert.ThrowsAsync<CorpusException>(() => ExportAsync());
        Assert.Contains("--force", error.Hint, StringComparison.Ordinal);
        await ExportAsync(force: true);
        await Assert.ThrowsAsync<CorpusException>(() => Exporter.ExportAsync(
            _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["data"], Force = true }, threads: 1));
        Assert.Equal(20, Lines(input).Count());
    }

    [Fact]
    public async Task Text_becomes_jsonl_that_says_where_it_comes_from()
    {
        Directory.CreateDirectory(_directory["texts"]);
        for (int i = 0; i < 4; i++) File.WriteAllText(_directory[$"texts/{i}.txt"], $"text number {i}, \"quoted\"\n");
        HandmadeRun.Write(_directory["run"], [_directory["texts"]]);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "top:100%");
        ExportReport report = await Exporter.ExportAsync(
            _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept"], Format = ExportFormat.Jsonl }, threads: 2);
        Assert.Equal("0.jsonl.zst", report.Kept[0].Name);
        Document document = CorpusReader.Open([_directory["kept/0.jsonl.zst"]], new CorpusOptions()).Read(0).Single();
        Assert.Equal(("0.txt", "text number 0, \"quoted\"\n"), (document.Id, Encoding.UTF8.GetString(document.Text.Span)));
    }

    [Fact]
    public async Task Parquet_rows_keep_all_their_columns()
    {
        string input = _directory["a.parquet"];
        using (FileStream stream = File.Create(input))
        {
            using ParquetWriter writer = new(
                stream, [ParquetColumn.String("text"), ParquetColumn.Double("quality", nullable: true), ParquetColumn.Int64("crawl")],
                new ParquetWriterOptions { RowGroupRows = 40 });
            for (int row = 0; row < 100; row++)
            {
                writer[0].Add($"document {row}");
                if (row % 3 == 0) writer[1].AddNull();
                else writer[1].Add(row / 7.0);
                writer[2].Add(row * 1000L);
                writer.EndRow();
            }

            writer.Finish();
        }

        HandmadeRun.Write(_directory["run"], [input]);
        KeepMask mask = HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:30%").ReadMask(0);
        ExportReport report = await Exporter.ExportAsync(
            _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept"], Rejected = _directory["rest"] }, threads: 1);
        Assert.Equal((30, 70), (report.KeptRecords, report.RejectedRecords));
        foreach ((string name, bool wanted) in new[] { ("kept/a.parquet", true), ("rest/a.parquet", false) })
        {
            int[] rows = [.. Enumerable.Range(0, 100).Where(row => mask[row] == wanted)];
            using ParquetReader file = ParquetReader.Open(_directory[name]);
            IEnumerable<int> groups = Enumerable.Range(0, file.RowGroups.Count);
            Assert.Equal(rows.Select(row => $"document {row}"), groups.SelectMany(group => file.ReadString(group, file.Find("text"))));
            Assert.Equal(rows.Select(row => row % 3 == 0 ? double.NaN : row / 7.0), groups.SelectMany(group => file.ReadDouble(group, file.Find("quality"))));
            Assert.Equal(rows.Select(row => row * 1000L), groups.SelectMany(group => file.ReadInt64(group, file.Find("crawl"))));
        }
    }

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

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_limit_writes_the_first_records_of_either_side(int threads)
    {
        string[] inputs = [Jsonl("data/a.jsonl", 30, 1), Jsonl("data/b.jsonl", 40, 2), Jsonl("data/c.jsonl", 30, 3)];
        HandmadeRun.Write(_directory["run"], [_directory["data"]]);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:60%");
        await Exporter.ExportAsync(_directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept"], Rejected = _directory["rest"] }, threads);
        ExportReport report = await Exporter.ExportAsync(
            _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept-35"], Rejected = _directory["rest-35"], Limit = 35 }, threads);
        Assert.Equal((35, 35), (report.KeptRecords, report.RejectedRecords));
        foreach (string side in new[] { "kept", "rest" })
            Assert.Equal(inputs.SelectMany(path => Lines(_directory[$"{side}/{Path.GetFileName(path)}"]).Select(line => line.TrimEnd())).Take(35), inputs.SelectMany(path => Lines(_directory[$"{side}-35/{Path.GetFileName(path)}"]).Select(line => line.TrimEnd())));
    }

    [Fact]
    public async Task A_limit_holds_for_rows_with_all_their_columns_too()
    {
        WriteTable(_directory["a.parquet"], 100);
        HandmadeRun.Write(_directory["run"], [_directory["a.parquet"]]);
        KeepMask mask = HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:50%").ReadMask(0);
        await Exporter.ExportAsync(_directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept"], Limit = 7 }, threads: 1);
        using ParquetReader file = ParquetReader.Open(_directory["kept/a.parquet"]);
        Assert.Equal(Enumerable.Range(0, 100).Where(row => mask[row]).Take(7).Select(row => $"document {row}"), file.ReadString(0, file.Find("text")));
    }

    [Theory]
    [InlineData("", ExportFormat.Same, ".jsonl")]
    [InlineData(".zst", ExportFormat.Same, ".jsonl.zst")]
    [InlineData("", ExportFormat.Parquet, ".parquet")]
    public async Task Split_files_joined_are_the_one_file(string ending, ExportFormat format, string written)
    {
        string input = Jsonl("v1.2/a.b.jsonl" + ending, 200, 1);
        CorpusReader corpus = HandmadeRun.Write(_directory["run"], [input]);
        KeepMask mask = HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:60%").ReadMask(0);
        ExportReport report = await Exporter.ExportAsync(
            _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept"], Format = format, ShardBytes = 2000 }, threads: 2);
        Assert.True(report.Kept.Count > 3);
        Assert.Equal(report.Kept.Select((_, part) => $"a.b-{part:D5}{written}"), report.Kept.Select(file => file.Name));
        Assert.Equal(
            corpus.Read(0).Where(document => mask[document.Row]).Select(document => (document.Id, Encoding.UTF8.GetString(document.Text.Span))),
            report.Kept.SelectMany(file => Documents("kept/" + file.Name)).Select(document => (document.Id, Encoding.UTF8.GetString(document.Text.Span))));
        if (ending.Length == 0 && format == ExportFormat.Same) Assert.All(report.Kept.SkipLast(1), file => Assert.InRange(file.Bytes, 2000, 3000));
    }

    [Fact]
    public async Task What_an_export_that_failed_left_is_gone_when_it_is_written_again()
    {
        Jsonl("data/a.jsonl", 60, 1);
        string second = Jsonl("data/b.jsonl", 20, 2), whole = File.ReadAllText(second);
        HandmadeRun.Write(_directory["run"], [_directory["data"]]);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "top:100%");
        File.WriteAllText(second, whole.Replace("\"id\"", "\"di\"", StringComparison.Ordinal));
        ExportOptions options = new() { Output = _directory["kept"], ShardBytes = 500 };
        await Assert.ThrowsAsync<CorpusException>(() => Exporter.ExportAsync(_directory["run"], _directory["selection"], options, threads: 1));
        File.WriteAllText(second, whole);
        File.WriteAllText(_directory["kept/mine.txt"], "stays");
        Assert.True(File.Exists(_directory["kept/a-00004.jsonl"]));
        ExportReport report = await Exporter.ExportAsync(_directory["run"], _directory["selection"], options with { ShardBytes = 1 << 20, Force = true }, threads: 1);
        Assert.Equal(["a-00000.jsonl", "b-00000.jsonl"], report.Kept.Select(file => file.Name));
        Assert.Equal([".winnow-export.json", "a-00000.jsonl", "b-00000.jsonl", "mine.txt"], Directory.GetFileSystemEntries(_directory["kept"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
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

    [Theory]
    [InlineData("", ExportFormat.Same)]
    [InlineData(".gz", ExportFormat.Same)]
    [InlineData("", ExportFormat.Jsonl)]
    public async Task Annotated_records_are_all_records_byte_for_byte_with_their_scores_behind(string ending, ExportFormat format)
    {
        string input = Jsonl("a.jsonl" + ending, 80, 1);
        HandmadeRun.Write(_directory["run"], [input]);
        KeepMask mask = HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:40%").ReadMask(0);
        ExportReport report = await Exporter.ExportAsync(
            _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["all"], Annotate = true, Format = format }, threads: 2);
        string[] before = [.. Lines(input)], after = [.. Lines(_directory["all/" + report.Kept[0].Name])];
        ScoreRow[] rows = [.. ScoreTable.Open(_directory["run"]).ReadRows()];
        int perplexity = ScoreTable.Open(_directory["run"]).Schema.IndexOf("perplexity");
        Assert.Equal(before.Length, after.Length);
        for (int i = 0; i < before.Length; i++)
        {
            int at = after[i].IndexOf(",\"winnow\":", StringComparison.Ordinal), end = before[i].LastIndexOf('}');
            Assert.Equal(before[i][..end], after[i][..at]);
            Assert.EndsWith("}" + before[i][end..], after[i], StringComparison.Ordinal);
            using JsonDocument line = JsonDocument.Parse(after[i]);
            JsonElement scores = line.RootElement.GetProperty("winnow");
            Assert.Equal(mask[i], scores.GetProperty("kept").GetBoolean());
            Assert.Equal(rows[i].Values[perplexity], scores.GetProperty("perplexity").GetDouble());
            Assert.Equal("ok", scores.GetProperty("status").GetString());
            Assert.False(scores.TryGetProperty("el2n", out _));
        }
    }

    [Fact]
    public async Task Annotated_tables_keep_their_columns_and_get_scores_beside()
    {
        string input = _directory["a.parquet"];
        using (FileStream stream = File.Create(input))
        {
            using ParquetWriter writer = new(
                stream, [ParquetColumn.String("text", nullable: true), ParquetColumn.Int64("n")],
                new ParquetWriterOptions { RowGroupRows = 30, Metadata = new Dictionary<string, string> { ["who"] = "me", ["ARROW:schema"] = "old" } });
            for (int i = 0; i < 100; i++)
            {
                if (i == 70) writer[0].AddNull();
                else writer[0].Add($"document {i}");
                writer[1].Add((long)i);
                writer.EndRow();
            }

            writer.Finish();
        }

        HandmadeRun.Write(_directory["run"], [input], new CorpusOptions { MaxBadRecords = 1 });
        KeepMask mask = HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:40%").ReadMask(0);
        ExportOptions options = new() { Output = _directory["all"], Annotate = true };
        Assert.Equal(99, (await Exporter.ExportAsync(_directory["run"], _directory["selection"], options, threads: 1)).KeptRecords);
        using ParquetReader file = ParquetReader.Open(_directory["all/a.parquet"]);
        Assert.Equal("who", Assert.Single(file.Metadata).Key);
        Assert.Equal(["text", "n", "winnow.kept", "winnow.status", "winnow.tokens", "winnow.nll", "winnow.perplexity"], file.Columns.Select(column => column.Path).Take(7));
        ScoreRow[] rows = [.. ScoreTable.Open(_directory["run"]).ReadRows()];
        int perplexity = ScoreTable.Open(_directory["run"]).Schema.IndexOf("perplexity");
        int[] there = [.. Enumerable.Range(0, 100).Where(i => i != 70)];
        Assert.Equal(there.Select(i => $"document {i}"), Groups(group => file.ReadString(group, 0)));
        Assert.Equal(there.Select(i => (long)i), Groups(group => file.ReadInt64(group, 1)));
        Assert.Equal(there.Select(i => mask[i] ? 1.0 : 0), Groups(group => ScorePart.ReadNumbers(file, group, "winnow.kept")));
        Assert.Equal(there.Select(i => rows[i].Status), Groups(group => file.ReadString(group, file.Find("winnow.status"))));
        Assert.Equal(there.Select(i => rows[i].Values[perplexity]), Groups(group => file.ReadDouble(group, file.Find("winnow.perplexity"))));
        Assert.All(Groups(group => file.ReadDouble(group, file.Find("winnow.el2n"))), value => Assert.Equal(double.NaN, value));

        HandmadeRun.Write(_directory["again"], [_directory["all/a.parquet"]]);
        HandmadeRun.Select(_directory["again"], _directory["selection-2"], "middle:40%");
        CorpusException error = await Assert.ThrowsAsync<CorpusException>(() => Exporter.ExportAsync(_directory["again"], _directory["selection-2"], options with { Output = _directory["twice"] }, threads: 1));
        Assert.Contains("has a column `winnow` already", error.Message, StringComparison.Ordinal);

        IEnumerable<T> Groups<T>(Func<int, IEnumerable<T>> read) => file.RowGroups.SelectMany(group => read(group.Index));
    }

    [Fact]
    public async Task Tables_are_annotated_as_jsonl_and_unreadable_records_stay_out()
    {
        WriteTable(_directory["data/a.parquet"], 20);
        File.WriteAllText(_directory["data/b.jsonl"], "{\"text\": \"one\"}\nnot json\n{\"text\": \"two\", \"in\": {\"winnow\": 1}}\n");
        HandmadeRun.Write(_directory["run"], [_directory["data"]], new CorpusOptions { MaxBadRecords = 1 });
        HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:40%");
        ExportOptions options = new() { Output = _directory["all"], Annotate = true };
        ExportReport report = await Exporter.ExportAsync(_directory["run"], _directory["selection"], options with { Format = ExportFormat.Jsonl }, threads: 1);
        Assert.Equal([20, 2], report.Kept.Select(file => file.Records));
        string[] lines = [.. Lines(_directory["all/a.jsonl.zst"])];
        Assert.StartsWith("{\"id\":\"a.parquet:3\",\"source\":\"", lines[3], StringComparison.Ordinal);
        Assert.Contains("\"text\":\"document 3\",\"winnow\":{\"kept\":", lines[3], StringComparison.Ordinal);
        foreach (ExportOptions wrong in new[] { options with { Rejected = _directory["rest"] }, options with { Format = ExportFormat.Parquet }, options with { Format = ExportFormat.Tokens } })
        {
            CorpusException error = await Assert.ThrowsAsync<CorpusException>(() => Exporter.ExportAsync(_directory["run"], _directory["selection"], wrong with { Force = true }, threads: 1));
            Assert.StartsWith("--annotate", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("winnow")]
    [InlineData("\\u0077inn\\u006fw")]
    public async Task Records_that_are_annotated_already_are_refused(string property)
    {
        File.WriteAllText(_directory["a.jsonl"], $$"""{"{{property}}": {}, "\ud800": 1, "text": "one"}""" + "\n");
        HandmadeRun.Write(_directory["run"], [_directory["a.jsonl"]]);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "top:100%");
        CorpusException error = await Assert.ThrowsAsync<CorpusException>(() => Exporter.ExportAsync(
            _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["all"], Annotate = true }, threads: 1));
        Assert.Contains("record 0 has a property `winnow` already", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_directory["all"]));
    }

    [Fact]
    public async Task The_manifest_has_the_hash_of_every_file_as_sha256sum_reads_it()
    {
        Jsonl("data/a.jsonl", 30, 1);
        File.Move(Jsonl("b.jsonl", 30, 2), _directory["data/b c\\d.jsonl"]);
        HandmadeRun.Write(_directory["run"], [_directory["data"]]);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:60%");
        ExportOptions options = new() { Output = _directory["kept"], Manifest = true };
        await Exporter.ExportAsync(_directory["run"], _directory["selection"], options, threads: 2);
        string a = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_directory["kept/a.jsonl"])));
        string b = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_directory["kept/b c\\d.jsonl"])));
        Assert.Equal($"{a}  a.jsonl\n\\{b}  b c\\\\d.jsonl\n", File.ReadAllText(_directory["kept/SHA256SUMS"]));
        await Exporter.ExportAsync(_directory["run"], _directory["selection"], options with { Manifest = false, Force = true }, threads: 2);
        Assert.False(File.Exists(_directory["kept/SHA256SUMS"]));
    }

    /// <summary>The tokens of a uint16 shard.</summary>
    private static int[] ReadTokens(string path)
    {
        byte[] content = File.ReadAllBytes(path);
        Assert.Equal((20240520, 1), (BitConverter.ToInt32(content), BitConverter.ToInt32(content, 4)));
        int[] tokens = [.. MemoryMarshal.Cast<byte, ushort>(content.AsSpan(1024)).ToArray().Select(id => (int)id)];
        Assert.Equal(tokens.Length, BitConverter.ToInt32(content, 8));
        return tokens;
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

    private Task<ExportReport> ExportAsync(bool force = false) => Exporter.ExportAsync(
        _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept"], Force = force }, threads: 1);

    private IEnumerable<Document> Documents(string name) => CorpusReader.Open([_directory[name]], new CorpusOptions()).Read(0);

    private static void WriteTable(string path, int rows)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using FileStream stream = File.Create(path);
        using ParquetWriter writer = new(stream, [ParquetColumn.String("text")], new ParquetWriterOptions());
        for (int row = 0; row < rows; row++)
        {
            writer[0].Add($"document {row}");
            writer.EndRow();
        }

        writer.Finish();
    }

    private string Jsonl(string name, int documents, int seed)
    {
        Random random = new(seed);
        StringBuilder lines = new();
        for (int i = 0; i < documents; i++)
        {
            string words = string.Concat(Enumerable.Range(0, random.Next(1, 40)).Select(_ => random.Next(4) switch { 0 => "数据", 1 => "naïve ", 2 => "\\u00e9😀", _ => "word " }));
            string spaces = new(' ', random.Next(3));
            lines.Append($"{{{spaces}\"meta\": {{\"n\": {i}.50}}, \"id\":\"{name}-{i}\",{spaces} \"text\" : \"{words}\"}}{(random.Next(5) == 0 ? "\r\n" : "\n")}");
        }

        string path = _directory[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using Stream stream = CompressedStream.Write(File.Create(path), CompressedStream.FromName(path));
        stream.Write(Encoding.UTF8.GetBytes(lines.ToString().TrimEnd()));
        return path;
    }

    /// <summary>The lines of a file, each with its end.</summary>
    private static IEnumerable<string> Lines(string path)
    {
        if (!File.Exists(path)) return [];
        using StreamReader reader = new(CompressedStream.OpenRead(path), new UTF8Encoding(false));
        string text = reader.ReadToEnd();
        return text.Split('\n').Select((line, i) => i < text.Count(c => c == '\n') ? line + "\n" : line).Where(line => line.Length > 0);
    }
}
