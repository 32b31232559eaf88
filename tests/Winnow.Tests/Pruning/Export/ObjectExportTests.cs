using System.Text;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Pruning.Export;
using Winnow.Pruning.Selection;
using Winnow.Tests.Data;
using Winnow.Tests.Data.Storage;
using Xunit;

namespace Winnow.Tests.Pruning.Export;

public class ObjectExportTests
{
    [Fact]
    public async Task An_export_to_a_store_goes_on_where_it_was_broken_off()
    {
        FakeStore server = FakeStore.Shared;
        using Winnow.Tests.Data.TemporaryDirectory directory = new();
        foreach (string name in new[] { "a", "b" })
            server[$"/export/in/{name}.jsonl.zst"] = CompressionTests.Compress(CompressionKind.Zstd, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 50).Select(i => $"{{\"id\":\"{name}{i}\",\"text\":\"t{i}\"}}\n"))));
        string run = Path.Combine(directory.Path, "run"), selection = Path.Combine(directory.Path, "selection"), disk = Path.Combine(directory.Path, "disk");
        HandmadeRun.Write(run, ["s3://export/in"]);
        SelectionDirectory.Create(selection, ParquetScores.Open(run), new SelectionOptions { Keep = [KeepRule.Parse("middle:50%")] }, 1);
        ExportOptions options = new() { Output = "s3://export/out", Rejected = "s3://export/rest", Manifest = true };

        server.Fault = what => what.StartsWith("PUT /export/out/b", StringComparison.Ordinal) ? (403, null) : default;
        CorpusException e = await Assert.ThrowsAsync<CorpusException>(() => Exporter.ExportAsync(run, selection, options, 1));
        Assert.Equal("s3://export/out/b.jsonl.zst: access denied", e.Message);
        Assert.NotNull(server["/export/out/a.jsonl.zst"]);
        Assert.Null(server["/export/out/.winnow-export.json"]);

        server.Fault = _ => default;
        int before = server.Log.Count;
        ExportReport report = await Exporter.ExportAsync(run, selection, options, 2);
        Assert.Equal(50, report.KeptRecords);
        Assert.DoesNotContain(server.Log.Skip(before), line => line.StartsWith("PUT /export/out/a", StringComparison.Ordinal));
        Assert.NotNull(server["/export/out/.winnow-export.json"]);
        Assert.Null(server["/export/out/.winnow-export.begun"]);

        await Exporter.ExportAsync(run, selection, options with { Output = disk, Rejected = null }, 1);
        foreach (string name in new[] { "a.jsonl.zst", "b.jsonl.zst", "SHA256SUMS" }) Assert.Equal(File.ReadAllBytes(Path.Combine(disk, name)), server["/export/out/" + name]);

        e = await Assert.ThrowsAsync<CorpusException>(() => Exporter.ExportAsync(run, selection, options, 1));
        Assert.Equal("s3://export/out: the output prefix is not empty", e.Message);
        await Exporter.ExportAsync(run, selection, options with { Force = true }, 1);
        e = Assert.Throws<CorpusException>(() => ExportWork.Plan(Path.Combine(directory.Path, "work"), run, selection, options));
        Assert.Equal("s3://export/out: several processes export to a directory that all of them see", e.Message);
        Assert.Contains("leave `--tasks` and `--engine` out", e.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ExportFormat.Same, 7L, null)]
    [InlineData(ExportFormat.Tokens, null, null)]
    [InlineData(ExportFormat.Tokens, 7L, 150L)]
    public async Task Shuffled_records_and_token_shards_in_a_store_are_those_on_the_disk_and_are_gone_on_with(ExportFormat format, long? shuffle, long? shardBytes)
    {
        FakeStore server = FakeStore.Shared;
        using Winnow.Tests.Data.TemporaryDirectory directory = new();
        string prefix = $"/shuffle/{format}-{shuffle}-{shardBytes}", address = "s3:/" + prefix;
        foreach (string name in new[] { "a", "b" })
            server[$"{prefix}/in/{name}.jsonl.zst"] = CompressionTests.Compress(CompressionKind.Zstd, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 50).Select(i => $"{{\"id\":\"{name}{i}\",\"text\":\"t{i}\"}}\n"))));
        string run = Path.Combine(directory.Path, "run"), selection = Path.Combine(directory.Path, "selection"), disk = Path.Combine(directory.Path, "disk");
        HandmadeRun.Write(run, [address + "/in"]);
        SelectionDirectory.Create(selection, ParquetScores.Open(run), new SelectionOptions { Keep = [KeepRule.Parse("middle:60%")] }, 1);
        ExportOptions options = new() { Output = address + "/out", Rejected = address + "/rest", Format = format, Shuffle = shuffle, ShardBytes = shardBytes, Tokenizer = Fixtures.Root("e2e"), Manifest = true };

        server.Fault = what => what.StartsWith($"PUT {prefix}/rest/", StringComparison.Ordinal) && !what.Contains(".begun", StringComparison.Ordinal) ? (403, null) : default;
        await Assert.ThrowsAsync<CorpusException>(() => Exporter.ExportAsync(run, selection, options, 1));
        server.Fault = _ => default;
        ExportReport report = await Exporter.ExportAsync(run, selection, options, 2);
        Assert.Equal((60, 40), (report.KeptRecords, report.RejectedRecords));
        ExportReport local = await Exporter.ExportAsync(run, selection, options with { Output = disk, Rejected = disk + "-rest" }, 1);
        Assert.Equal(local.Kept.Concat(local.Rejected), report.Kept.Concat(report.Rejected));
        Assert.InRange(local.Kept.Count, shardBytes is null ? 1 : 2, shardBytes is null ? 2 : 100);
        foreach (ExportedFile file in local.Kept) Assert.Equal(File.ReadAllBytes(Path.Combine(disk, file.Name)), server[$"{prefix}/out/{file.Name}"]);
        foreach (ExportedFile file in local.Rejected) Assert.Equal(File.ReadAllBytes(Path.Combine(disk + "-rest", file.Name)), server[$"{prefix}/rest/{file.Name}"]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(disk, "SHA256SUMS")), server[$"{prefix}/out/SHA256SUMS"]);
    }
}
