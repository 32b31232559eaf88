namespace Winnow.Studies.Execution;

/// <summary>What became of a step.</summary>
public enum StepState
{
    /// <summary>Its output was there already.</summary>
    Reused,

    /// <summary>It is being worked on.</summary>
    Running,

    /// <summary>It was done in this run.</summary>
    Done,

    /// <summary>It failed.</summary>
    Failed,

    /// <summary>Something it needs failed, so it was not tried.</summary>
    Skipped,
}

/// <summary>A change of a step's state.</summary>
/// <param name="Step">The step.</param>
/// <param name="State">Its new state.</param>
/// <param name="Seconds">Time it took, when it ended.</param>
/// <param name="Error">Why it failed, or which failed step it needs; else null.</param>
public sealed record StepEvent(Step Step, StepState State, double Seconds = 0, Exception? Error = null);

/// <summary>Does one kind of step.</summary>
public interface IStepWork
{
    /// <summary>Makes the step's output in its work directory; an earlier attempt's files may be there to go on from.</summary>
    /// <param name="step">What to do.</param>
    /// <param name="inputs">Finished directories, by the names of <see cref="Step.Inputs"/>.</param>
    /// <param name="workDirectory">Where to write.</param>
    /// <param name="cancel">Stops the work in a state that can be resumed.</param>
    Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel);
}

/// <summary>Brings the steps of a graph to completion.</summary>
public interface IEngine
{
    /// <summary>
    /// Does what is not done, in an order that respects the graph. A failed step stops only what needs it.
    /// </summary>
    /// <returns>The last event of every step.</returns>
    Task<IReadOnlyList<StepEvent>> RunAsync(StepGraph graph, StepStore store, IProgress<StepEvent>? progress, CancellationToken cancel);
}
