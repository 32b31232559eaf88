
namespace Winnow.Data.Tokenizers;

/// <summary>How often each word was seen: open addressing over one growing block of bytes.</summary>
internal sealed class WordCounter
{
    private ulong[] _hashes = new ulong[1 << 14];
    private int[] _words = new int[1 << 14];
    private byte[] _bytes = new byte[1 << 17];
    private (int Start, int Length, long Count)[] _entries = new (int, int, long)[1 << 12];
    private int _bytesUsed;

    /// <summary>Different words.</summary>
    public int Count { get; private set; }

    /// <summary>The bytes of a word, by order of first sight.</summary>
    public ReadOnlySpan<byte> WordAt(int index) => _bytes.AsSpan(_entries[index].Start, _entries[index].Length);

    public long CountAt(int index) => _entries[index].Count;

    /// <summary>Counts every word of a text.</summary>
    /// <param name="text">Valid UTF-8.</param>
    /// <param name="splitter">Says what a word is.</param>
    /// <param name="ends">Scratch of any size.</param>
    public void AddText(ReadOnlySpan<byte> text, Splitter splitter, Span<int> ends)
    {
        int start = 0;
        while (start < text.Length)
        {
            int count = splitter.Split(text, start, ends);
            foreach (int end in ends[..count])
            {
                Add(text[start..end], 1);
                start = end;
            }
        }
    }

    public void Add(ReadOnlySpan<byte> word, long times)
    {
        ulong hash = WordHash.Of(word);
        int mask = _hashes.Length - 1;
        int slot = (int)(hash >> 20) & mask;
        while (_hashes[slot] != 0)
        {
            if (_hashes[slot] == hash && WordAt(_words[slot]).SequenceEqual(word))
            {
                _entries[_words[slot]].Count += times;
                return;
            }

            slot = (slot + 1) & mask;
        }

        (_hashes[slot], _words[slot]) = (hash, Append(word, times));
        if (Count > _hashes.Length / 2) Widen();
    }

    /// <summary>Adds what another counter counted.</summary>
    public void Add(WordCounter other)
    {
        for (int i = 0; i < other.Count; i++) Add(other.WordAt(i), other.CountAt(i));
    }

    private int Append(ReadOnlySpan<byte> word, long times)
    {
        if (Count == _entries.Length) Array.Resize(ref _entries, Count * 2);
        if (_bytesUsed + word.Length > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(_bytes.Length * 2L, _bytesUsed + (long)word.Length)));
        word.CopyTo(_bytes.AsSpan(_bytesUsed));
        _entries[Count] = (_bytesUsed, word.Length, times);
        _bytesUsed += word.Length;
        return Count++;
    }

    private void Widen()
    {
        var (hashes, words) = (new ulong[_hashes.Length * 2], new int[_hashes.Length * 2]);
        for (int i = 0; i < _hashes.Length; i++)
        {
            if (_hashes[i] == 0) continue;
            int slot = (int)(_hashes[i] >> 20) & (hashes.Length - 1);
            while (hashes[slot] != 0) slot = (slot + 1) & (hashes.Length - 1);
            (hashes[slot], words[slot]) = (_hashes[i], _words[i]);
        }

        (_hashes, _words) = (hashes, words);
    }
}
