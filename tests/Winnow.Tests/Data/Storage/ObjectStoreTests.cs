using System.Text;
using Amazon.Runtime;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Data.Storage;
using Xunit;

namespace Winnow.Tests.Data.Storage;

public class ObjectStoreTests
{
    private static readonly ObjectAddress s_address = new("b", "data/a.bin");

    [Fact]
    public void A_broken_connection_is_gone_on_with_at_the_next_byte()
    {
        (FakeStore server, ObjectStore store) = Make();
        byte[] content = Bytes(300_000);
        server["/b/data/a.bin"] = content;
        int gets = 0;
        server.Fault = what => what.StartsWith("GET /b/data", StringComparison.Ordinal) && gets++ < 3 ? (null, 50_000) : default;
        Assert.Equal(content, Read(store));
        string[] ranges = [.. server.Log.Where(line => line.StartsWith("GET", StringComparison.Ordinal)).Select(line => line.Split("bytes=")[1].Split('-')[0])];
        Assert.Equal(4, ranges.Length);
        Assert.Equal("0", ranges[0]);
        Assert.All(ranges.Zip(ranges.Skip(1)), pair => Assert.True(long.Parse(pair.First) < long.Parse(pair.Second), string.Join(' ', ranges)));
    }

    [Fact]
    public void A_busy_store_is_asked_again()
    {
        (FakeStore server, ObjectStore store) = Make();
        server["/b/data/a.bin"] = Bytes(1000);
        int asked = 0;
        server.Fault = _ => asked++ == 0 ? (503, null) : default;
        Assert.Equal(Bytes(1000), Read(store));
        Assert.True(asked > 2, $"asked {asked} times");
    }

    [Fact]
    public void An_object_that_changes_while_it_is_read_is_noticed()
    {
        (FakeStore server, ObjectStore store) = Make();
        server["/b/data/a.bin"] = Bytes(100_000);
        server.Fault = what => what.StartsWith("GET", StringComparison.Ordinal) ? (null, 40_000) : default;
        using ObjectReader reader = new(store, store.Require(s_address));
        reader.ReadExactly(new byte[10_000]);
        server["/b/data/a.bin"] = Bytes(100_001);
        CorpusException e = Assert.Throws<CorpusException>(() => reader.CopyTo(Stream.Null));
        Assert.Equal("s3://b/data/a.bin: the object changed, or was written by another", e.Message);
    }

    [Fact]
    public void Only_the_parts_that_are_missing_are_sent_again()
    {
        (FakeStore server, ObjectStore store) = Make();
        store.PartBytes = 1000;
        byte[] content = Bytes(3500);
        server.Fault = what => what.Contains("partNumber=3", StringComparison.Ordinal) ? (403, null) : default;
        Assert.Throws<CorpusException>(() => Upload(store, content));
        Assert.Null(server["/b/data/a.bin"]);
        server.Fault = _ => default;
        Assert.Equal(3500, Upload(store, content).Bytes);
        Assert.Equal(content, server["/b/data/a.bin"]);
        foreach ((int part, int times) in new[] { (1, 1), (2, 1), (3, 2), (4, 1) })
            Assert.Equal(times, server.Log.Count(line => line.Contains($"partNumber={part}", StringComparison.Ordinal)));
    }

    [Fact]
    public void Parts_of_other_content_are_sent_again()
    {
        (FakeStore server, ObjectStore store) = Make();
        store.PartBytes = 1000;
        server.Fault = what => what.Contains("partNumber=2", StringComparison.Ordinal) ? (403, null) : default;
        Assert.Throws<CorpusException>(() => Upload(store, Bytes(2500)));
        server.Fault = _ => default;
        byte[] other = [.. Bytes(2500).Select(b => (byte)~b)];
        Upload(store, other);
        Assert.Equal(other, server["/b/data/a.bin"]);
    }

