using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Winnow.Pruning;
using Winnow.Pruning.Export;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning.Export;

/// <summary>All records, with their scores beside.</summary>
public sealed class AnnotatedExportTests : ExportCase
{
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
}
