using Winnow.Models;
using Winnow.Models.Training;
using Xunit;

namespace Winnow.Tests.Models.Training;

public sealed class TrainingDataTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("winnow-tokens-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Every_epoch_is_another_permutation()
    {
        foreach (int count in new[] { 1, 2, 3, 10, 64, 1000 })
        {
            SequenceOrder order = new(count, 7);
            long[] first = [.. Enumerable.Range(0, count).Select(i => order.At(i))];
            long[] second = [.. Enumerable.Range(0, count).Select(i => order.At(count + i))];
            Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), first.Order());
            Assert.Equal(Enumerable.Range(0, count).Select(i => (long)i), second.Order());
            if (count >= 10) Assert.NotEqual(first, second);
        }
    }

    [Fact]
    public void A_shuffled_order_does_not_follow_the_file()
    {
        SequenceOrder order = new(10_000, 1);
        double mean = Enumerable.Range(0, 10_000).Average(i => Math.Abs(order.At(i) - i) / 10_000.0);
        Assert.Equal(1 / 3.0, mean, 0.01);
    }

    [Fact]
    public void A_token_file_gives_back_its_sequences()
    {
        string path = Path.Combine(_directory, "tokens.bin");
        using (TokenFile.Writer writer = new(path))
        {
            writer.Add([0, 1, 2, 3, 4, 5]);
            writer.Add([6, 7, 8]);
            writer.Finish();
        }

        using TokenFile file = TokenFile.Open(path, 3);
        Assert.Equal((9, 2), (file.Tokens, file.Sequences));
        int[] ids = new int[4];
        file.Read(1, ids);
        Assert.Equal([3, 4, 5, 6], ids);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(2, ids));
    }

    [Fact]
    public void A_damaged_token_file_is_refused()
    {
        string path = Path.Combine(_directory, "tokens.bin");
        File.WriteAllBytes(path, [1, 2, 3]);
        Assert.Throws<ModelException>(() => TokenFile.Open(path, 3));
        using (TokenFile.Writer writer = new(path))
        {
            writer.Add([0, 1, 2, 3, 4, 5]);
            writer.Finish();
        }

        Assert.Throws<ModelException>(() => TokenFile.Open(path, 6));
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        Assert.Throws<ModelException>(() => TokenFile.Open(path, 3));
    }

    [Theory]
    [InlineData("14%,55%", new[] { 14, 55 })]
    [InlineData("1000, 10%,7", new[] { 7, 10, 100 })]
    [InlineData("0.1%", new[] { 1 })]
    [InlineData("", new int[0])]
    public void Checkpoint_points_are_steps_or_percentages(string text, int[] steps)
    {
        TrainingOptions options = new()
        {
            Steps = 100,
            BatchSequences = 1,
            Schedule = new LearningRateSchedule(ScheduleKind.Constant, 1, 0),
            Checkpoints = CheckpointPoint.ParseList(text),
        };
        Assert.Equal(steps, options.CheckpointSteps);
    }

    [Theory]
    [InlineData("half")]
    [InlineData("0")]
    [InlineData("101%")]
    [InlineData("-3")]
    [InlineData("1.5")]
    public void Anything_else_is_refused(string text) => Assert.Throws<ModelException>(() => CheckpointPoint.ParseList(text));

    [Fact]
    public void Schedules_warm_up_and_end_where_they_should()
    {
        LearningRateSchedule cosine = new(ScheduleKind.Cosine, 1, 10) { Floor = 0.1 };
        Assert.Equal(0.1, cosine.At(1, 100), 1e-12);
        Assert.Equal(1, cosine.At(10, 100), 1e-12);
        Assert.Equal(1, cosine.At(11, 100), 1e-12);
        Assert.Equal(0.55, cosine.At(56, 100), 1e-12);
        Assert.Equal(0.1, (cosine with { Kind = ScheduleKind.Linear }).At(101, 100), 1e-12);
        Assert.Equal(0.25, new LearningRateSchedule(ScheduleKind.Rising, 1, 0).At(25, 100), 1e-12);
        Assert.Equal(1, (cosine with { Kind = ScheduleKind.Constant }).At(99, 100), 1e-12);
    }
}
