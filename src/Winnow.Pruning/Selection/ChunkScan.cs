using System.Runtime.ExceptionServices;

namespace Winnow.Pruning.Selection;

/// <summary>Runs over all chunks of a score table, or of some of its shards, several threads taking the next one in turn.</summary>
internal sealed class ChunkScan(
    IScoreSource source, IEnumerable<int> shards, int threads, Func<RankedChunk> open, IProgress<SelectionProgress>? progress, CancellationToken cancel) : IScan
{
    private readonly List<Item> _items = Items(source, shards);

    private readonly record struct Item(int Shard, int Chunk, long FirstRow, int Rows);

    /// <inheritdoc/>
    public TFindings Run<TFindings>(string pass, Func<TFindings> begin, Action<TFindings, RankedChunk> visit) where TFindings : IFindings<TFindings>
    {
        TFindings[] found = [.. Enumerable.Range(0, Math.Clamp(_items.Count, 1, threads)).Select(_ => begin())];
        int next = -1;
        long done = 0, rows = _items.Sum(item => (long)item.Rows);
        Exception? failure = null;
        void Work(int thread)
        {
            try
            {
                using RankedChunk chunk = open();
                for (int i; (i = Interlocked.Increment(ref next)) < _items.Count && Volatile.Read(ref failure) is null;)
                {
                    cancel.ThrowIfCancellationRequested();
                    Item item = _items[i];
                    chunk.Load(item.Shard, item.Chunk, item.FirstRow, item.Rows);
                    visit(found[thread], chunk);
                    progress?.Report(new SelectionProgress(pass, Interlocked.Add(ref done, item.Rows), rows));
                }
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref failure, error, null);
            }
        }

        Parallel.For(0, found.Length, new ParallelOptions { MaxDegreeOfParallelism = found.Length }, Work);
        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
        foreach (TFindings other in found.Skip(1)) found[0].Add(other);
        return found[0];
    }

    private static List<Item> Items(IScoreSource source, IEnumerable<int> shards)
    {
        List<Item> items = [];
        foreach (int shard in shards)
        {
            long row = 0;
            IReadOnlyList<int> chunks = source.Shards[shard].ChunkRows;
            for (int chunk = 0; chunk < chunks.Count; chunk++)
            {
                items.Add(new Item(shard, chunk, row, chunks[chunk]));
                row += chunks[chunk];
            }
        }

        return items;
    }
}
