using System.Security.Cryptography;
using System.Text;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Winnow.Pruning.Export;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning.Export;

public sealed class ExporterTests : ExportCase
{
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

    private Task<ExportReport> ExportAsync(bool force = false) => Exporter.ExportAsync(
        _directory["run"], _directory["selection"], new ExportOptions { Output = _directory["kept"], Force = force }, threads: 1);
}
