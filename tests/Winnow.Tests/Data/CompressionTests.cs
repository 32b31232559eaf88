using System.Text;
using Winnow.Data;
using Winnow.Data.Compression;
using Xunit;

namespace Winnow.Tests.Data;

public class CompressionTests
{
    private static readonly CompressionKind[] s_kinds = [CompressionKind.Gzip, CompressionKind.Zstd];

    public static TheoryData<CompressionKind> Kinds => [.. s_kinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_written_is_read_back(CompressionKind kind)
    {
        foreach (int length in new[] { 0, 1, 100, 65_536, 300_000, 3_000_000 })
        {
            byte[] content = Content(length, length);
            Assert.Equal(content, ReadAll(Compress(kind, content), kind));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Members_and_frames_follow_each_other(CompressionKind kind)
    {
        byte[][] parts = [.. Enumerable.Range(0, 60).Select(i => Content(i * i * 7 % 20_011, i))];
        byte[] stored = [.. parts.SelectMany(part => Compress(kind, part))];
        Assert.Equal(parts.SelectMany(part => part), ReadAll(stored, kind));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_cut_is_noticed(CompressionKind kind)
    {
        byte[] first = Compress(kind, Content(5_000, 1));
        byte[] stored = [.. first, .. Compress(kind, Content(700, 2))];
        for (int length = 1; length < stored.Length; length++)
        {
            if (length == first.Length) continue;
            CorpusException e = Assert.Throws<CorpusException>(() => ReadAll(stored[..length], kind));
            Assert.Equal("web", e.Place);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_changed_byte_never_gives_other_content(CompressionKind kind)
    {
        byte[] content = Content(4_000, 3);
        byte[] stored = Compress(kind, content);
        Random random = new(5);
        for (int i = 0; i < stored.Length; i++)
        {
            byte[] changed = [.. stored];
            changed[i] ^= (byte)(1 << random.Next(8));
            try
            {
                Assert.Equal(content, ReadAll(changed, kind));     // the time stamp of a gzip header may change
            }
            catch (CorpusException e)
            {
                Assert.Equal("web", e.Place);
            }
        }
    }

    [Fact]
    public void Rubbish_after_a_gzip_member_is_an_error_and_zeros_are_not()
    {
        byte[] stored = Compress(CompressionKind.Gzip, Content(100, 1));
        Assert.Equal(Content(100, 1), ReadAll([.. stored, 0, 0, 0, 0], CompressionKind.Gzip));
        Assert.Throws<CorpusException>(() => ReadAll([.. stored, 1, 2, 3], CompressionKind.Gzip));
        Assert.Throws<CorpusException>(() => ReadAll([.. stored, 0, 0, 3], CompressionKind.Gzip));
    }

    [Fact]
    public void The_end_of_a_file_is_told_with_its_byte()
    {
        byte[] stored = Compress(CompressionKind.Zstd, Content(5_000, 1));
        CorpusException e = Assert.Throws<CorpusException>(() => ReadAll(stored[..1000], CompressionKind.Zstd));
        Assert.Equal("web: the file ends at byte 1000, inside the zstd frame that starts at byte 0", e.Message);
        Assert.Equal("the file is cut off: copy or download it again", e.Hint);
    }

    [Fact]
    public void A_wrong_checksum_is_told_apart_from_a_file_that_is_cut_off()
    {
        byte[] stored = Compress(CompressionKind.Gzip, Content(5_000, 1)), changed = [.. stored];
        changed[^6] ^= 1;
        CorpusException e = Assert.Throws<CorpusException>(() => ReadAll(changed, CompressionKind.Gzip));
        Assert.EndsWith("in the member that starts at byte 0: checksum or length does not match", e.Message, StringComparison.Ordinal);
        Assert.StartsWith("the file is damaged", e.Hint, StringComparison.Ordinal);
        e = Assert.Throws<CorpusException>(() => ReadAll([.. changed, .. Compress(CompressionKind.Gzip, Content(700, 2))], CompressionKind.Gzip));
        Assert.EndsWith("in the member that starts at byte 0: checksum or length does not match", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<CorpusException>(() => ReadAll(stored[..1000], CompressionKind.Gzip));
        Assert.Equal(("web: the file ends at byte 1000, inside the gzip member that starts at byte 0", "the file is cut off: copy or download it again"), (e.Message, e.Hint));
    }

    [Fact]
    public void Content_decides_and_a_name_that_promises_otherwise_is_an_error()
    {
        using TemporaryDirectory directory = new();
        using (Stream stream = CompressedStream.OpenRead(directory.Write("a.jsonl", Compress(CompressionKind.Zstd, "x"u8.ToArray()))))
            Assert.Equal('x', stream.ReadByte());
        Assert.Contains("promises zstd", Assert.Throws<CorpusException>(() => CompressedStream.OpenRead(directory.Write("b.zst", "x"))).Message, StringComparison.Ordinal);
        Assert.Contains("empty", Assert.Throws<CorpusException>(() => CompressedStream.OpenRead(directory.Write("c.gz", ""))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_number_of_threads_and_the_size_of_writes_leave_the_bytes_as_they_are_in_one_frame()
    {
        byte[] content = Content(9_000_000, 5);        // more than two jobs
        byte[] expected = Compress(CompressionKind.Zstd, content);
        Assert.Equal(content, ReadAll(expected, CompressionKind.Zstd));
        Assert.InRange(expected.Length, 1, content.Length / 2);
        foreach (int threads in (int[])[1, 2, 4])
        {
            MemoryStream stored = new();
            using (Stream stream = CompressedStream.Write(stored, CompressionKind.Zstd, threads: threads))
                for (int at = 0, size = 0; at < content.Length; at += size) stream.Write(content, at, size = Math.Min(1 + (at % 70_001), content.Length - at));
            Assert.Equal(expected, stored.ToArray());
        }
        Assert.Equal(1, expected.AsSpan().Count((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD]));
    }

    [Fact]
    public void A_missing_library_is_named_with_the_package_that_brings_it()
    {
        nint missing = ZstdLibrary.Load(["libzstd-that-is-nowhere.so.9"]);
        CorpusException e = Assert.Throws<CorpusException>(() => ZstdLibrary.Require(missing));
        Assert.Contains("libzstd1", e.Hint!, StringComparison.Ordinal);
    }

    internal static byte[] Compress(CompressionKind kind, byte[] content, int? level = null)
    {
        MemoryStream stored = new();
        using (Stream stream = CompressedStream.Write(stored, kind, level)) stream.Write(content);
        return stored.ToArray();
    }

    private static byte[] ReadAll(byte[] stored, CompressionKind kind)
    {
        using Stream stream = CompressedStream.Read(new MemoryStream(stored), kind, "web");
        MemoryStream content = new();
        stream.CopyTo(content, 3_001);
        return content.ToArray();
    }

    private static byte[] Content(int length, int seed)
    {
        Random random = new(seed);
        StringBuilder text = new();
        while (text.Length < length) text.Append(random.Next(1000)).Append(" and ");
        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }
}
