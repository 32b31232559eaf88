namespace Winnow.Studies.Execution;

/// <summary>Does the steps in this process, one after the other: each uses all cores by itself.</summary>
public sealed class InProcessEngine(IReadOnlyDictionary<string, IStepWork> workByKind, TimeProvider time) : IEngine
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<StepEvent>> RunAsync(
        StepGraph graph, StepStore store, IProgress<StepEvent>? progress, CancellationToken cancel)
    {
        var last = new Dictionary<string, StepEvent>(StringComparer.Ordinal);
        foreach (Step step in graph.Steps)
        {
            cancel.ThrowIfCancellationRequested();
            StepEvent outcome = await RunStepAsync(step, graph, store, last, progress, cancel).ConfigureAwait(false);
            last[step.Id] = outcome;
            progress?.Report(outcome);
        }

        return [.. graph.Steps.Select(step => last[step.Id])];
    }

    private async Task<StepEvent> RunStepAsync(
        Step step, StepGraph graph, StepStore store, Dictionary<string, StepEvent> last, IProgress<StepEvent>? progress, CancellationToken cancel)
    {
        string key = graph.KeyOf(step);
        if (store.IsDone(step, key)) return new StepEvent(step, StepState.Reused);
        foreach (string input in step.Inputs.Values)
            if (last[input] is { State: StepState.Failed or StepState.Skipped } broken) return new StepEvent(step, StepState.Skipped, 0, broken.Error);

        progress?.Report(new StepEvent(step, StepState.Running));
        long start = time.GetTimestamp();
        try
        {
            string work = store.BeginWork(step, key);
            Dictionary<string, string> inputs = step.Inputs.ToDictionary(
                input => input.Key, input => store.DirectoryOf(graph[input.Value], graph.KeyOf(graph[input.Value])), StringComparer.Ordinal);
            await workByKind[step.Kind].RunAsync(step, inputs, work, cancel).ConfigureAwait(false);
            store.Finish(step, key);
            return new StepEvent(step, StepState.Done, time.GetElapsedTime(start).TotalSeconds);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            return new StepEvent(step, StepState.Failed, time.GetElapsedTime(start).TotalSeconds, e);
        }
    }
}