    [Fact]
    public void What_is_wrong_is_said_without_secrets()
    {
        (FakeStore server, ObjectStore store) = Make();
        Assert.Equal("s3://b/data/a.bin: no such object", Assert.Throws<CorpusException>(() => store.Require(s_address)).Message);
        server.Fault = _ => (403, null);
        CorpusException denied = Assert.Throws<CorpusException>(() => store.List(s_address));
        Assert.Equal("s3://b/data/a.bin: access denied", denied.Message);
        Assert.DoesNotContain("AKIA", denied.Message + denied.Hint, StringComparison.Ordinal);
        CorpusException unreachable = Assert.Throws<CorpusException>(() => new ObjectStore("http://user:secret@127.0.0.1:1", new BasicAWSCredentials("a", "b")).List(s_address));
        Assert.Equal("s3://b/data/a.bin: cannot reach http://127.0.0.1:1", unreachable.Message);
        CorpusException none = Assert.Throws<CorpusException>(() => new ObjectStore(server.Endpoint, new NoCredentials()).List(s_address));
        Assert.Equal("s3://b/data/a.bin: there are no credentials", none.Message);
        Assert.Contains("AWS_PROFILE", none.Hint!, StringComparison.Ordinal);
        Assert.Equal("s3://: names no bucket", Assert.Throws<CorpusException>(() => ObjectAddress.Parse("s3://")).Message);
    }

    [Fact]
    public void Prefixes_and_globs_are_corpora()
    {
        FakeStore server = FakeStore.Shared;
        byte[] jsonl = "{\"text\":\"one\"}\n{\"text\":\"二\"}\n"u8.ToArray();
        server["/corpora/web/a.jsonl"] = jsonl;
        server["/corpora/web/deep er/模.jsonl.zst"] = CompressionTests.Compress(CompressionKind.Zstd, jsonl);
        server["/corpora/web/t.parquet"] = Parquet();
        server["/corpora/web/_SUCCESS"] = [];
        server["/corpora/website/b.jsonl"] = jsonl;
        CorpusReader below = CorpusReader.Open(["s3://corpora/web"], new CorpusOptions());
        Assert.Equal(["a.jsonl", "deep er/模.jsonl.zst", "t.parquet"], below.Shards.Select(shard => shard.Name));
        Assert.Equal(["one", "二", "one", "二", "three"], below.Shards.SelectMany(shard => below.Read(shard.Index)).Select(d => Encoding.UTF8.GetString(d.Text.Span)));
        Assert.Equal(["a.jsonl"], CorpusReader.Open(["s3://corpora/web/*.jsonl"], new CorpusOptions()).Shards.Select(shard => shard.Name));
        Assert.Equal("s3://corpora/web/a.jsonl", CorpusReader.Open(["s3://corpora/web/a.jsonl"], new CorpusOptions()).Shards[0].Path);
        Assert.Equal("s3://corpora/none: no such object, and none below it", Assert.Throws<CorpusException>(() => CorpusReader.Open(["s3://corpora/none"], new CorpusOptions())).Message);
    }

    private static byte[] Parquet()
    {
        MemoryStream stream = new();
        using DocumentWriter writer = new(stream, CorpusFormat.Parquet, CompressionKind.Zstd);
        writer.Write(new Document(0, 0, "3", "s", "three"u8.ToArray(), default), sameFormat: false);
        writer.Finish();
        return stream.ToArray();
    }

    private static (FakeStore Server, ObjectStore Store) Make()
    {
        FakeStore server = new();
        return (server, new ObjectStore(server.Endpoint, new BasicAWSCredentials("a", "b")) { FirstWait = TimeSpan.FromMilliseconds(1) });
    }

    private static byte[] Read(ObjectStore store)
    {
        MemoryStream content = new();
        using ObjectReader reader = new(store, store.Require(s_address));
        reader.CopyTo(content);
        return content.ToArray();
    }

    private static StoredObject Upload(ObjectStore store, byte[] content)
    {
        using ObjectUploadStream upload = new(store, s_address);
        upload.Write(content);
        return upload.Complete();
    }

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    private sealed class NoCredentials : AWSCredentials
    {
        public override ImmutableCredentials GetCredentials() => throw new AmazonClientException("none, and not AKIAEXAMPLE either");
    }
}
