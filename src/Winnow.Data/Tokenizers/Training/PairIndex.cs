namespace Winnow.Data.Tokenizers;

/// <summary>How often each pair of neighbouring symbols stands in the corpus, and in which words it may be found.</summary>
internal sealed class PairIndex
{
    private ulong[] _keys = new ulong[1 << 16];
    private long[] _counts = new long[1 << 16];
    private int[] _heads = new int[1 << 16];
    private (int Word, int Next)[] _nodes = new (int, int)[1 << 20];
    private int _nodesUsed = 1;
    private int _pairs;

    public static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    public long CountOf(ulong pair)
    {
        int slot = SlotOf(pair);
        return _keys[slot] == ~pair ? _counts[slot] : 0;
    }

    /// <summary>Adds to a pair's count, and remembers where it stands when <paramref name="change"/> is positive.</summary>
    public void Add(ulong pair, long change, int word)
    {
        int slot = SlotOf(pair);
        if (_keys[slot] == 0)
        {
            if (change <= 0) return;
            if (_pairs > _keys.Length / 2)
            {
                Widen();
                slot = SlotOf(pair);
            }

            _keys[slot] = ~pair;
            _pairs++;
        }

        _counts[slot] += change;
        if (change <= 0 || (_heads[slot] != 0 && _nodes[_heads[slot]].Word == word)) return;
        if (_nodesUsed == _nodes.Length) Array.Resize(ref _nodes, _nodes.Length * 2);
        _nodes[_nodesUsed] = (word, _heads[slot]);
        _heads[slot] = _nodesUsed++;
    }

    /// <summary>Forgets a pair and gives the words it was seen in; some may hold it no longer.</summary>
    public void Take(ulong pair, List<int> words)
    {
        words.Clear();
        int slot = SlotOf(pair);
        if (_keys[slot] != ~pair) return;
        for (int node = _heads[slot]; node != 0; node = _nodes[node].Next) words.Add(_nodes[node].Word);
        (_counts[slot], _heads[slot]) = (0, 0);
    }

    /// <summary>All pairs with their counts.</summary>
    public IEnumerable<(ulong Pair, long Count)> All()
    {
        for (int i = 0; i < _keys.Length; i++)
        {
            if (_keys[i] != 0) yield return (~_keys[i], _counts[i]);
        }
    }

    /// <summary>Where a pair is or would be; a key is stored inverted, so that 0 is free.</summary>
    private int SlotOf(ulong pair)
    {
        int mask = _keys.Length - 1;
        int slot = (int)((pair * 0x9E3779B97F4A7C15UL) >> 32) & mask;
        while (_keys[slot] != 0 && _keys[slot] != ~pair) slot = (slot + 1) & mask;
        return slot;
    }

    private void Widen()
    {
        (ulong[] keys, long[] counts, int[] heads) = (_keys, _counts, _heads);
        (_keys, _counts, _heads) = (new ulong[keys.Length * 2], new long[keys.Length * 2], new int[keys.Length * 2]);
        for (int i = 0; i < keys.Length; i++)
        {
            if (keys[i] == 0) continue;
            int slot = SlotOf(~keys[i]);
            (_keys[slot], _counts[slot], _heads[slot]) = (keys[i], counts[i], heads[i]);
        }
    }
}

/// <summary>Pairs by count, highest first; of equal counts the lowest ids first. An entry's count may be out of date.</summary>
internal sealed class PairQueue
{
    private (long Count, ulong Pair)[] _heap = new (long, ulong)[1 << 12];
    private int _count;

    public void Add(long count, ulong pair)
    {
        if (_count == _heap.Length) Array.Resize(ref _heap, _count * 2);
        int hole = _count++;
        while (hole > 0 && IsBefore((count, pair), _heap[(hole - 1) / 2]))
        {
            _heap[hole] = _heap[(hole - 1) / 2];
            hole = (hole - 1) / 2;
        }

        _heap[hole] = (count, pair);
    }

    public bool TryTake(out long count, out ulong pair)
    {
        (count, pair) = _count > 0 ? _heap[0] : default;
        if (_count == 0) return false;
        (long Count, ulong Pair) last = _heap[--_count];
        int hole = 0;
        while (true)
        {
            int child = (2 * hole) + 1;
            if (child >= _count) break;
            if (child + 1 < _count && IsBefore(_heap[child + 1], _heap[child])) child++;
            if (!IsBefore(_heap[child], last)) break;
            _heap[hole] = _heap[child];
            hole = child;
        }

        _heap[hole] = last;
        return true;
    }

    private static bool IsBefore((long Count, ulong Pair) a, (long Count, ulong Pair) b) =>
        a.Count > b.Count || (a.Count == b.Count && a.Pair < b.Pair);
}
