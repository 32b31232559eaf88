using System.Runtime.InteropServices;
using System.Text;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Winnow.Data.Tokenizers;
using Winnow.Pruning.Export;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning.Export;

public sealed class ShuffledExportTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _lines = [];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Both_sides_are_the_records_of_all_files_byte_for_byte_in_an_order_of_the_seed()
    {
        WriteCorpus();
        SelectionDirectory selection = HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:60%");
        bool[] kept = [.. Enumerable.Range(0, 3).SelectMany(shard => Enumerable.Range(0, 50).Select(row => selection.ReadMask(shard)[row]))];
        ExportReport one = await ExportAsync("one", 7, threads: 1), two = await ExportAsync("two", 7, threads: 3), other = await ExportAsync("other", 8, threads: 2);
        Assert.Equal(("shuffled.jsonl.zst", 90L, 60L), (one.Kept.Single().Name, one.KeptRecords, one.RejectedRecords));
        Assert.Equal((one.Kept[0].Sha256, one.Rejected[0].Sha256), (two.Kept[0].Sha256, two.Rejected[0].Sha256));
        Assert.NotEqual(one.Kept[0].Sha256, other.Kept[0].Sha256);
        foreach ((string side, bool isKept) in new[] { ("one", true), ("one-rest", false), ("other", true) })
        {
            string[] wanted = [.. _lines.Where((_, i) => kept[i] == isKept)], found = Lines(side + "/shuffled.jsonl.zst");
            Assert.NotEqual(wanted, found);
            Assert.Equal(wanted.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
            Assert.Equal([".winnow-export.json", "shuffled.jsonl.zst"], Directory.GetFileSystemEntries(_directory[side]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        }

        // Neighbours do not stay neighbours: of 89 pairs about 0.6 follow each other in both orders.
        string[] order = Lines("one/shuffled.jsonl.zst");
        int[] places = [.. order.Select(line => _lines.IndexOf(line))];
        Assert.InRange(places.Zip(places.Skip(1)).Count(pair => pair.Second == pair.First + 1), 0, 6);
    }

    [Fact]
    public async Task A_limit_draws_the_first_of_the_order_and_split_files_joined_are_the_one()
    {
        WriteCorpus();
        HandmadeRun.Select(_directory["run"], _directory["selection"], "middle:60%");
        await ExportAsync("whole", 7, threads: 2);
        ExportReport few = await ExportAsync("few", 7, threads: 2, limit: 20);
        Assert.Equal((20, 20), (few.KeptRecords, few.RejectedRecords));
        Assert.Equal(Lines("whole/shuffled.jsonl.zst").Take(20), Lines("few/shuffled.jsonl.zst"));
        ExportReport parts = await ExportAsync("parts", 7, threads: 2, shardBytes: 700);
        Assert.True(parts.Kept.Count > 3);
        Assert.Equal(Lines("whole/shuffled.jsonl.zst"), parts.Kept.SelectMany(file => Lines("parts/" + file.Name)));
    }

    [Fact]
    public async Task Documents_become_rows_and_tokens_in_the_same_order()
    {
        WriteCorpus();
        HandmadeRun.Select(_directory["run"], _directory["selection"], "top:100%");
        await ExportAsync("lines", 7, threads: 2);
        Document[] wanted = [.. CorpusReader.Open([_directory["lines"]], new CorpusOptions()).Read(0)];
        await ExportAsync("table", 7, threads: 2, format: ExportFormat.Parquet, shardBytes: 1000);
        Assert.True(Directory.GetFiles(_directory["table"], "shuffled-*.parquet").Length > 2);
        CorpusReader table = CorpusReader.Open([_directory["table"]], new CorpusOptions());
        Assert.Equal(wanted.Select(Said), table.Shards.SelectMany(shard => table.Read(shard.Index)).Select(Said));

        await ExportAsync("tokens", 7, threads: 2, format: ExportFormat.Tokens);
        Tokenizer tokenizer = Tokenizer.Load(Fixtures.Root("e2e"));
        TokenEncoder encoder = tokenizer.CreateEncoder();
        List<int> ids = [];
        foreach (Document document in wanted)
        {
            encoder.Encode(document.Text.Span, ids);
            ids.Add(tokenizer.EndOfText!.Value);
        }

        Assert.Equal(ids, MemoryMarshal.Cast<byte, ushort>(File.ReadAllBytes(_directory["tokens/shuffled.bin"]).AsSpan(1024)).ToArray().Select(id => (int)id));
    }

    [Fact]
    public async Task A_table_of_text_keeps_its_header_line_in_front()
    {
        Directory.CreateDirectory(_directory["data"]);
        for (int file = 0; file < 2; file++) File.WriteAllText(_directory[$"data/{file}.csv"], "text,n\n" + string.Concat(Enumerable.Range(0, 20).Select(i => $"\"row {file}\n{i}\",{i}\r\n")));
        HandmadeRun.Write(_directory["run"], [_directory["data"]]);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "top:100%");
        await ExportAsync("out", 1, threads: 2);
        Assert.StartsWith("text,n\n\"row ", File.ReadAllText(_directory["out/shuffled.csv"]), StringComparison.Ordinal);
        Assert.Equal(40, CorpusReader.Open([_directory["out"]], new CorpusOptions()).Read(0).Count());
        File.WriteAllText(_directory["data/1.csv"], "text,m\n" + string.Concat(Enumerable.Range(0, 20).Select(i => $"\"row 1\n{i}\",{i}\r\n")));
        CorpusException error = await Assert.ThrowsAsync<CorpusException>(() => ExportAsync("other", 1, threads: 2));
        Assert.Contains("its header line differs", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("txt", "plain text")]
    [InlineData("parquet", "cannot be shuffled")]
    [InlineData("csv", "share their files")]
    public async Task What_cannot_stand_in_one_file_is_refused(string extension, string message)
    {
        WriteCorpus();
        string input = _directory["data/z." + extension];
        File.WriteAllText(input, "text,n\na,1\n");
        if (extension == "parquet")
        {
            using FileStream stream = File.Create(input);
            using ParquetWriter writer = new(stream, [ParquetColumn.String("text")]);
            writer[0].Add("a");
            writer.EndRow();
            writer.Finish();
        }

        HandmadeRun.Write(_directory["run"], [_directory["data"]]);
        HandmadeRun.Select(_directory["run"], _directory["selection"], "top:100%");
        CorpusException error = await Assert.ThrowsAsync<CorpusException>(() => ExportAsync("out", 1, threads: 2));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("--format jsonl", error.Hint, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory["out"]));
        ExportReport report = await ExportAsync("lines", 1, threads: 2, format: ExportFormat.Jsonl);
        Assert.Equal(151, report.KeptRecords);
    }

    private static (string, string, string) Said(Document document) => (document.Id, document.Source, Encoding.UTF8.GetString(document.Text.Span));

    private Task<ExportReport> ExportAsync(string to, long seed, int threads, long? limit = null, long? shardBytes = null, ExportFormat format = ExportFormat.Same) =>
        Exporter.ExportAsync(_directory["run"], _directory["selection"], new ExportOptions
        {
            Output = _directory[to],
            Rejected = _directory[to + "-rest"],
            Shuffle = seed,
            Limit = limit,
            ShardBytes = shardBytes,
            Format = format,
            Tokenizer = Fixtures.Root("e2e"),
        }, threads);

    private string[] Lines(string file)
    {
        using Stream content = CompressedStream.Read(File.OpenRead(_directory[file]), CompressionKind.Zstd, file);
        using StreamReader reader = new(content);
        return reader.ReadToEnd().Split('\n')[..^1];
    }

    /// <summary>Three files of 50 records, compressed in two ways; the last record of one has no line end.</summary>
    private void WriteCorpus()
    {
        Directory.CreateDirectory(_directory["data"]);
        foreach ((string name, CompressionKind compression) in new[] { ("a.jsonl.gz", CompressionKind.Gzip), ("b.jsonl.zst", CompressionKind.Zstd), ("c.jsonl.zst", CompressionKind.Zstd) })
        {
            string[] lines = [.. Enumerable.Range(0, 50).Select(i => $$"""{"id": "{{name[0]}}{{i}}",  "source":"{{name[0]}}", "text": "text {{i}} of {{name}}, é"}""")];
            _lines.AddRange(lines);
            using Stream content = CompressedStream.Write(File.Create(_directory["data/" + name]), compression);
            content.Write(Encoding.UTF8.GetBytes(string.Join('\n', lines) + (name[0] == 'a' ? "" : "\n")));
        }

        HandmadeRun.Write(_directory["run"], [_directory["data"]]);
    }
}
