using System.Globalization;
using System.Text.Json;
using Winnow.Work;

namespace Winnow.Pruning.Selection;

/// <summary>
/// Passes that any number of processes do together. A pass is a stage of its own: an item per shard, whose findings become a file, and
/// one more that adds the files up. Every process goes through the same passes, helps where something is open, and reads the sum, so
/// what one decides all decide; one that comes late finds passes done.
/// </summary>
/// <param name="source">The score table.</param>
/// <param name="run">The directory under which the work is done.</param>
/// <param name="name">Begins the names of the passes' stages.</param>
/// <param name="open">Reads chunks.</param>
/// <param name="threads">Readers at work in this process.</param>
/// <param name="options">How this process works.</param>
/// <param name="stop">Ends the work in a state that can be resumed.</param>
internal sealed class SharedScan(
    IScoreSource source, string run, string name, Func<RankedChunk> open, int threads, WorkerOptions options, CancellationToken stop) : IScan
{
    private int _passes;

    /// <inheritdoc/>
    /// <exception cref="PassEndedException">The pass did not come to its end here.</exception>
    public TFindings Run<TFindings>(string pass, Func<TFindings> begin, Action<TFindings, RankedChunk> visit) where TFindings : IFindings<TFindings>
    {
        string stage = string.Create(CultureInfo.InvariantCulture, $"{name}-{++_passes}-{pass}");
        WorkItem[] items = [.. Enumerable.Range(0, source.Shards.Count).Select(shard => new WorkItem(shard)), new WorkItem(-1, Name: "sum")];
        WorkStore store = WorkStore.Join(run, new WorkDescription(stage, Environment.CurrentDirectory, JsonSerializer.SerializeToElement(new { }), items));
        PassStage<TFindings> work = new(store, shard => Scan(shard, pass, begin, visit), begin);
        WorkerEnd end = Worker.RunAsync(store, work, options, stop).GetAwaiter().GetResult();
        return end == WorkerEnd.Done ? work.ReadSum() : throw new PassEndedException(end, store);
    }

    private Func<WorkClaim, CancellationToken, TFindings> Scan<TFindings>(int shard, string pass, Func<TFindings> begin, Action<TFindings, RankedChunk> visit)
        where TFindings : IFindings<TFindings> =>
        (claim, cancel) => new ChunkScan(source, [shard], threads, open, new Share(claim), cancel).Run(pass, begin, visit);

    private sealed class Share(WorkClaim claim) : IProgress<SelectionProgress>
    {
        public void Report(SelectionProgress value) => claim.Report(value.Rows, 0, value.Rows / (double)Math.Max(1, value.TotalRows));
    }

    /// <summary>Finds, writes, adds up.</summary>
    private sealed class PassStage<TFindings>(WorkStore store, Func<int, Func<WorkClaim, CancellationToken, TFindings>> scan, Func<TFindings> begin) : IWorkStage
        where TFindings : IFindings<TFindings>
    {
        private readonly int _sum = store.Items.Count - 1;

        public bool IsReady(int item, WorkStore pass) => item < _sum || pass.Scan().Done.Count >= _sum;

        public Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop)
        {
            TFindings findings = claim.Index < _sum ? scan(claim.Item.Shard)(claim, stop) : Add(Enumerable.Range(0, _sum));
            Directory.CreateDirectory(Path.GetDirectoryName(PathOf(0))!);
            string path = PathOf(claim.Index), beside = path + claim.PrivateSuffix;
            using (BinaryWriter writer = new(File.Create(beside))) findings.Write(writer);
            File.Move(beside, path, overwrite: true);
            return Task.FromResult(new WorkOutcome());
        }

        public TFindings ReadSum() => Add([_sum]);

        private TFindings Add(IEnumerable<int> items)
        {
            TFindings total = begin();
            foreach (int item in items)
            {
                using BinaryReader reader = new(File.OpenRead(PathOf(item)));
                total.AddFrom(reader);
            }

            return total;
        }

        private string PathOf(int item) => Path.Combine(store.Directory, "found", item.ToString(CultureInfo.InvariantCulture));
    }
}

/// <summary>A pass that several processes do together ended before its end: stopped, cancelled, or an item failed.</summary>
internal sealed class PassEndedException(WorkerEnd end, WorkStore store) : Exception($"`{store.Description.Stage}` ended: {end}")
{
    /// <summary>How.</summary>
    public WorkerEnd End => end;
}
