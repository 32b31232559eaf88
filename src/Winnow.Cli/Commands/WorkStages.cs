using Winnow.Pruning.Selection;
using Winnow.Work;

namespace Winnow.Cli.Commands;

/// <summary>Makes what does a stage's items, by the stage's name; owns what it needs for it.</summary>
internal sealed class WorkStages : IDisposable
{
    private readonly List<IDisposable> owned = [];

    internal WorkStages(WorkStore store, int threads)
    {
        Stage = store.Description.Stage switch
        {
            NoOpStage.Name => new NoOpStage(),
            SelectStage.Name => new SelectStage(store, threads),
            string other => throw new WorkException(store.Directory, $"this version of winnow knows no stage `{other}`", "use the version that planned it"),
        };
    }

    /// <summary>Does the items.</summary>
    internal IWorkStage Stage { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable resource in owned) resource.Dispose();
    }
}
