using System.Text;
using Winnow.Data;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning.Selection;

public sealed class SelectionDirectoryTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("winnow-selection-").FullName;

    private static SelectionOptions Options => new() { Keep = [KeepRule.Parse("middle:50%")], Where = "tokens >= 1" };

    private static MemoryScores Scores => new([[new("a", 1), new("b", 2), new("c", 3), new("d", 4)], [new("e", 5)], []], 2);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_is_written_is_read_back()
    {
        string path = Path.Combine(_directory, "selection");
        SelectionDirectory written = SelectionDirectory.Create(path, Scores, Options, 2);
        SelectionDirectory read = SelectionDirectory.Open(path);
        Assert.Equal(written.Summary.Shards, read.Summary.Shards);
        Assert.Equal(written.Summary.Rules, read.Summary.Rules);
        Assert.Equal(["perplexity:middle:50%"], read.Summary.Options.Keep.Select(rule => rule.ToString()));
        Assert.Equal([false, true, true, true], Enumerable.Range(0, 4).Select(row => read.ReadMask(0)[row]).ToArray());
        Assert.Equal((1, 0), (read.ReadMask(1).Rows, read.ReadMask(1).Kept));
        Assert.Equal(0, read.ReadMask(2).Rows);
    }

    [Fact]
    public void Joined_bands_are_written_as_one_rule_with_what_each_kept()
    {
        string path = Path.Combine(_directory, "joined");
        MemoryScores scores = new([[.. Enumerable.Range(0, 10).Select(i => new Unit($"doc-{i}", i))]], 4);
        SelectionDirectory.Create(path, scores, new SelectionOptions { Keep = [KeepRule.Parse("bottom:20%+top:0.3")] }, 2);
        Assert.Contains("\"perplexity:bottom:20%+top:30%\"", File.ReadAllText(Path.Combine(path, "selection.json")), StringComparison.Ordinal);
        SelectionSummary read = SelectionDirectory.Open(path).Summary;
        Assert.Equal(["perplexity:bottom:20%", "perplexity:top:30%"], read.Options.Keep.Single().Bands().Select(band => band.ToString()));
        Assert.Equal(
            [("perplexity:bottom:20%", 10, 0, 2, 2, 0, 1), ("perplexity:top:30%", 10, 7, 10, 3, 7, 9)],
            read.Rules.Select(rule => (rule.Rule, (int)rule.Ranked, (int)rule.From, (int)rule.To, (int)rule.Kept, (int)rule.Lowest!, (int)rule.Highest!)));
        Assert.Equal(5, read.Kept.Units);
    }

    [Fact]
    public void A_directory_with_something_in_it_is_replaced_only_by_force()
    {
        File.WriteAllText(Path.Combine(_directory, "notes.txt"), "mine");
        CorpusException error = Assert.Throws<CorpusException>(() => SelectionDirectory.Create(_directory, Scores, Options, 1));
        Assert.Contains("--force", error.Hint, StringComparison.Ordinal);
        SelectionDirectory.Create(_directory, Scores, Options, 1, force: true);
        Assert.Equal(3, SelectionDirectory.Open(_directory).Summary.Kept.Units);
        Assert.True(File.Exists(Path.Combine(_directory, "notes.txt")));
    }

    [Fact]
    public void A_damaged_mask_is_refused()
    {
        SelectionDirectory selection = SelectionDirectory.Create(Path.Combine(_directory, "s"), Scores, Options, 1);
        string mask = Path.Combine(selection.Path, "mask-00000.bits");
        byte[] content = File.ReadAllBytes(mask);
        content[^1] ^= 1;
        File.WriteAllBytes(mask, content);
        Assert.Throws<CorpusException>(() => selection.ReadMask(0));
        File.WriteAllBytes(mask, content[..10]);
        Assert.Throws<CorpusException>(() => selection.ReadMask(0));
    }

    [Fact]
    public void An_unfinished_selection_is_none()
    {
        CorpusException error = Assert.Throws<CorpusException>(() => SelectionDirectory.Open(_directory));
        Assert.Contains("winnow select", error.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "00000000000000000000000000000000")]
    [InlineData("hello", "cbd8a7b341bd9b025b1e906a48ae1d19")]
    [InlineData("The quick brown fox jumps over the lazy dog", "e34bbc7bbc071b6c7a433ca9c49a9347")]
    public void The_identity_hash_is_murmur3_x64_128(string text, string expected)
    {
        (ulong high, ulong low) = IdentityHash.Of(Encoding.UTF8.GetBytes(text));
        Assert.Equal(expected, $"{high:x16}{low:x16}");
    }
}
