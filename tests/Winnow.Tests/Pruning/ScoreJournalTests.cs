using Winnow.Pruning;
using Xunit;

namespace Winnow.Tests.Pruning;

public sealed class ScoreJournalTests
{
    [Fact]
    public void Rows_come_back_as_they_were()
    {
        using TemporaryDirectory directory = new();
        ScoreRow[] rows = [.. Enumerable.Range(0, 20).Select(Row)];
        using (ScoreJournal journal = ScoreJournal.Open(directory["p.journal"], 3))
        {
            journal.Append(rows[..7]);
            journal.Append(rows[7..]);
        }

        using ScoreJournal again = ScoreJournal.Open(directory["p.journal"], 3);
        Assert.Equal(20, again.Rows);
        Assert.Equal(19, again.LastRow);
        Assert.Equal(rows.Select(Text), again.ReadRows().Select(Text));
    }

    [Fact]
    public void A_file_cut_anywhere_holds_its_whole_blocks_and_goes_on()
    {
        using TemporaryDirectory directory = new();
        string path = directory["p.journal"];
        using (ScoreJournal journal = ScoreJournal.Open(path, 3))
        {
            for (int block = 0; block < 4; block++) journal.Append([.. Enumerable.Range(5 * block, 5).Select(Row)]);
        }

        byte[] whole = File.ReadAllBytes(path);
        for (int length = 0; length <= whole.Length; length += 13)
        {
            File.WriteAllBytes(path, whole[..length]);
            using ScoreJournal journal = ScoreJournal.Open(path, 3);
            Assert.True(journal.Rows % 5 == 0, $"{journal.Rows} rows after a cut at byte {length}");
            journal.Append([.. Enumerable.Range((int)journal.Rows, 20 - (int)journal.Rows).Select(Row)]);
            Assert.Equal(Enumerable.Range(0, 20).Select(i => Text(Row(i))), journal.ReadRows().Select(Text));
        }
    }

    [Fact]
    public void A_block_with_a_wrong_bit_is_not_believed()
    {
        using TemporaryDirectory directory = new();
        string path = directory["p.journal"];
        using (ScoreJournal journal = ScoreJournal.Open(path, 3))
        {
            journal.Append([.. Enumerable.Range(0, 5).Select(Row)]);
            journal.Append([.. Enumerable.Range(5, 5).Select(Row)]);
        }

        byte[] bytes = File.ReadAllBytes(path);
        bytes[^10] ^= 1;
        File.WriteAllBytes(path, bytes);
        using ScoreJournal again = ScoreJournal.Open(path, 3);
        Assert.Equal(5, again.Rows);
    }

    internal static ScoreRow Row(int number) => new()
    {
        Shard = 2,
        Row = number,
        Id = $"doc {number}, 模型",
        Source = number % 2 == 0 ? "web" : "",
        Bytes = 100 + number,
        ScoredBytes = 90,
        Tokens = number,
        Status = number % 5 == 0 ? ScoreStatus.Truncated : ScoreStatus.Ok,
        Fold = number % 3 == 0 ? null : number % 2,
        Span = number % 4 == 0 ? null : new UnitSpan(number, 1, number + 2, 17),
        Values = [number / 3.0, double.NaN, Math.Exp(number)],
    };

    internal static string Text(ScoreRow row) => string.Join('|',
        row.Shard, row.Row, row.Id, row.Source, row.Bytes, row.ScoredBytes, row.Tokens, row.Status, row.Fold, row.Span,
        string.Join(' ', row.Values.Select(value => BitConverter.DoubleToInt64Bits(value).ToString("x", null))));
}
