using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Xunit;

namespace Winnow.Tests.Data;

/// <summary>Row groups that are decoded by several threads are what one thread reads, in its order, damage included.</summary>
public sealed class ParquetReadAheadTests : IDisposable
{
    private const int Rows = 5_000;
    private const int GroupRows = 700;

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(50)]
    public void Documents_and_bad_rows_are_the_same_for_any_number_of_threads(int threads)
    {
        string path = Write("a.parquet");
        CorpusOptions options = new() { MaxBadRecords = Rows, Fields = ["source"] };
        foreach (long fromRow in (long[])[0, 699, 700, 3_333, Rows])
        {
            (List<string> expected, IReadOnlyList<BadRecord> bad) = ReadAll(path, options, 1, fromRow);
            (List<string> read, IReadOnlyList<BadRecord> alsoBad) = ReadAll(path, options, threads, fromRow);
            Assert.Equal(expected, read);
            Assert.Equal(bad, alsoBad);
            Assert.Equal(Rows - fromRow, read.Count + bad.Count);
        }
    }

    [Fact]
    public void The_first_bad_row_of_the_file_is_the_one_that_is_told()
    {
        string path = Write("a.parquet");
        string expected = Assert.Throws<CorpusException>(() => ReadAll(path, new CorpusOptions { MaxBadRecords = 2 }, 1)).Message;
        for (int i = 0; i < 20; i++)
            Assert.Equal(expected, Assert.Throws<CorpusException>(() => ReadAll(path, new CorpusOptions { MaxBadRecords = 2 }, 4)).Message);
    }

    [Fact]
    public void Damage_comes_after_the_good_rows_before_it()
    {
        string path = Write("a.parquet");
        long damaged;
        using (ParquetReader file = ParquetReader.Open(path)) damaged = file.Footer.Groups[3].Chunks[2].Start + 40;
        byte[] bytes = File.ReadAllBytes(path);
        bytes.AsSpan((int)damaged, 60).Fill(0xEE);
        File.WriteAllBytes(path, bytes);
        CorpusOptions options = new() { MaxBadRecords = Rows, MaxBadShards = 1 };
        (List<string> expected, _) = ReadAll(path, options, 1);
        Assert.InRange(expected.Count, 1, 4 * GroupRows);
        Assert.Equal(expected, ReadAll(path, options, 4).Documents);
        Assert.Equal(
            Assert.Throws<CorpusException>(() => ReadAll(path, options with { MaxBadShards = 0 }, 1)).Message,
            Assert.Throws<CorpusException>(() => ReadAll(path, options with { MaxBadShards = 0 }, 4)).Message);
    }

    [Fact]
    public void Who_stops_early_leaves_no_thread_behind()
    {
        string path = Write("a.parquet");
        CorpusReader reader = CorpusReader.Open([path], new CorpusOptions { MaxBadRecords = Rows });
        reader.Threads = 4;
        Assert.Equal(3, reader.Read(0).Take(3).Count());
        int running = 0;
        IEnumerable<int> Endless()
        {
            Interlocked.Increment(ref running);
            try
            {
                while (true) yield return 1;
            }
            finally
            {
                Interlocked.Decrement(ref running);
            }
        }
        Assert.Equal(1_000, ReadAhead.InOrder(Enumerable.Range(0, 9).Select(_ => Endless()), 3, _ => 1_000).Take(1_000).Count());
        Assert.Equal(0, running);
    }

    private static (List<string> Documents, IReadOnlyList<BadRecord> Bad) ReadAll(string path, CorpusOptions options, int threads, long fromRow = 0)
    {
        CorpusReader reader = CorpusReader.Open([path], options);
        reader.Threads = threads;
        List<string> documents = [.. reader.Read(0, fromRow).Select(d => $"{d.Row} {d.Id} {d.Source} {string.Join(',', d.Fields)} {System.Text.Encoding.UTF8.GetString(d.Text.Span)}")];
        return (documents, reader.BadRecords);
    }

    private string Write(string name)
    {
        Random random = new(3);
        using FileStream stream = File.Create(_directory[name]);
        using ParquetWriter writer = new(
            stream, [ParquetColumn.String("id"), ParquetColumn.String("source", nullable: true), ParquetColumn.String("text", nullable: true)], new ParquetWriterOptions { RowGroupRows = GroupRows });
        for (int row = 0; row < Rows; row++)
        {
            writer[0].Add($"id-{row}");
            if (random.Next(9) == 0) writer[1].AddNull();
            else writer[1].Add("source " + (row / 300));
            if (random.Next(50) == 0) writer[2].AddNull();
            else if (random.Next(99) == 0) writer[2].Add([0xC3, 0x28]);
            else writer[2].Add(string.Concat(Enumerable.Range(0, random.Next(200)).Select(_ => random.Next(100) + " ")));
            writer.EndRow();
        }
        writer.Finish();
        return _directory[name];
    }
}
