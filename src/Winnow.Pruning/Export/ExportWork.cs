using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Storage;
using Winnow.Work;

namespace Winnow.Pruning.Export;

/// <summary>What a worker has to know to export.</summary>
/// <param name="Run">The run that was selected from.</param>
/// <param name="Selection">The selection's directory.</param>
/// <param name="Options">What, and where to.</param>
/// <param name="Report">Also gets the <see cref="ExportReport"/>; null writes it nowhere.</param>
internal sealed record ExportTask(string Run, string Selection, ExportOptions Options, string? Report);

/// <summary>An export as work for many processes: an item per input file, and last the list of what was written.</summary>
public static class ExportWork
{
    /// <summary>The stage's name.</summary>
    public const string Name = "export";

    /// <summary>The stage.</summary>
    public static WorkStep Step { get; } = new(Name, Computes: false);

    /// <summary>Describes the export, or goes on with the one that was described; the selection need not be there yet.</summary>
    /// <param name="place">The directory under whose <c>stages/</c> it is done.</param>
    /// <param name="run">The run that is selected from.</param>
    /// <param name="selection">The selection's directory.</param>
    /// <param name="options">What, and where to.</param>
    /// <param name="report">Also gets the <see cref="ExportReport"/>; null writes it nowhere.</param>
    /// <exception cref="CorpusException">The inputs are not those of the run, or the output directory is not empty.</exception>
    public static void Plan(string place, string run, string selection, ExportOptions options, string? report = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Shuffle is not null)
            throw new CorpusException("--shuffle", "the records of all files are put in order by one process", "leave `--tasks` and `--engine` out");
        if (new[] { options.Output, options.Rejected }.FirstOrDefault(path => path is not null && ObjectAddress.Is(path)) is { } prefix)
            throw new CorpusException(prefix, "several processes export to a directory that all of them see", "leave `--tasks` and `--engine` out to write to the store, or export to a shared directory and copy it");
        // Whether something may be overwritten is no part of what is written: the same export goes on either way.
        ExportTask task = new(Path.GetFullPath(run), Path.GetFullPath(selection), options with
        {
            Force = false,
            Output = Path.GetFullPath(options.Output),
            Rejected = options.Rejected is null ? null : Path.GetFullPath(options.Rejected),
            Tokenizer = options.Tokenizer is null ? null : Path.GetFullPath(options.Tokenizer),
        }, report is null ? null : Path.GetFullPath(report));
        JsonElement request = JsonSerializer.SerializeToElement(task, RunManifest.Json);
        if (Directory.Exists(task.Options.Output) && WorkStore.TryContinue(place, Name, request)) return;
        ExportPlan plan = ExportPlan.Open(task.Run, task.Options);
        DiskDirectory.Prepare(task.Options.Output, options.Force, plan.Corpus).Dispose();
        if (task.Options.Rejected is { } rejected) DiskDirectory.Prepare(rejected, options.Force, plan.Corpus).Dispose();
        IEnumerable<WorkItem> files = plan.Corpus.Shards.Select(shard => new WorkItem(shard.Index));
        WorkStore.Create(place, new WorkDescription(Name, Environment.CurrentDirectory, request, [.. files, new WorkItem(-1, Name: "list of files")]));
    }

    /// <summary>What a finished export wrote.</summary>
    public static ExportReport ReportOf(WorkStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        ShardFiles[] files = [.. Enumerable.Range(0, store.Items.Count - 1).Select(item => FilesOf(store, item))];
        return new ExportReport([.. files.SelectMany(file => file.Kept)], [.. files.SelectMany(file => file.Rejected)]);
    }

    /// <summary>What came of one input file.</summary>
    internal static ShardFiles FilesOf(WorkStore store, int item) => store.Outcome(item).Detail!.Value.Deserialize<ShardFiles>(RunManifest.Json)!;
}
