using System.Text.Json;
using Winnow.Cli.Infrastructure;
using Winnow.Pruning.References;
using Winnow.Studies.Reports;
using Winnow.Work;

namespace Winnow.Cli.Commands;

/// <summary>Draws the report of a pruning: the last stage of its work, with one item.</summary>
internal sealed class ReportStage(WorkStore store, Terminal terminal) : IWorkStage
{
    /// <summary>The stage's name.</summary>
    internal const string Name = "report";

    private sealed record ReportTask(string Run, string Selection, ReferenceManifest? References, string To);

    /// <summary>The stage.</summary>
    internal static WorkStep Step { get; } = new(Name, Computes: false);

    /// <summary>Describes it; run and selection need not be there yet.</summary>
    internal static void Plan(string run, string selection, ReferenceManifest? references, string to)
    {
        JsonElement task = JsonSerializer.SerializeToElement(new ReportTask(run, Path.GetFullPath(selection), references, Path.GetFullPath(to)));
        if (File.Exists(to) && WorkStore.TryContinue(run, Name, task)) return;
        WorkStore.Create(run, new WorkDescription(Name, Environment.CurrentDirectory, task, [new WorkItem(-1, Name: "report")]));
    }

    /// <inheritdoc/>
    public async Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop)
    {
        ReportTask task = store.Description.Request.Deserialize<ReportTask>()!;
        await ReportCommand.WriteAsync(terminal, new RunReport(task.Run, task.Selection) { References = task.References }, task.To, claim.PrivateSuffix, stop);
        return new WorkOutcome(1);
    }
}
