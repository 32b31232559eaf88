using System.Globalization;
using System.Text;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Xunit;

namespace Winnow.Tests.Data;

/// <summary>
/// Files with seeded changes, through the whole reader: they give documents or a <see cref="CorpusException"/>, never another
/// exception, a hang or a large allocation. `WINNOW_FUZZ_ROUNDS` asks for more rounds than these few.
/// </summary>
public class CorpusFuzzTests
{
    private const long MaxAllocatedBytes = 64L << 20;

    internal static readonly int Rounds = int.Parse(Environment.GetEnvironmentVariable("WINNOW_FUZZ_ROUNDS") ?? "150", CultureInfo.InvariantCulture);

    public static TheoryData<string> Names => ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.txt", "a.csv", "a.tsv", "a.warc", "a.warc.gz", "a.xml", "a.parquet"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Changed_files_give_documents_or_an_error(string name)
    {
        using TemporaryDirectory directory = new();
        byte[] seed = Seed(name);
        Random random = new(name.Length * 31);
        int good = 0, bad = 0;
        for (int round = 0; round < Rounds; round++)
        {
            string path = directory.Write(name, Mutate(seed, random));
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                CorpusReader reader = CorpusReader.Open([path], new CorpusOptions { MaxBadRecords = 1_000, Paragraphs = round % 2 == 0 });
                foreach (Document document in reader.Read(0)) Assert.True(Valid(document), $"round {round}: {document}");
                good++;
            }
            catch (CorpusException)
            {
                bad++;
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MaxAllocatedBytes, $"round {round} allocated {allocated} bytes");
        }
        Assert.True(good + bad == Rounds && good > 0, $"{good} read, {bad} refused");
    }

    private static bool Valid(Document document)
    {
        try
        {
            new UTF8Encoding(false, true).GetCharCount(document.Text.Span);
            return document.Id.Length > 0 && document.Row >= 0;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    /// <summary>A few bytes changed, doubled or taken away, or the end cut off.</summary>
    internal static byte[] Mutate(byte[] seed, Random random)
    {
        List<byte> bytes = [.. seed];
        for (int changes = random.Next(4); changes >= 0; changes--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes[at] = (byte)random.Next(256); break;
                case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: bytes.RemoveRange(at, Math.Min(random.Next(20), bytes.Count - at - 1)); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count), 1)); break;
                default: bytes.RemoveRange(at + 1, random.Next(2) == 0 ? bytes.Count - at - 1 : 0); break;
            }
        }
        return [.. bytes];
    }

    private static byte[] Seed(string name)
    {
        string jsonl = string.Concat(Enumerable.Range(0, 12).Select(i => $"{{\"id\":\"{i}\",\"text\":\"some \\u6a21 text {i * 7919}\\n\",\"meta\":{{\"a\":[1,2.5e3,null]}}}}\n"));
        const string Page = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n<p>A page</p><a>x\r\n0\r\n\r\n";
        (string Type, string Content, string Body)[] records =
            [("conversion", "text/plain", "Plain 模 text"), ("response", "application/http", Page), ("conversion", "text/plain", "More")];
        string warc = string.Concat(records.Select(
            r => $"WARC/1.0\r\nWARC-Type: {r.Type}\r\nContent-Type: {r.Content}\r\nContent-Length: {Encoding.UTF8.GetByteCount(r.Body)}\r\n\r\n{r.Body}\r\n\r\n"));
        return name switch
        {
            "a.jsonl" => Encoding.UTF8.GetBytes(jsonl),
            "a.jsonl.gz" => CompressionTests.Compress(CompressionKind.Gzip, Encoding.UTF8.GetBytes(jsonl)),
            "a.jsonl.zst" => CompressionTests.Compress(CompressionKind.Zstd, Encoding.UTF8.GetBytes(jsonl)),
            "a.txt" => "One.\n\nTwo 模 two.\r\n\r\nThree."u8.ToArray(),
            "a.csv" => "id,text\n1,\"a, \"\"b\"\"\nc\"\n2,模\n3,\n"u8.ToArray(),
            "a.tsv" => "id\ttext\n1\t\"a\tb\"\n2\t\"open\n"u8.ToArray(),
            "a.warc" => Encoding.UTF8.GetBytes(warc),
            "a.warc.gz" => CompressionTests.Compress(CompressionKind.Gzip, Encoding.UTF8.GetBytes(warc)),
            "a.xml" => "<doc><assembly><name>A</name></assembly><members><member name=\"T:A\"><summary>An <see cref=\"T:B\"/>.</summary></member></members></doc>"u8.ToArray(),
            "a.parquet" => ParquetSeed(),
            _ => throw new ArgumentOutOfRangeException(nameof(name)),
        };
    }

    private static byte[] ParquetSeed()
    {
        MemoryStream stream = new();
        using ParquetWriter writer = new(stream, [ParquetColumn.String("id"), ParquetColumn.String("text", nullable: true)], new ParquetWriterOptions { RowGroupRows = 20 });
        for (int i = 0; i < 50; i++)
        {
            writer[0].Add("id" + i % 3);
            writer[1].Add($"text {i} 模");
            writer.EndRow();
        }
        writer.Finish();
        return stream.ToArray();
    }
}
