using System.Numerics;

namespace Winnow.Data.Tokenizers;

/// <summary>The most probable way to write a word as tokens, by their log-probabilities.</summary>
internal sealed class UnigramModel : SubwordModel
{
    /// <summary>How much less probable an unknown character is than the least probable token.</summary>
    private const double UnknownPenalty = 10;

    private readonly ByteTrie _trie;
    private readonly double[] _scores;
    private readonly int[] _lengths;
    private readonly int _unknownId;
    private readonly int[] _byteFallback;
    private readonly double _unknownScore;

    /// <param name="tokens">For each id its text and log-probability.</param>
    /// <param name="unknownId">Stands for characters without a token; −1 where there is none.</param>
    /// <param name="byteFallback">Ids of `&lt;0x00&gt;` to `&lt;0xFF&gt;`; empty without byte fallback.</param>
    public UnigramModel(IReadOnlyList<(byte[] Text, double Score)> tokens, int unknownId, int[] byteFallback)
    {
        _trie = new ByteTrie([.. tokens.Select(t => t.Text)]);
        _scores = [.. tokens.Select(t => t.Score)];
        _lengths = [.. tokens.Select(t => t.Text.Length)];
        _unknownId = unknownId;
        _byteFallback = byteFallback;
        _unknownScore = (tokens.Count == 0 ? 0 : tokens.Min(t => t.Score)) - UnknownPenalty;
        foreach (int id in byteFallback) _lengths[id] = 1;
        if (unknownId >= 0) _lengths[unknownId] = -1;
    }

    public override int FusedId => _unknownId;

    public override int LengthOf(int id) => _lengths[id];

    /// <summary>The best path may use any token: a piece is encoded as a whole.</summary>
    public override int EndOfIsland(ReadOnlySpan<byte> piece, int start) => piece.Length;

    public override bool IsExceptional(ReadOnlySpan<byte> word) => false;

    public override void Encode(ReadOnlySpan<byte> word, bool whole, WordScratch scratch)
    {
        int size = word.Length;
        scratch.Start(size + 1);
        if (scratch.Scores.Length < size + 1)
        {
            int room = scratch.Ids.Length;
            (scratch.Scores, scratch.Next, scratch.Previous) = (new double[room], new int[room], new int[room]);
        }

        FindBestPath(word, scratch.Scores, scratch.Previous, scratch.Next);
        Trace(word, scratch);
    }

    /// <summary>For each position the best score of a path that ends there, where its last token starts, and that token.</summary>
    private void FindBestPath(ReadOnlySpan<byte> word, double[] scores, int[] starts, int[] tokens)
    {
        starts.AsSpan(0, word.Length + 1).Fill(-1);
        scores[0] = 0;
        for (int start = 0; start < word.Length;)
        {
            int length = Utf8.LengthOf(word[start]);
            bool hasCharacter = false;
            int node = 0;
            for (int end = start; end < word.Length && _trie.TryStep(ref node, word[end]);)
            {
                end++;
                int id = _trie.IdAt(node);
                if (id < 0) continue;
                Offer(start, end, id, scores[start] + _scores[id], scores, starts, tokens);
                hasCharacter |= end - start == length;
            }

            if (!hasCharacter) Offer(start, start + length, _unknownId, scores[start] + _unknownScore, scores, starts, tokens);
            start += length;
        }
    }

    private static void Offer(int start, int end, int id, double score, double[] scores, int[] starts, int[] tokens)
    {
        if (starts[end] >= 0 && score <= scores[end]) return;
        (scores[end], starts[end], tokens[end]) = (score, start, id);
    }

    private void Trace(ReadOnlySpan<byte> word, WordScratch scratch)
    {
        for (int end = word.Length; end > 0; end = scratch.Previous[end])
        {
            int id = scratch.Next[end];
            int length = end - scratch.Previous[end];
            if (id == _unknownId && _byteFallback.Length > 0)
            {
                for (int i = end - 1; i >= end - length; i--) scratch.Add(_byteFallback[word[i]], 1);
                continue;
            }

            scratch.Irregular |= id == _unknownId;
            if (id == _unknownId && scratch.Count > 0 && scratch.Ids[scratch.Count - 1] == id) scratch.Lengths[scratch.Count - 1] += length;
            else scratch.Add(id, length);
        }

        scratch.Ids.AsSpan(0, scratch.Count).Reverse();
        scratch.Lengths.AsSpan(0, scratch.Count).Reverse();
    }
}

/// <summary>Finds which tokens start a text, byte by byte.</summary>
internal sealed class ByteTrie
{
    private readonly ulong[] _slots;
    private readonly int[] _ids;
    private readonly int _shift;

    /// <param name="texts">By id; of equal ones the last counts.</param>
    public ByteTrie(IReadOnlyList<byte[]> texts)
    {
        long nodes = 1 + texts.Sum(t => (long)t.Length);
        int bits = Math.Max(4, BitOperations.Log2((ulong)nodes) + 1);
        _shift = 64 - bits;
        _slots = new ulong[1 << bits];
        var ids = new List<int> { -1 };
        for (int id = 0; id < texts.Count; id++)
        {
            int node = 0;
            foreach (byte b in texts[id])
            {
                int slot = SlotOf(node, b);
                if (_slots[slot] == 0)
                {
                    _slots[slot] = Entry(node, b) | (uint)ids.Count;
                    ids.Add(-1);
                }

                node = (int)(_slots[slot] & 0xFFFFFFF);
            }

            if (node > 0) ids[node] = id;
        }

        _ids = [.. ids];
    }

    public int IdAt(int node) => _ids[node];

    /// <summary>Follows a byte from a node (0 is the root); false where no token goes on with it.</summary>
    public bool TryStep(ref int node, byte next)
    {
        ulong found = _slots[SlotOf(node, next)];
        node = (int)(found & 0xFFFFFFF);
        return found != 0;
    }

    /// <summary>Node (28 bits) and byte (8 bits) above the child (28 bits).</summary>
    private static ulong Entry(int node, byte next) => ((ulong)(uint)node << 36) | ((ulong)next << 28);

    private int SlotOf(int node, byte next)
    {
        ulong entry = Entry(node, next);
        int slot = (int)((entry * 0x9E3779B97F4A7C15UL) >> _shift);
        while (_slots[slot] != 0 && (_slots[slot] & ~0xFFFFFFFUL) != entry) slot = (slot + 1) & (_slots.Length - 1);
        return slot;
    }
}
