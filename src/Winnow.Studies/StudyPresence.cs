using System.Text.Json;
using Winnow.Data;
using Winnow.Studies.Execution;
using Winnow.Work;

namespace Winnow.Studies;

/// <summary>Shows a study whose steps one process does by itself as the stage <c>study</c>, a step an item.</summary>
internal sealed class StudyPresence : IProgress<StepEvent>, IDisposable
{
    private readonly WorkPresence _presence;
    private readonly Dictionary<string, int> _items;
    private readonly IProgress<StepEvent>? _next;
    private readonly Lock _gate = new();

    internal StudyPresence(string directory, StepGraph graph, IProgress<StepEvent>? next, TimeProvider time, CancellationToken cancel)
    {
        _next = next;
        _items = graph.Steps.Select((step, item) => (step.Id, item)).ToDictionary(step => step.Id, step => step.item, StringComparer.Ordinal);
        _presence = new WorkPresence(
            directory, new WorkDescription(
                StudyStage.Name, Environment.CurrentDirectory, JsonSerializer.SerializeToElement("in one process"), [.. graph.Steps.Select(step => new WorkItem(-1, Name: step.Id))]),
            [], time, cancel);
    }

    /// <summary>Cancelled with the study.</summary>
    internal CancellationToken Cancelled => _presence.Cancelled;

    /// <inheritdoc/>
    public void Report(StepEvent value)
    {
        lock (_gate)
        {
            int item = _items[value.Step.Id];
            if (value.State == StepState.Running) _presence.Begin(item);
            else if (value.State is StepState.Done or StepState.Reused) _presence.Complete(item, new WorkOutcome(1));
            else if (value.State == StepState.Failed) _presence.Fail(item, value.Error!, (value.Error as CorpusException)?.Hint);
        }

        _next?.Report(value);
    }

    /// <inheritdoc/>
    public void Dispose() => _presence.Dispose();
}
