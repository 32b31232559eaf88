namespace Winnow.Work;

/// <summary>One stage that an engine brings to completion.</summary>
/// <param name="Stage">Described in the run's directory already.</param>
/// <param name="Computes">Whether it wants the job's processors and accelerators: scoring and training do, the others read and write.</param>
public sealed record WorkStep(string Stage, bool Computes);

/// <summary>Brings workers to the work: as processes here, or as jobs of a cluster.</summary>
public interface IWorkEngine
{
    /// <summary>Has the stages done, each after the one before it.</summary>
    /// <param name="run">The run's directory; the stages are described under <c>stages/</c>.</param>
    /// <param name="steps">In order.</param>
    /// <param name="progress">Told every few seconds.</param>
    /// <param name="cancel">Stops; the same call goes on.</param>
    /// <exception cref="WorkException">Items failed, or the workers cannot be started.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancel"/>, or <see cref="WorkStore.Cancel"/> by somebody else.</exception>
    Task RunAsync(string run, IReadOnlyList<WorkStep> steps, IProgress<StageStatus>? progress, CancellationToken cancel);
}
