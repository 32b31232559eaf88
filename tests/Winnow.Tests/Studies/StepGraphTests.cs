using System.Text.Json.Nodes;
using Winnow.Studies.Execution;
using Xunit;

namespace Winnow.Tests.Studies;

public sealed class StepGraphTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("winnow-steps-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_second_run_does_nothing_again()
    {
        var work = new Recorder();
        await RunAsync(Diamond(), work);
        Assert.Equal(["source", "left", "right", "join"], work.Done);
        IReadOnlyList<StepEvent> again = await RunAsync(Diamond(), work);
        Assert.Equal(4, work.Done.Count);
        Assert.All(again, e => Assert.Equal(StepState.Reused, e.State));
    }

    [Fact]
    public async Task A_changed_option_redoes_exactly_what_depends_on_it()
    {
        var work = new Recorder();
        await RunAsync(Diamond(), work);
        work.Done.Clear();
        await RunAsync(Diamond(right: 2), work);
        Assert.Equal(["right", "join"], work.Done);
    }

    [Fact]
    public async Task A_failed_step_stops_only_what_needs_it()
    {
        var work = new Recorder { Fails = "left" };
        IReadOnlyList<StepEvent> outcome = await RunAsync(Diamond(), work);
        Assert.Equal([StepState.Done, StepState.Failed, StepState.Done, StepState.Skipped], outcome.Select(e => e.State));
        Assert.Equal("left broke", outcome[3].Error!.Message);
        work.Fails = null;
        work.Done.Clear();
        await RunAsync(Diamond(), work);
        Assert.Equal(["left", "join"], work.Done);
    }

    [Fact]
    public async Task A_cancelled_step_finds_its_unfinished_files_again()
    {
        var work = new Recorder { CancelsIn = "left" };
        using var cancel = new CancellationTokenSource();
        work.Cancel = cancel;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => RunAsync(Diamond(), work, cancel.Token));
        work.CancelsIn = null;
        await RunAsync(Diamond(), work);
        Assert.Equal("half", work.FoundInLeft);
        Assert.Equal(["source", "left", "right", "join"], work.Done);
    }

    [Fact]
    public async Task Two_lanes_work_side_by_side_and_never_twice_on_the_same_content()
    {
        StepGraph graph = Diamond();
        graph.Add(new Step("left-again", "work", new JsonObject { ["name"] = "left", ["option"] = 1 }, new Dictionary<string, string> { ["source"] = "source" }));
        using var barrier = new Barrier(2);
        var work = new Meeting(barrier);
        var engine = new InProcessEngine(
            [new Dictionary<string, IStepWork> { ["work"] = work }, new Dictionary<string, IStepWork> { ["work"] = work }], TimeProvider.System);
        IReadOnlyList<StepEvent> events = await engine.RunAsync(graph, new StepStore(_directory), null, CancellationToken.None);
        Assert.True(work.Met, "left and right were not in hand at the same time");
        Assert.Equal(["source", "left", "right", "join", "left-again"], events.Select(e => e.Step.Id));
        Assert.Equal(StepState.Reused, events[^1].State);
        Assert.All(events.SkipLast(1), e => Assert.Equal(StepState.Done, e.State));
    }

    [Fact]
    public void Keys_do_not_depend_on_the_order_of_options_or_on_ids()
    {
        static string Key(string id, JsonObject options)
        {
            var graph = new StepGraph();
            return graph.KeyOf(graph.Add(new Step(id, "train", options, new Dictionary<string, string>())));
        }

        string one = Key("x", new JsonObject { ["a"] = 1, ["b"] = new JsonArray(1, 2) });
        Assert.Equal(one, Key("y", new JsonObject { ["b"] = new JsonArray(1, 2), ["a"] = 1 }));
        Assert.NotEqual(one, Key("x", new JsonObject { ["a"] = 1, ["b"] = new JsonArray(2, 1) }));
    }

    [Fact]
    public void A_directory_is_locked_for_a_second_run_and_free_after_the_first()
    {
        using (StudyLock? held = StudyLock.TryTake(_directory))
        {
            Assert.NotNull(held);
            Assert.Null(StudyLock.TryTake(_directory));
        }

        using StudyLock? after = StudyLock.TryTake(_directory);
        Assert.NotNull(after);
    }

    private Task<IReadOnlyList<StepEvent>> RunAsync(StepGraph graph, Recorder work, CancellationToken cancel = default) =>
        new InProcessEngine([new Dictionary<string, IStepWork> { ["work"] = work }], TimeProvider.System)
            .RunAsync(graph, new StepStore(_directory), null, cancel);

    private static StepGraph Diamond(int right = 1)
    {
        var graph = new StepGraph();
        graph.Add(Make("source", 0));
        graph.Add(Make("left", 1, "source"));
        graph.Add(Make("right", right, "source"));
        graph.Add(Make("join", 0, "left", "right"));
        return graph;
        static Step Make(string id, int option, params string[] inputs) =>
            new(id, "work", new JsonObject { ["name"] = id, ["option"] = option }, inputs.ToDictionary(input => input));
    }

    /// <summary>Where `left` and `right` wait for each other.</summary>
    private sealed class Meeting(Barrier barrier) : IStepWork
    {
        public bool Met { get; private set; }

        public Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
        {
            if (step.Id is "left" or "right" && barrier.SignalAndWait(TimeSpan.FromSeconds(20), cancel)) Met = true;
            return Task.CompletedTask;
        }
    }

    private sealed class Recorder : IStepWork
    {
        public List<string> Done { get; } = [];

        public string? Fails { get; set; }

        public string? CancelsIn { get; set; }

        public CancellationTokenSource? Cancel { get; set; }

        public string? FoundInLeft { get; private set; }

        public async Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
        {
            Assert.All(inputs.Values, input => Assert.True(File.Exists(Path.Combine(input, "output"))));
            if (step.Id == Fails) throw new InvalidOperationException($"{step.Id} broke");
            string half = Path.Combine(workDirectory, "half");
            if (step.Id == CancelsIn)
            {
                await File.WriteAllTextAsync(half, "half", CancellationToken.None);
                await Cancel!.CancelAsync();
                cancel.ThrowIfCancellationRequested();
            }

            if (step.Id == "left" && File.Exists(half)) FoundInLeft = await File.ReadAllTextAsync(half, cancel);
            await File.WriteAllTextAsync(Path.Combine(workDirectory, "output"), step.Id, cancel);
            Done.Add(step.Id);
        }
    }
}
