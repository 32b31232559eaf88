using System.Text.Json;
using System.Text.Json.Nodes;
using Winnow.Studies.Execution;
using Winnow.Work;
using Xunit;

namespace Winnow.Tests.Studies;

/// <summary>A study's steps done by workers, each from its description alone.</summary>
public sealed class WorkersEngineTests : IDisposable
{
    private static readonly WorkerOptions Quick = new() { Lease = TimeSpan.FromMinutes(1), Beat = TimeSpan.FromMilliseconds(50), Poll = TimeSpan.FromMilliseconds(20), RetryAfter = [] };
    private readonly string _directory = Directory.CreateTempSubdirectory("winnow-workers-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>Writes its options and what it reads; fails where it is told to.</summary>
    private sealed class EchoWork : IStepWork
    {
        public async Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
        {
            if (File.Exists(Path.Combine(workDirectory, "left"))) File.Delete(Path.Combine(workDirectory, "left"));
            if (step.Options["broken"] is not null) throw new InvalidDataException("the text is damaged");
            string read = string.Concat(inputs.OrderBy(input => input.Key, StringComparer.Ordinal).Select(input => File.ReadAllText(Path.Combine(input.Value, "text"))));
            await File.WriteAllTextAsync(Path.Combine(workDirectory, "text"), $"{step.Options["text"]}({read})", cancel);
        }
    }

    /// <summary>Workers in this process.</summary>
    private sealed class ThreadEngine(int workers) : IWorkEngine
    {
        public async Task RunAsync(string run, IReadOnlyList<WorkStep> steps, IProgress<StageStatus>? progress, CancellationToken cancel)
        {
            await Task.WhenAll(Enumerable.Range(0, workers).Select(task => Task.Run(
                () =>
                {
                    WorkStore store = WorkStore.Open(run, steps[0].Stage);
                    return Worker.RunAsync(store, new StudyStage(store, Works), Quick with { Task = task }, cancel);
                },
                cancel)));
            if (WorkStore.Open(run, steps[0].Stage).Failures().Count > 0) throw new WorkException(run, "items failed", "see the log");
        }
    }

    private static Dictionary<string, IStepWork> Works => new() { ["echo"] = new EchoWork() };

    [Fact]
    public async Task Workers_make_the_outputs_of_one_process_and_a_second_run_does_nothing()
    {
        StepGraph graph = Graph(broken: false);
        IReadOnlyList<StepEvent> expected = await new InProcessEngine([Works], TimeProvider.System).RunAsync(graph, new StepStore(At("one")), null, Cancel);
        IReadOnlyList<StepEvent> made = await Engine("many").RunAsync(graph, new StepStore(At("many")), null, Cancel);
        Assert.Equal(expected.Select(step => step.Step.Id), made.Select(step => step.Step.Id));
        Assert.All(made, step => Assert.Equal(StepState.Done, step.State));
        Assert.Equal(Files("one"), Files("many"));
        Assert.All(await Engine("many").RunAsync(graph, new StepStore(At("many")), null, Cancel), step => Assert.Equal(StepState.Reused, step.State));
    }

    [Fact]
    public async Task A_failed_step_stops_only_what_needs_it()
    {
        IReadOnlyList<StepEvent> outcome = await Engine("study").RunAsync(Graph(broken: true), new StepStore(At("study")), null, Cancel);
        Assert.Equal("a:Done b:Failed both:Skipped again:Done", string.Join(' ', outcome.Select(step => $"{step.Step.Id}:{step.State}")));
        Assert.Contains("the text is damaged", outcome[1].Error!.Message, StringComparison.Ordinal);
        Assert.Same(outcome[1].Error, outcome[2].Error);
    }

    [Fact]
    public async Task What_a_dead_attempt_left_is_gone_on_with_and_what_a_silent_one_left_is_not()
    {
        StepGraph graph = Graph(broken: false);
        StepStore store = new(At("study"));
        Step step = graph.Steps[0];
        string key = graph.KeyOf(step);
        await File.WriteAllTextAsync(Path.Combine(store.BeginWork(step, key), "left"), "half", Cancel);
        Assert.True(File.Exists(Path.Combine(store.BeginWork(step, key, 1, goOn: true), "left")));
        Assert.False(File.Exists(Path.Combine(store.BeginWork(step, key, 2, goOn: false), "left")));
        store.Finish(step, key, 2);
        Assert.Equal([store.DirectoryOf(step, key)], Directory.EnumerateDirectories(At("study/steps")));
    }

    private static StepGraph Graph(bool broken)
    {
        StepGraph graph = new();
        graph.Add(new Step("a", "echo", new JsonObject { ["text"] = "a", ["rate"] = 1e-5 }, new Dictionary<string, string>()));
        JsonObject options = new() { ["text"] = "b" };
        if (broken) options["broken"] = true;
        graph.Add(new Step("b", "echo", options, new Dictionary<string, string>()));
        graph.Add(new Step("both", "echo", new JsonObject { ["text"] = "ü" }, new Dictionary<string, string> { ["left"] = "a", ["right"] = "b" }));
        graph.Add(new Step("again", "echo", new JsonObject { ["text"] = "a", ["rate"] = 1e-5 }, new Dictionary<string, string>()));
        return graph;
    }

    private WorkersEngine Engine(string name) => new(new ThreadEngine(3), At(name), JsonSerializer.SerializeToElement(1), null, TimeProvider.System);

    private string At(string name) => Path.Combine(_directory, name);

    private Dictionary<string, string> Files(string name) => Directory.EnumerateFiles(Path.Combine(At(name), "steps"), "text", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetRelativePath(At(name), path), File.ReadAllText);
}
