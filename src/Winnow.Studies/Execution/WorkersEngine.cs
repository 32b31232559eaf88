using System.Text.Json;
using Winnow.Work;

namespace Winnow.Studies.Execution;

/// <summary>Has a study's steps done by workers.</summary>
/// <param name="engine">Brings the workers.</param>
/// <param name="directory">The study's.</param>
/// <param name="device">See <see cref="StudyTask"/>.</param>
/// <param name="stages">Told how far the stage is.</param>
/// <param name="time">The clock.</param>
public sealed class WorkersEngine(IWorkEngine engine, string directory, JsonElement device, IProgress<StageStatus>? stages, TimeProvider time) : IEngine
{
    /// <summary>The stage.</summary>
    public static WorkStep Stage { get; } = new(StudyStage.Name, Computes: true);

    /// <inheritdoc/>
    /// <remarks>A step that workers go on with when this returns is <see cref="StepState.Running"/>.</remarks>
    public async Task<IReadOnlyList<StepEvent>> RunAsync(StepGraph graph, StepStore store, IProgress<StepEvent>? progress, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(graph);
        JsonElement task = JsonSerializer.SerializeToElement(new StudyTask(graph.Steps, device));
        HashSet<string> before = [.. graph.Steps.Where(step => store.IsDone(step, graph.KeyOf(step))).Select(step => step.Id)];
        // Workers that are there keep their list; else it is written anew, and what is there is found to be done.
        if (!IsAttended() || !WorkStore.TryContinue(directory, Stage.Stage, task))
        {
            WorkStore.Create(directory, new WorkDescription(
                Stage.Stage, Environment.CurrentDirectory, task, [.. graph.Steps.Select(step => new WorkItem(-1, Name: step.Id))]));
            WorkStore.Resume(directory);
        }

        WorkStore work = WorkStore.Open(directory, Stage.Stage);
        try
        {
            await engine.RunAsync(directory, [Stage], stages, cancel).ConfigureAwait(false);
        }
        catch (WorkException) when (work.Failures().Count > 0)
        {
            // A failed step stops only what needs it; the outcomes say which.
        }

        return Outcomes(graph, store, before, work.Failures());
    }

    private bool IsAttended() => WorkStore.Exists(directory, Stage.Stage)
        && StageStatus.Read(WorkStore.Open(directory, Stage.Stage), new WorkerOptions().Lease, time).Workers > 0;

    private static List<StepEvent> Outcomes(StepGraph graph, StepStore store, HashSet<string> before, IReadOnlyList<WorkFailure> failures)
    {
        List<StepEvent> outcomes = [];
        Dictionary<string, StepEvent> last = new(StringComparer.Ordinal);
        Dictionary<string, WorkFailure> failed = failures.ToDictionary(failure => graph.Steps[failure.Item].Id, StringComparer.Ordinal);
        foreach (Step step in graph.Steps)
        {
            StepEvent? broken = step.Inputs.Values.Select(id => last[id]).FirstOrDefault(input => input.State is StepState.Failed or StepState.Skipped);
            StepEvent outcome =
                store.IsDone(step, graph.KeyOf(step)) ? new StepEvent(step, before.Contains(step.Id) ? StepState.Reused : StepState.Done)
                : failed.TryGetValue(step.Id, out WorkFailure? why) ? new StepEvent(step, StepState.Failed, 0, new WorkException(step.Id, why.Error, why.Hint ?? "`winnow run status` shows its log"))
                : broken is not null ? new StepEvent(step, StepState.Skipped, 0, broken.Error)
                : new StepEvent(step, StepState.Running);
            outcomes.Add(last[step.Id] = outcome);
        }

        return outcomes;
    }
}
