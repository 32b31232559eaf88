using System.Numerics;

namespace Winnow.Data.Tokenizers;

/// <summary>Merges the symbols of a word: always the pair of the lowest rank, the leftmost of equals.</summary>
internal static class WordMerger
{
    /// <summary>Longer words go through a heap, so that no word takes quadratic time.</summary>
    private const int Short = 48;

    /// <summary>Merges <see cref="WordScratch.Ids"/> and <see cref="WordScratch.Lengths"/> in place.</summary>
    public static void Merge(MergeTable merges, WordScratch word)
    {
        if (word.Count < 2) return;
        if (word.Count <= Short) MergeShort(merges, word);
        else MergeLong(merges, word);
    }

    private static void MergeShort(MergeTable merges, WordScratch word)
    {
        int count = word.Count;
        Span<int> ids = word.Ids.AsSpan(0, count);
        Span<int> lengths = word.Lengths.AsSpan(0, count);
        Span<ulong> pairs = word.Pairs.AsSpan(0, count);
        for (int i = 0; i < count - 1; i++) pairs[i] = merges.Find(ids[i], ids[i + 1]);
        while (count > 1)
        {
            int best = 0;
            ulong lowest = pairs[0];
            for (int i = 1; i < count - 1; i++)
            {
                if (pairs[i] >= lowest) continue;
                lowest = pairs[i];
                best = i;
            }

            if (lowest == MergeTable.None) break;
            ids[best] = (int)(uint)lowest;
            count--;
            ids[(best + 2)..(count + 1)].CopyTo(ids[(best + 1)..]);
            if (word.Irregular)
            {
                lengths[best] += lengths[best + 1];
                lengths[(best + 2)..(count + 1)].CopyTo(lengths[(best + 1)..]);
            }

            if (best + 1 < count) pairs[(best + 2)..count].CopyTo(pairs[(best + 1)..]);
            if (best + 1 < count) pairs[best] = merges.Find(ids[best], ids[best + 1]);
            if (best > 0) pairs[best - 1] = merges.Find(ids[best - 1], ids[best]);
        }

        word.Count = count;
    }

    private static void MergeLong(MergeTable merges, WordScratch word)
    {
        int count = word.Count;
        if (word.Next.Length < count)
        {
            int size = word.Ids.Length;
            (word.Next, word.Previous, word.Heap) = (new int[size], new int[size], new ulong[size]);
        }

        int[] ids = word.Ids, next = word.Next, previous = word.Previous;
        var heap = new PairHeap(word.Heap);
        for (int i = 0; i < count; i++)
        {
            (next[i], previous[i]) = (i + 1, i - 1);
            word.Pairs[i] = i + 1 < count ? merges.Find(ids[i], ids[i + 1]) : MergeTable.None;
            if (word.Pairs[i] != MergeTable.None) heap.Append(word.Pairs[i], i);
        }

        heap.Order();
        while (heap.TryTake(out uint rank, out int at))
        {
            // A pair that has changed since it was put there shows another rank, or none.
            ulong pair = word.Pairs[at];
            if (pair == MergeTable.None || (uint)(pair >> 32) != rank) continue;
            int right = next[at];
            ids[at] = (int)(uint)pair;
            word.Lengths[at] += word.Lengths[right];
            word.Pairs[right] = MergeTable.None;
            next[at] = next[right];
            if (next[at] < count) previous[next[at]] = at;
            word.Pairs[at] = next[at] < count ? merges.Find(ids[at], ids[next[at]]) : MergeTable.None;
            if (word.Pairs[at] != MergeTable.None) heap.Add(word.Pairs[at], at);
            int left = previous[at];
            if (left < 0) continue;
            word.Pairs[left] = merges.Find(ids[left], ids[at]);
            if (word.Pairs[left] != MergeTable.None) heap.Add(word.Pairs[left], left);
        }

        word.Heap = heap.Memory;
        int kept = 0;
        for (int i = 0; i < count; i = next[i])
        {
            ids[kept] = ids[i];
            word.Lengths[kept++] = word.Lengths[i];
        }

        word.Count = kept;
    }

    /// <summary>A binary heap of (rank, position), lowest first.</summary>
    private ref struct PairHeap(ulong[] memory)
    {
        private int _count;

        public ulong[] Memory { get; private set; } = memory;

        /// <summary>Adds without ordering: <see cref="Order"/> follows.</summary>
        public void Append(ulong pair, int at)
        {
            if (_count == Memory.Length) Grow();
            Memory[_count++] = Entry(pair, at);
        }

        public readonly void Order()
        {
            for (int i = (_count / 2) - 1; i >= 0; i--) Sink(i, Memory[i]);
        }

        public void Add(ulong pair, int at)
        {
            if (_count == Memory.Length) Grow();
            ulong entry = Entry(pair, at);
            int hole = _count++;
            while (hole > 0 && Memory[(hole - 1) / 2] > entry)
            {
                Memory[hole] = Memory[(hole - 1) / 2];
                hole = (hole - 1) / 2;
            }

            Memory[hole] = entry;
        }

        public bool TryTake(out uint rank, out int at)
        {
            if (_count == 0)
            {
                (rank, at) = (0, 0);
                return false;
            }

            ulong entry = Memory[0];
            (rank, at) = ((uint)(entry >> 32), (int)(uint)entry);
            ulong last = Memory[--_count];
            if (_count > 0) Sink(0, last);
            return true;
        }

        private static ulong Entry(ulong pair, int at) => (pair & 0xFFFFFFFF00000000) | (uint)at;

        private readonly void Sink(int hole, ulong entry)
        {
            while (true)
            {
                int child = (2 * hole) + 1;
                if (child >= _count) break;
                if (child + 1 < _count && Memory[child + 1] < Memory[child]) child++;
                if (Memory[child] >= entry) break;
                Memory[hole] = Memory[child];
                hole = child;
            }

            Memory[hole] = entry;
        }

        private void Grow()
        {
            ulong[] larger = new ulong[(int)BitOperations.RoundUpToPowerOf2((uint)Memory.Length + 64)];
            Memory.CopyTo(larger, 0);
            Memory = larger;
        }
    }
}
