using System.Text.Json;
using Winnow.Work;

namespace Winnow.Studies.Execution;

/// <summary>What a worker has to know to do a study's steps.</summary>
/// <param name="Steps">All of them; each stands after what it needs.</param>
/// <param name="Device">What the command line needs to make the same backend on another machine; its own business.</param>
public sealed record StudyTask(IReadOnlyList<Step> Steps, JsonElement Device)
{
    /// <summary>The graph of the steps.</summary>
    public StepGraph Graph()
    {
        StepGraph graph = new();
        foreach (Step step in Steps) graph.Add(step);
        return graph;
    }
}

/// <summary>Does a study's steps: an item each, which waits for the steps it needs.</summary>
public sealed class StudyStage : IWorkStage
{
    /// <summary>The stage's name.</summary>
    public const string Name = "study";

    private readonly StepGraph _graph;
    private readonly StepStore _outputs;
    private readonly IReadOnlyDictionary<string, IStepWork> _works;

    /// <summary>For one worker.</summary>
    /// <param name="store">The planned stage, in a study's directory.</param>
    /// <param name="works">What does each kind of step.</param>
    public StudyStage(WorkStore store, IReadOnlyDictionary<string, IStepWork> works)
    {
        ArgumentNullException.ThrowIfNull(store);
        _graph = TaskOf(store).Graph();
        _outputs = new StepStore(store.Run);
        _works = works;
    }

    /// <summary>What the workers of the stage have to know.</summary>
    public static StudyTask TaskOf(WorkStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.Description.Request.Deserialize<StudyTask>()!;
    }

    /// <summary>A step waits for its inputs, and for an earlier step that makes the same output under another id.</summary>
    public bool IsReady(int item, WorkStore store)
    {
        Step step = _graph.Steps[item];
        string key = _graph.KeyOf(step);
        if (_outputs.IsDone(step, key)) return true;
        return step.Inputs.Values.Select(id => _graph[id]).All(input => _outputs.IsDone(input, _graph.KeyOf(input)))
            && _graph.Steps.First(other => _graph.KeyOf(other) == key) == step;
    }

    /// <inheritdoc/>
    public async Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(claim);
        Step step = _graph.Steps[claim.Index];
        string key = _graph.KeyOf(step);
        if (_outputs.IsDone(step, key)) return new WorkOutcome();
        string work = _outputs.BeginWork(step, key, claim.Attempt, goOn: claim.PreviousIsGone);
        await _works[step.Kind].RunAsync(step, _outputs.InputsOf(step, _graph), work, stop).ConfigureAwait(false);
        _outputs.Finish(step, key, claim.Attempt);
        return new WorkOutcome(1);
    }
}
