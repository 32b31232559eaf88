using Winnow.Cli.Infrastructure;
using Winnow.Kernels.Cpu;
using Winnow.Pruning.Export;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;
using Winnow.Studies;
using Winnow.Studies.Execution;
using Winnow.Work;

namespace Winnow.Cli.Commands;

/// <summary>Makes what does a stage's items, by the stage's name.</summary>
internal static class WorkStages
{
    internal static IWorkStage Open(WorkStore store, int threads, Terminal terminal) => store.Description.Stage switch
    {
        NoOpStage.Name => new NoOpStage(),
        ScoringWork.Score => Score(store, threads),
        ScoringWork.Gather => new GatherStage(store, terminal.Time),
        SelectStage.Name => new SelectStage(store, threads),
        ExportWork.Name => new ExportStage(store, threads),
        StudyStage.Name => new StudyStage(store, StudyRunner.Works(WorkerDevice.Of(StudyStage.TaskOf(store).Device).Backend(threads), threads)),
        ReportStage.Name => new ReportStage(store, terminal),
        string other => throw new WorkException(store.Directory, $"this version of winnow knows no stage `{other}`", "use the version that planned it"),
    };

    private static ScoreStage Score(WorkStore store, int threads)
    {
        WorkerDevice device = WorkerDevice.Of(ScoringWork.TaskOf(store).Device);
        CpuBackend backend = device.Backend(threads);
        return new ScoreStage(store, backend, Math.Round(MachinePeak.Measure(Math.Min(threads, Environment.ProcessorCount), device.Lanes, device.Precision), 1));
    }
}
