using System.Text;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Winnow.Pruning.Export;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning.Export;

/// <summary>Some of the records, and files of a size.</summary>
public sealed class ExportPartsTests : ExportCase
{
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
}
