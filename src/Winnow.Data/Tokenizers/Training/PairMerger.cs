namespace Winnow.Data.Tokenizers;

/// <summary>Learns merges from counted words: the most frequent pair first, until the vocabulary is full.</summary>
internal sealed class PairMerger
{
    private readonly PairIndex _pairs = new();
    private readonly PairQueue _queue = new();
    private readonly int[] _symbols;
    private readonly int[] _starts;
    private readonly int[] _lengths;
    private readonly long[] _counts;
    private readonly List<string> _tokens;
    private readonly Dictionary<string, int> _ids;
    private readonly List<ulong> _grown = [];

    /// <param name="words">What was counted.</param>
    /// <param name="tokens">Tokens so far, by id, in the byte alphabet; merged ones are appended.</param>
    /// <param name="byteIds">[256]: the id of each byte.</param>
    public PairMerger(WordCounter words, List<string> tokens, ReadOnlySpan<int> byteIds)
    {
        _tokens = tokens;
        _ids = tokens.Select((token, id) => KeyValuePair.Create(token, id)).ToDictionary(StringComparer.Ordinal);
        (_starts, _lengths, _counts) = (new int[words.Count], new int[words.Count], new long[words.Count]);
        int size = 0;
        for (int i = 0; i < words.Count; i++) size = checked(size + words.WordAt(i).Length);
        _symbols = new int[size];
        int at = 0;
        for (int i = 0; i < words.Count; i++)
        {
            ReadOnlySpan<byte> word = words.WordAt(i);
            (_starts[i], _lengths[i], _counts[i]) = (at, word.Length, words.CountAt(i));
            foreach (byte b in word) _symbols[at++] = byteIds[b];
            for (int s = _starts[i]; s + 1 < at; s++) _pairs.Add(PairIndex.Key(_symbols[s], _symbols[s + 1]), _counts[i], i);
        }

        foreach ((ulong pair, long count) in _pairs.All()) _queue.Add(count, pair);
    }

    /// <summary>In order of rank.</summary>
    public List<(string Left, string Right)> Merges { get; } = [];

    /// <summary>Learns the next merge.</summary>
    /// <param name="minimumCount">A pair seen fewer times is left alone.</param>
    /// <returns>False when no pair is left.</returns>
    public bool MergeNext(long minimumCount)
    {
        while (_queue.TryTake(out long count, out ulong pair))
        {
            long now = _pairs.CountOf(pair);
            if (now < Math.Max(1, minimumCount)) continue;
            if (now == count)
            {
                Merge(pair);
                return true;
            }

            _queue.Add(now, pair);
        }

        return false;
    }

    private void Merge(ulong pair)
    {
        int left = (int)(pair >> 32), right = (int)(uint)pair;
        Merges.Add((_tokens[left], _tokens[right]));
        string token = _tokens[left] + _tokens[right];
        if (!_ids.TryGetValue(token, out int merged))
        {
            merged = _tokens.Count;
            _tokens.Add(token);
            _ids[token] = merged;
        }

        var words = new List<int>();
        _pairs.Take(pair, words);
        _grown.Clear();
        foreach (int word in words) MergeIn(word, left, right, merged);
        _grown.Sort();
        ulong last = ulong.MaxValue;
        foreach (ulong grown in _grown)
        {
            if (grown != last) _queue.Add(_pairs.CountOf(grown), grown);
            last = grown;
        }
    }

    /// <summary>Merges a pair wherever it stands in a word, from the left, and moves the counts of the pairs around it.</summary>
    private void MergeIn(int word, int left, int right, int merged)
    {
        Span<int> symbols = _symbols.AsSpan(_starts[word], _lengths[word]);
        long count = _counts[word];
        int kept = 0;
        for (int i = 0; i < symbols.Length; i++)
        {
            if (symbols[i] != left || i + 1 == symbols.Length || symbols[i + 1] != right)
            {
                symbols[kept++] = symbols[i];
                continue;
            }

            if (kept > 0)
            {
                _pairs.Add(PairIndex.Key(symbols[kept - 1], left), -count, word);
                Grow(PairIndex.Key(symbols[kept - 1], merged), count, word);
            }

            if (i + 2 < symbols.Length)
            {
                _pairs.Add(PairIndex.Key(right, symbols[i + 2]), -count, word);
                Grow(PairIndex.Key(merged, symbols[i + 2]), count, word);
            }

            symbols[kept++] = merged;
            i++;
        }

        _lengths[word] = kept;
    }

    private void Grow(ulong pair, long count, int word)
    {
        _pairs.Add(pair, count, word);
        _grown.Add(pair);
    }
}
