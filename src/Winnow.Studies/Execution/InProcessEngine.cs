namespace Winnow.Studies.Execution;

/// <summary>
/// Does the steps in this process, as many at a time as there are lanes: small models fill a machine better side by side, each on
/// its share of the threads, than one after the other on all of them. Results do not depend on the lanes.
/// </summary>
/// <param name="lanes">For every lane, what does each kind of step; lanes share nothing that is not safe to share.</param>
/// <param name="time">Times the steps.</param>
public sealed class InProcessEngine(IReadOnlyList<IReadOnlyDictionary<string, IStepWork>> lanes, TimeProvider time) : IEngine
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<StepEvent>> RunAsync(
        StepGraph graph, StepStore store, IProgress<StepEvent>? progress, CancellationToken cancel)
    {
        var last = new Dictionary<string, StepEvent>(StringComparer.Ordinal);
        var waiting = new LinkedList<Step>(graph.Steps);
        var idle = new Stack<IReadOnlyDictionary<string, IStepWork>>(lanes.Reverse());
        var running = new Dictionary<Task<StepEvent>, IReadOnlyDictionary<string, IStepWork>>();
        var keysInHand = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            while (waiting.Count + running.Count > 0)
            {
                cancel.ThrowIfCancellationRequested();
                while (idle.Count > 0 && TakeReady(graph, waiting, last, keysInHand) is { } step)
                {
                    IReadOnlyDictionary<string, IStepWork> lane = idle.Pop();
                    StepEvent[] inputs = [.. step.Inputs.Values.Select(input => last[input])];
                    running.Add(Task.Run(() => RunStepAsync(step, graph, store, lane, inputs, progress, cancel), CancellationToken.None), lane);
                }

                Task<StepEvent> ended = await Task.WhenAny(running.Keys).ConfigureAwait(false);
                running.Remove(ended, out IReadOnlyDictionary<string, IStepWork>? free);
                idle.Push(free!);
                StepEvent outcome = await ended.ConfigureAwait(false);
                last[outcome.Step.Id] = outcome;
                keysInHand.Remove(graph.KeyOf(outcome.Step));
                progress?.Report(outcome);
            }
        }
        finally
        {
            // A stop reaches every lane: nothing of this run works on when the caller goes on.
            await Task.WhenAll(running.Keys).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
        }

        return [.. graph.Steps.Select(step => last[step.Id])];
    }

    /// <summary>The first step in the graph's order that has all it needs, and whose output no lane is making under another id.</summary>
    private static Step? TakeReady(StepGraph graph, LinkedList<Step> waiting, Dictionary<string, StepEvent> last, HashSet<string> keysInHand)
    {
        for (LinkedListNode<Step>? node = waiting.First; node is not null; node = node.Next)
        {
            if (!node.Value.Inputs.Values.All(last.ContainsKey) || !keysInHand.Add(graph.KeyOf(node.Value))) continue;
            waiting.Remove(node);
            return node.Value;
        }

        return null;
    }

    private async Task<StepEvent> RunStepAsync(
        Step step, StepGraph graph, StepStore store, IReadOnlyDictionary<string, IStepWork> workByKind, StepEvent[] needed,
        IProgress<StepEvent>? progress, CancellationToken cancel)
    {
        string key = graph.KeyOf(step);
        if (store.IsDone(step, key)) return new StepEvent(step, StepState.Reused);
        if (needed.FirstOrDefault(input => input.State is StepState.Failed or StepState.Skipped) is { } broken)
            return new StepEvent(step, StepState.Skipped, 0, broken.Error);

        progress?.Report(new StepEvent(step, StepState.Running));
        long start = time.GetTimestamp();
        try
        {
            string work = store.BeginWork(step, key);
            await workByKind[step.Kind].RunAsync(step, store.InputsOf(step, graph), work, cancel).ConfigureAwait(false);
            store.Finish(step, key);
            return new StepEvent(step, StepState.Done, time.GetElapsedTime(start).TotalSeconds);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            return new StepEvent(step, StepState.Failed, time.GetElapsedTime(start).TotalSeconds, e);
        }
    }
}
