using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Kernels.Cpu;
using Winnow.Pruning;
using Winnow.Pruning.Duplicates;
using Winnow.Pruning.Export;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning;

public sealed class DuplicateTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CpuBackend _backend = new(2);

    public DuplicateTests() => TinyModel.Write(_directory["model"], 1);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _backend.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData(1 << 20, 0)]
    [InlineData(4000, 1)]
    [InlineData(300, 3)]
    public void Records_come_out_in_order_however_little_memory_there_is(int memory, int seed)
    {
        Random random = new(seed);
        (UInt128 Key, byte[] Record)[] records = [.. Enumerable.Range(0, 5000).Select(i =>
        {
            byte[] record = new byte[random.Next(8) == 0 ? random.Next(600) : random.Next(12)];
            random.NextBytes(record);
            return (new UInt128((ulong)random.Next(40), (ulong)random.Next(40)), record);
        })];
        using ExternalSort sort = new(_directory["sort"], memory);
        Parallel.ForEach(records, record => sort.Add(record.Key, record.Record));
        Assert.Equal(memory < 1 << 20, Directory.Exists(_directory["sort"]));
        IEnumerable<(UInt128 Key, string Record)> wanted = records.Select(record => (record.Key, Record: Convert.ToHexString(record.Record)))
            .OrderBy(record => record.Key).ThenBy(record => record.Record, StringComparer.Ordinal);
        Assert.Equal(wanted, sort.Sorted().Select(record => (record.Key, Convert.ToHexString(record.Record.Span))));
        sort.Dispose();
        Assert.False(Directory.Exists(_directory["sort"]));
    }

    [Fact]
    public async Task Of_equal_texts_the_first_of_the_corpus_stays_for_any_number_of_threads()
    {
        string[][] files = WriteCorpus();
        foreach (int threads in new[] { 1, 3 })
        {
            CorpusReader corpus = CorpusReader.Open([_directory["corpus"]], new CorpusOptions());
            DuplicateCount found = await DuplicateFinder.FindAsync(corpus, null, _directory["run"], threads, null, null, Cancel);
            HashSet<string> met = [];
            List<string> copies = [];
            for (int shard = 0; shard < files.Length; shard++)
            {
                using DuplicateRows rows = DuplicateRows.Open(_directory["run"], shard);
                for (int row = 0; row < files[shard].Length; row++)
                {
                    bool isCopy = files[shard][row].Length > 0 && !met.Add(files[shard][row]);
                    Assert.Equal(isCopy, rows.Contains(row));
                    if (isCopy) copies.Add(files[shard][row]);
                }
            }

            Assert.True(copies.Count > 30, $"{copies.Count} copies");
            Assert.Equal(new DuplicateCount(copies.Count, copies.Sum(text => (long)System.Text.Encoding.UTF8.GetByteCount(text))), found);
            Assert.Equal(files.Length, Directory.GetFileSystemEntries(_directory["run/duplicates"]).Length);
        }
    }

    [Fact]
    public async Task Copies_have_a_row_and_no_score_and_the_others_the_scores_they_have_without()
    {
        WriteCorpus();
        await Scorer.ScoreAsync(Request("plain") with { Options = new ScoringOptions() }, _backend, cancel: Cancel);
        ScoringResult result = await Scorer.ScoreAsync(Request("run"), _backend, cancel: Cancel);
        ScoreRow[] plain = [.. ScoreTable.Open(_directory["plain"]).ReadRows()], rows = [.. ScoreTable.Open(_directory["run"]).ReadRows()];
        Assert.Equal(plain.Length, rows.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            Assert.Equal((plain[i].Shard, plain[i].Row, plain[i].Id, plain[i].Bytes), (rows[i].Shard, rows[i].Row, rows[i].Id, rows[i].Bytes));
            bool isCopy = rows[i].Status == ScoreStatus.Duplicate;
            if (!isCopy) Assert.Equal(plain[i].Status, rows[i].Status);
            Assert.Equal(isCopy ? plain[i].Values.Select(_ => double.NaN) : plain[i].Values, rows[i].Values);
        }

        ScoreRow[] copies = [.. rows.Where(row => row.Status == ScoreStatus.Duplicate)];
        Assert.Equal(new DuplicateCount(copies.Length, copies.Sum(row => row.Bytes)), result.Manifest.Duplicates);
        Assert.Equal(copies.Length, result.Manifest.Statuses[ScoreStatus.Duplicate]);

        // Not even with the units that have no score.
        SelectionOptions everything = new() { Keep = [KeepRule.Parse("top:100%")], Unscored = Unscored.Keep };
        SelectionSummary kept = RankSelector.Select(ParquetScores.Open(_directory["run"]), everything, 2, (_, _) => { });
        Assert.Equal((rows.Length - copies.Length, copies.Length), (kept.Kept.Units, kept.Unscored[ScoreStatus.Duplicate]));
        SelectionSummary longer = RankSelector.Select(ParquetScores.Open(_directory["run"]), new SelectionOptions { Keep = [], Where = "bytes > 0" }, 2, (_, _) => { });
        Assert.Equal(rows.Count(row => row.Bytes > 0) - copies.Length, longer.Kept.Units);
    }

    [Fact]
    public async Task A_killed_run_goes_on_and_one_without_the_option_is_another()
    {
        WriteCorpus();
        await Scorer.ScoreAsync(Request("whole"), _backend, cancel: Cancel);
        for (int writes = 2; writes < 14; writes += 3)
        {
            int left = writes;
            void Kill(string what)
            {
                if (--left <= 0) throw new InvalidOperationException("killed");
            }

            ScoringRequest request = Request($"killed-{writes}");
            await Assert.ThrowsAsync<InvalidOperationException>(() => Scorer.ScoreAsync(request, _backend, null, Kill, Cancel));
            CorpusException other = await Assert.ThrowsAsync<CorpusException>(
                () => Scorer.ScoreAsync(request with { Options = new ScoringOptions() }, _backend, cancel: Cancel));
            Assert.Contains("option `dedup` was \"exact\", now \"none\"", other.Message, StringComparison.Ordinal);
            await Scorer.ScoreAsync(request, _backend, cancel: Cancel);
            foreach (string part in Directory.GetFiles(_directory["whole"], "*.parquet", SearchOption.AllDirectories))
                Assert.Equal(File.ReadAllBytes(part), File.ReadAllBytes(part.Replace(_directory["whole"], _directory[$"killed-{writes}"], StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task A_limit_finds_copies_among_its_documents_only_and_bad_records_are_passed()
    {
        File.WriteAllText(_directory["a.jsonl"], "not json\n{\"text\":\"one\"}\n{\"text\":\"two\"}\n{\"text\":\"one\"}\n{\"text\":\"two\"}\n{\"text\":\"two\"}\n");
        ScoringRequest request = Request("run") with { Inputs = [_directory["a.jsonl"]], Corpus = new CorpusOptions { Limit = 3, MaxBadRecords = 1 } };
        ScoringResult result = await Scorer.ScoreAsync(request, _backend, cancel: Cancel);
        Assert.Equal(["invalid", "ok", "ok", "duplicate"], ScoreTable.Open(_directory["run"]).ReadRows().Select(row => row.Status));
        Assert.Equal(new DuplicateCount(1, 3), result.Manifest.Duplicates);
        Assert.Equal(1, result.Manifest.BadRecords);
    }

    [Fact]
    public async Task Sequences_are_packed_without_copies_and_export_gives_each_text_once()
    {
        string[][] files = WriteCorpus();
        ScoringRequest request = Request("run");
        await Scorer.ScoreAsync(request with { Options = request.Options with { Unit = UnitKind.Sequence, Context = 32 } }, _backend, cancel: Cancel);
        SelectionOptions all = new() { Keep = [KeepRule.Parse("top:100%")], Unscored = Unscored.Keep };
        SelectionDirectory.Create(_directory["selection"], ParquetScores.Open(_directory["run"]), all, threads: 2);
        foreach (ExportFormat format in new[] { ExportFormat.Jsonl, ExportFormat.Tokens })
        {
            ExportOptions options = new() { Output = _directory[$"{format}"], Rejected = format == ExportFormat.Jsonl ? _directory["rest"] : null, Format = format };
            await Exporter.ExportAsync(_directory["run"], _directory["selection"], options, threads: 2, cancel: Cancel);
        }

        string[] once = [.. files.SelectMany(texts => texts).Where(text => text.Length > 0).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(once, Texts("Jsonl").Where(text => text.Length > 0).Order(StringComparer.Ordinal));
        Assert.All(Texts("rest"), text => Assert.Contains(text, once));
        Assert.Equal(files.Sum(texts => texts.Count(text => text.Length > 0)) - once.Length, Texts("rest").Count());
    }

    [Fact]
    public async Task Standard_input_cannot_be_searched_for_copies()
    {
        CorpusException refused = await Assert.ThrowsAsync<CorpusException>(() => Scorer.ScoreAsync(Request("run") with { Inputs = ["-"] }, _backend, cancel: Cancel));
        Assert.Contains("standard input", refused.Message, StringComparison.Ordinal);
    }

    private IEnumerable<string> Texts(string directory)
    {
        CorpusReader corpus = CorpusReader.Open([_directory[directory]], new CorpusOptions());
        return corpus.Shards.SelectMany(shard => corpus.Read(shard.Index)).Select(document => System.Text.Encoding.UTF8.GetString(document.Text.Span));
    }

    private ScoringRequest Request(string run) => new()
    {
        Inputs = [_directory["corpus"]],
        Models = [_directory["model"]],
        Output = _directory[run],
        Options = new ScoringOptions { Dedup = Dedup.Exact },
        Runtime = new ScoringRuntime { BlockRows = 6 },
    };

    /// <summary>Three files, a third of whose texts stand in them more than once; one in three texts is empty.</summary>
    private string[][] WriteCorpus()
    {
        Random random = new(5);
        Directory.CreateDirectory(_directory["corpus"]);
        return [.. Enumerable.Range(0, 3).Select(file =>
        {
            string[] texts = [.. Enumerable.Range(0, 40).Select(i => i % 9 == 4 ? "" : i % 3 == 0 ? $"text {random.Next(8)} of many, é" : $"text {file}-{i} is rare")];
            using Stream lines = CompressedStream.Write(File.Create(_directory[$"corpus/{file}.jsonl.gz"]), CompressionKind.Gzip);
            foreach (string text in texts) lines.Write([.. JsonSerializer.SerializeToUtf8Bytes(new { text }), (byte)'\n']);
            return texts;
        })];
    }
}
