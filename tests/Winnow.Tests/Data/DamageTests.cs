using System.Text;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Xunit;

namespace Winnow.Tests.Data;

public class DamageTests
{
    private const string Line = "{\"text\":\"x\"}\n";

    [Fact]
    public void Names_may_have_spaces_and_any_letters()
    {
        using TemporaryDirectory directory = new();
        string[] names = ["a b.jsonl", "naïve 模型/数据 (1).jsonl.zst", "quote'\"$.jsonl"];
        directory.Write(names[0], Line);
        directory.Write(names[1], CompressionTests.Compress(CompressionKind.Zstd, Encoding.UTF8.GetBytes(Line)));
        directory.Write(names[2], Line);
        CorpusReader reader = CorpusReader.Open([directory.Path], new CorpusOptions());
        Assert.Equal(names, reader.Shards.Select(shard => shard.Name));
        Assert.All(reader.Shards, shard => Assert.Equal($"{shard.Name}:0", reader.Read(shard.Index).Single().Id));
        Assert.Equal(names[1], CorpusReader.Open([directory[names[1]]], new CorpusOptions()).Shards.Select(shard => "naïve 模型/" + shard.Name).Single());
    }

    [Fact]
    public void Links_to_nowhere_and_to_themselves_are_told()
    {
        using TemporaryDirectory directory = new();
        File.CreateSymbolicLink(directory["gone.jsonl"], directory["none"]);
        Assert.EndsWith("gone.jsonl: no such file", Assert.Throws<CorpusException>(() => CorpusReader.Open([directory.Path], new CorpusOptions())).Message, StringComparison.Ordinal);
        File.Delete(directory["gone.jsonl"]);
        File.CreateSymbolicLink(directory["loop.jsonl"], directory["loop.jsonl"]);
        Assert.Contains("loop.jsonl: ", Assert.Throws<CorpusException>(() => CorpusReader.Open([directory.Path], new CorpusOptions())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_whose_bytes_cannot_be_read_stops_or_is_listed()
    {
        Assert.SkipUnless(File.Exists("/proc/self/mem"), "needs a file that opens and cannot be read, as Linux has");
        using TemporaryDirectory directory = new();
        string good = directory.Write("a.jsonl", Line), bad = directory.Write("b.jsonl", Line);
        CorpusReader strict = CorpusReader.Open([good, bad], new CorpusOptions()), lenient = CorpusReader.Open([good, bad], new CorpusOptions { MaxBadShards = 1 });
        File.Delete(bad);
        File.CreateSymbolicLink(bad, "/proc/self/mem");
        Assert.Single(strict.Read(0));
        Assert.Contains("b.jsonl: cannot be read: ", Assert.Throws<CorpusException>(() => strict.Read(1).Count()).Message, StringComparison.Ordinal);
        Assert.Empty(lenient.Read(1));
        Assert.Equal((bad, 0L), lenient.BadShards.Select(shard => (shard.Path, shard.Line)).Single());
    }

    [Fact]
    public void Thousands_of_files_keep_none_of_them_open()
    {
        Assert.SkipUnless(Directory.Exists("/proc/self/fd"), "counts open files as Linux shows them");
        using TemporaryDirectory directory = new();
        for (int i = 0; i < 2000; i++) directory.Write($"{i}.jsonl", Line);
        CorpusReader reader = CorpusReader.Open([directory.Path], new CorpusOptions());
        int documents = reader.Shards.Sum(shard => reader.Read(shard.Index).Count());
        Assert.Equal(2000, documents);
        Assert.DoesNotContain(Directory.GetFiles("/proc/self/fd"), file => File.ResolveLinkTarget(file, returnFinalTarget: false)?.FullName.StartsWith(directory.Path, StringComparison.Ordinal) == true);
    }

    [Fact]
    public void Too_many_open_files_are_no_damage_of_the_next_one()
    {
        Assert.True(CompressedStream.IsOutOfHandles(new IOException("", 24)) && CompressedStream.IsOutOfHandles(new IOException("", 23)));
        Assert.False(CompressedStream.IsOutOfHandles(new IOException("", 28)) || CompressedStream.IsOutOfHandles(new FileNotFoundException()));
    }

    [Fact]
    public void Rows_before_the_damage_of_a_table_are_counted()
    {
        using TemporaryDirectory directory = new();
        MemoryStream stream = new();
        using (ParquetWriter writer = new(stream, [ParquetColumn.String("text")], new ParquetWriterOptions { RowGroupRows = 100 }))
        {
            for (int i = 0; i < 300; i++)
            {
                writer[0].Add($"text {i * 7919L}");
                writer.EndRow();
            }
            writer.Finish();
        }
        byte[] bytes = stream.ToArray();
        string path = directory.Write("t.parquet", bytes);
        long third;
        using (ParquetReader file = ParquetReader.Open(path)) third = file.Footer.Groups[2].Chunks[0].Start;
        bytes.AsSpan((int)third, 60).Fill(0xFF);
        directory.Write("t.parquet", bytes);
        CorpusReader lenient = CorpusReader.Open([path], new CorpusOptions { MaxBadShards = 1 });
        Assert.Equal(200, lenient.Read(0).Count());
        Assert.Equal(200, lenient.BadShards.Single().Line);
        Assert.Contains("row group 2, column `text`", Assert.Throws<CorpusException>(() => CorpusReader.Open([path], new CorpusOptions()).Read(0).Count()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_of_200_megabytes_is_one_record()
    {
        using TemporaryDirectory directory = new();
        byte[] words = new byte[1 << 20];
        words.AsSpan().Fill((byte)'w');
        using (Stream zstd = CompressedStream.Write(File.Create(directory["long.jsonl.zst"]), CompressionKind.Zstd))
        {
            zstd.Write("{\"text\":\""u8);
            for (int i = 0; i < 200; i++) zstd.Write(words);
            zstd.Write("\"}\n{\"text\":\"after\"}\n"u8);
        }
        CorpusReader reader = CorpusReader.Open([directory["long.jsonl.zst"]], new CorpusOptions { KeepRecords = false });
        Assert.Equal([200 << 20, 5], reader.Read(0).Select(document => document.Text.Length));
    }
}
