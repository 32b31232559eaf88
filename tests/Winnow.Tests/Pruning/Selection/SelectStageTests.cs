using System.Globalization;
using System.Text.Json;
using Winnow.Pruning.Selection;
using Winnow.Work;
using Xunit;

namespace Winnow.Tests.Pruning.Selection;

/// <summary>A selection whose passes several workers do together through files.</summary>
public sealed class SelectStageTests : IDisposable
{
    private readonly string run = Directory.CreateTempSubdirectory("winnow-select-").FullName;

    private static readonly WorkerOptions Quick = new()
    {
        Lease = TimeSpan.FromSeconds(5),
        Beat = TimeSpan.FromMilliseconds(50),
        Poll = TimeSpan.FromMilliseconds(5),
    };

    public void Dispose() => Directory.Delete(run, recursive: true);

    [Theory]
    [InlineData(1, "middle:40%")]
    [InlineData(5, "middle:40%")]
    [InlineData(4, "bottom:10%+middle:5%+top:20%")]
    public async Task Workers_together_select_what_one_process_selects(int workers, string rule)
    {
        MemoryScores scores = Scores();
        SelectionOptions options = new() { Keep = [KeepRule.Parse(rule)], Within = ["source"], By = Weighting.Tokens };
        string expected = Outcome(write => RankSelector.Select(scores, options, 2, write));
        string[] found = await Task.WhenAll(Enumerable.Range(0, workers).Select(task => Task.Run(() => Outcome(write => Share(scores, options, write, task)))));
        Assert.All(found, summary => Assert.Equal(expected, summary));
        string[] stages = [.. WorkStore.StagesOf(run)];
        Assert.Equal(["strata", "ranking", "narrowing", "keeping"], stages.OrderBy(stage => int.Parse(stage.Split('-')[1], CultureInfo.InvariantCulture)).Select(stage => stage.Split('-')[2]).Distinct());
        Assert.All(stages, stage => Assert.Equal(scores.Shards.Count + 1, WorkStore.Open(run, stage).Scan().Done.Count));
    }

    [Fact]
    public async Task A_worker_that_is_stopped_leaves_passes_that_the_next_goes_on_with()
    {
        MemoryScores scores = Scores();
        SelectionOptions options = new() { Keep = [KeepRule.Parse("bottom:25%")] };
        string expected = Outcome(write => RankSelector.Select(scores, options, 2, write));
        using CancellationTokenSource stop = new();
        PassEndedException ended = Assert.Throws<PassEndedException>(() => Share(scores, options, (_, _) => { }, 0, new StopAfter(scores, 9, stop), stop.Token));
        Assert.Equal(WorkerEnd.Stopped, ended.End);
        Assert.Equal(expected, await Task.Run(() => Outcome(write => Share(scores, options, write, 1)), TestContext.Current.CancellationToken));
    }

    private static MemoryScores Scores() => new([.. Enumerable.Range(0, 7).Select(shard => Units(40 + (shard * 31), shard))], 20);

    private static List<Unit> Units(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(i => new Unit(
            $"doc-{seed}-{i}", random.Next(9) / 4.0, seed % 2 == 0 ? "web" : "books", 1 + random.Next(60)))];
    }

    private SelectionSummary Share(
        MemoryScores scores, SelectionOptions options, Action<int, KeepMask> write, int task, IScoreSource? read = null, CancellationToken stop = default) =>
        RankSelector.Select(read ?? scores, options, write, mostCandidates: 3, open => new SharedScan(read ?? scores, run, "select", open, 1, Quick with { Task = task }, stop));

    /// <summary>The summary; the masks are written by whoever did the shard.</summary>
    private static string Outcome(Func<Action<int, KeepMask>, SelectionSummary> select) => JsonSerializer.Serialize(select((_, _) => { }));

    /// <summary>Asks to stop after some chunks.</summary>
    private sealed class StopAfter(IScoreSource scores, int chunks, CancellationTokenSource stop) : IScoreSource
    {
        private int _left = chunks;

        public IReadOnlyList<ScoreShard> Shards => scores.Shards;

        public IReadOnlyList<string> NumberColumns => scores.NumberColumns;

        public IReadOnlyList<string> TextColumns => scores.TextColumns;

        public IScoreReader OpenReader() => new Reader(this, scores.OpenReader());

        private sealed class Reader(StopAfter owner, IScoreReader reader) : IScoreReader
        {
            public void MoveTo(int shard, int chunk)
            {
                if (Interlocked.Decrement(ref owner._left) == 0) owner.Stop();
                reader.MoveTo(shard, chunk);
            }

            public ReadOnlySpan<double> Numbers(string column) => reader.Numbers(column);

            public TextColumn Texts(string column) => reader.Texts(column);

            public void Dispose() => reader.Dispose();
        }

        private void Stop() => stop.Cancel();
    }
}
