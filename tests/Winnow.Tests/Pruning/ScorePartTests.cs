using Winnow.Data;
using Winnow.Pruning;
using Winnow.Pruning.Scoring;
using Xunit;

namespace Winnow.Tests.Pruning;

public sealed class ScorePartTests
{
    [Theory]
    [InlineData(Metrics.Perplexity, 1, false, false)]
    [InlineData(Metrics.Perplexity | Metrics.El2n | Metrics.Memorization, 1, true, true)]
    [InlineData(Metrics.Perplexity | Metrics.El2n | Metrics.Memorization, 3, true, false)]
    public void A_part_gives_back_every_row_to_the_bit(Metrics metrics, int models, bool folds, bool sequences)
    {
        using TemporaryDirectory directory = new();
        ScoreSchema schema = ScoreSchema.For(metrics, models, folds, sequences);
        ScoreRow[] rows = [.. Enumerable.Range(0, 500).Select(i => Row(schema, i))];
        Write(directory["part.parquet"], schema, rows);
        ScorePart part = ScorePart.Open(directory["part.parquet"]);
        Assert.Equal(schema.Metrics, part.Schema.Metrics);
        Assert.Equal((folds, sequences), (part.Schema.HasFolds, part.Schema.HasSpans));
        Assert.Equal(rows.Select(ScoreJournalTests.Text), part.ReadRows().Select(ScoreJournalTests.Text));
    }

    [Fact]
    public void The_same_rows_give_the_same_bytes()
    {
        using TemporaryDirectory directory = new();
        ScoreSchema schema = ScoreSchema.For(Metrics.Perplexity, 1);
        foreach (string name in new[] { "a", "b" }) Write(directory[name], schema, Enumerable.Range(0, 100).Select(i => Row(schema, i)));
        Assert.Equal(File.ReadAllBytes(directory["a"]), File.ReadAllBytes(directory["b"]));
    }

    [Fact]
    public void A_missing_part_and_a_file_that_is_none_are_refused()
    {
        using TemporaryDirectory directory = new();
        Assert.Contains("missing", Assert.Throws<CorpusException>(() => ScorePart.Open(directory["none"])).Message, StringComparison.Ordinal);
        File.WriteAllText(directory["text"], "not a table");
        Assert.Throws<CorpusException>(() => ScorePart.Open(directory["text"]));
    }

    private static void Write(string path, ScoreSchema schema, IEnumerable<ScoreRow> rows)
    {
        using FileStream stream = File.Create(path);
        using ScorePartWriter writer = new(stream, schema);
        foreach (ScoreRow row in rows) writer.Add(row);
        writer.Finish();
    }

    private static ScoreRow Row(ScoreSchema schema, int number)
    {
        ScoreRow row = ScoreJournalTests.Row(number);
        return row with
        {
            Fold = schema.HasFolds ? row.Fold : null,
            Span = schema.HasSpans ? row.Span : null,
            Values = [.. schema.Metrics.Select((metric, i) => (number + i) % 7 == 0 ? double.NaN : metric.Kind switch
            {
                ScoreColumnKind.Double => Math.Exp((number * 0.37) - i),
                ScoreColumnKind.Int32 => number,
                _ => number % 2,
            })],
        };
    }
}
