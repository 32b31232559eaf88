using System.Runtime.ExceptionServices;

namespace Winnow.Pruning.Selection;

/// <summary>Runs over all chunks of a score table, several threads taking the next one in turn.</summary>
internal sealed class ChunkScan(
    IScoreSource source, int threads, Func<RankedChunk> open, IProgress<SelectionProgress>? progress, CancellationToken cancel)
{
    private readonly List<Item> _items = Items(source);
    private readonly long _rows = source.Shards.Sum(shard => shard.Rows);

    private readonly record struct Item(int Shard, int Chunk, long FirstRow, int Rows);

    /// <summary>One pass; each thread has its own state, and all states come back.</summary>
    public TState[] Run<TState>(string pass, Func<int, TState> begin, Action<TState, RankedChunk> visit)
    {
        TState[] states = [.. Enumerable.Range(0, Math.Clamp(_items.Count, 1, threads)).Select(begin)];
        int next = -1;
        long done = 0;
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
                    visit(states[thread], chunk);
                    progress?.Report(new SelectionProgress(pass, Interlocked.Add(ref done, item.Rows), _rows));
                }
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref failure, error, null);
            }
        }

        Parallel.For(0, states.Length, new ParallelOptions { MaxDegreeOfParallelism = states.Length }, Work);
        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
        return states;
    }

    private static List<Item> Items(IScoreSource source)
    {
        List<Item> items = [];
        for (int shard = 0; shard < source.Shards.Count; shard++)
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
