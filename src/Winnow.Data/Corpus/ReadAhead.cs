using System.Collections.Concurrent;

namespace Winnow.Data.Corpus;

/// <summary>Makes the parts of a sequence on several threads, and hands out their items in order.</summary>
internal static class ReadAhead
{
    // Small, so that a collection finds few of them alive: with 1 MB four threads held 290 MB, with this 140.
    private const int BatchItems = 256;
    private const long BatchBytes = 128 << 10;
    private const int WaitingBatches = 2;

    /// <summary>The items of all parts, one part after the other; of each part that is being made, a few batches are in memory.</summary>
    /// <param name="parts">Each is enumerated on a thread of its own; what it throws comes after its items.</param>
    /// <param name="threads">Parts that are made at once.</param>
    /// <param name="bytes">Size of an item.</param>
    internal static IEnumerable<T> InOrder<T>(IEnumerable<IEnumerable<T>> parts, int threads, Func<T, long> bytes)
    {
        using IEnumerator<IEnumerable<T>> rest = parts.GetEnumerator();
        Queue<Part<T>> ahead = new();
        try
        {
            while (true)
            {
                while (ahead.Count < threads && rest.MoveNext()) ahead.Enqueue(new Part<T>(rest.Current, bytes));
                if (!ahead.TryPeek(out Part<T>? part)) yield break;
                foreach (List<T> batch in part.Take())
                    foreach (T item in batch)
                        yield return item;
                ahead.Dequeue().Dispose();
            }
        }
        finally
        {
            foreach (Part<T> part in ahead) part.Dispose();
        }
    }

    private sealed class Part<T> : IDisposable
    {
        private readonly BlockingCollection<List<T>> _batches = new(WaitingBatches);
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _making;

        internal Part(IEnumerable<T> items, Func<T, long> bytes) => _making = Task.Factory.StartNew(
            () => Make(items, bytes), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        internal IEnumerable<List<T>> Take()
        {
            foreach (List<T> batch in _batches.GetConsumingEnumerable()) yield return batch;
            _making.GetAwaiter().GetResult();
        }

        public void Dispose()
        {
            _stop.Cancel();
            // What it threw was told when its turn came; before that nobody wants it any more.
            ((Task)_making.ContinueWith(static _ => { }, TaskScheduler.Default)).Wait();
            _batches.Dispose();
            _stop.Dispose();
        }

        private void Make(IEnumerable<T> items, Func<T, long> bytes)
        {
            List<T> batch = [];
            try
            {
                long size = 0;
                foreach (T item in items)
                {
                    batch.Add(item);
                    size += bytes(item);
                    if (batch.Count < BatchItems && size < BatchBytes) continue;
                    if (!Put(batch)) return;
                    (batch, size) = ([], 0);
                }
            }
            finally
            {
                Put(batch);
                _batches.CompleteAdding();
            }
        }

        /// <summary>Waits for a place; false when nobody takes anything any more.</summary>
        private bool Put(List<T> batch)
        {
            try
            {
                _batches.Add(batch, _stop.Token);
                return true;
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }
    }
}
