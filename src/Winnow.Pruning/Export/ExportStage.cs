using System.Text.Json;
using Winnow.Work;

namespace Winnow.Pruning.Export;

/// <summary>Exports one input file at a time, each to files of this attempt until they are whole.</summary>
public sealed class ExportStage : IWorkStage
{
    private readonly WorkStore store;
    private readonly ExportTask task;
    private readonly ExportPlan plan;

    /// <summary>Opens what all items share.</summary>
    /// <param name="store">The stage <see cref="ExportWork.Name"/>.</param>
    /// <param name="threads">For one file at a time.</param>
    public ExportStage(WorkStore store, int threads)
    {
        ArgumentNullException.ThrowIfNull(store);
        this.store = store;
        task = store.Description.Request.Deserialize<ExportTask>(RunManifest.Json)!;
        plan = ExportPlan.Open(task.Run, task.Options);
        plan.Compressors = ExportPlan.CompressorsOf(threads, 1);
    }

    private int Last => store.Items.Count - 1;

    /// <summary>The list needs all files; a file needs those before it where only so many records are wanted.</summary>
    public bool IsReady(int item, WorkStore store) =>
        item == Last ? Enumerable.Range(0, Last).All(store.IsDone) : item == 0 || task.Options.Limit is null || store.IsDone(item - 1);

    /// <inheritdoc/>
    public async Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(claim);
        OutputDirectory output = DiskDirectory.Join(task.Options.Output, plan.Corpus, claim.PrivateSuffix);
        OutputDirectory? rejected = task.Options.Rejected is { } other ? DiskDirectory.Join(other, plan.Corpus, claim.PrivateSuffix) : null;
        if (claim.Index == Last) return Complete(output, rejected, claim.PrivateSuffix);
        ShardFiles files = await plan.Of(claim.Index, task.Selection, output, rejected, new ExportMeter(0, null), Left(claim.Index, rejected is not null)).RunAsync(stop).ConfigureAwait(false);
        return new WorkOutcome(files.Kept.Sum(file => file.Records), 0, JsonSerializer.SerializeToElement(files, RunManifest.Json));
    }

    private ExportQuota Left(int item, bool rejects)
    {
        long most = task.Options.Limit ?? long.MaxValue;
        ExportQuota left = new(most, rejects ? most : 0);
        return task.Options.Limit is null ? left : Enumerable.Range(0, item).Aggregate(left, (quota, earlier) => quota.Less(ExportWork.FilesOf(store, earlier)));
    }

    private WorkOutcome Complete(OutputDirectory output, OutputDirectory? rejected, string suffix)
    {
        ExportReport report = ExportWork.ReportOf(store);
        output.Complete(report.Kept, task.Options.Manifest);
        rejected?.Complete(report.Rejected, task.Options.Manifest);
        if (task.Report is { } path) AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(report, RunManifest.Json), null, suffix);
        return new WorkOutcome(report.KeptRecords);
    }
}
