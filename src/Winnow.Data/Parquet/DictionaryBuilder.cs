using System.Runtime.InteropServices;

namespace Winnow.Data.Parquet;

/// <summary>The distinct values of a column and which of them each value is, as long as that saves anything.</summary>
internal sealed class DictionaryBuilder
{
    private const int MaxBytes = 1 << 20;
    private const int Probe = 1024;            // values after which half of them must have come before

    private int[] _slots = new int[4096];      // 1 + index of the distinct value; 0 is free
    private readonly List<int> _firsts = [];   // where each distinct value comes first

    /// <summary>Index of the distinct value, for each value.</summary>
    internal int[] Indices { get; private set; } = [];

    /// <summary>Index of the value that is each distinct value.</summary>
    internal ReadOnlySpan<int> Firsts => CollectionsMarshal.AsSpan(_firsts);

    /// <summary>False when a dictionary does not pay.</summary>
    internal bool TryBuild(ColumnPage values)
    {
        int count = values.Count;
        if (count < 8) return false;
        Indices = new int[count];
        long bytes = 0;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> value = values[i];
            int index = Find(values, value, i, out bool isNew);
            Indices[i] = index;
            if (isNew) bytes += value.Length + 4;
            bool useless = bytes > MaxBytes || (i >= Probe && _firsts.Count > (i + 1) / 2);
            if (useless) return false;
        }
        return _firsts.Count <= count / 2;
    }

    private int Find(ColumnPage values, ReadOnlySpan<byte> value, int at, out bool isNew)
    {
        int mask = _slots.Length - 1;
        isNew = false;
        for (int slot = (int)Hash(value) & mask; ; slot = (slot + 1) & mask)
        {
            int index = _slots[slot] - 1;
            if (index < 0)
            {
                isNew = true;
                _firsts.Add(at);
                _slots[slot] = _firsts.Count;
                if (_firsts.Count * 2 > _slots.Length) Grow(values);
                return _firsts.Count - 1;
            }
            if (values[_firsts[index]].SequenceEqual(value)) return index;
        }
    }

    private void Grow(ColumnPage values)
    {
        _slots = new int[_slots.Length * 2];
        int mask = _slots.Length - 1;
        for (int index = 0; index < _firsts.Count; index++)
        {
            int slot = (int)Hash(values[_firsts[index]]) & mask;
            while (_slots[slot] != 0) slot = (slot + 1) & mask;
            _slots[slot] = index + 1;
        }
    }

    private static uint Hash(ReadOnlySpan<byte> value)
    {
        ulong hash = (ulong)value.Length * 0x9E3779B97F4A7C15;
        while (value.Length >= 8)
        {
            hash = (hash ^ MemoryMarshal.Read<ulong>(value)) * 0xBF58476D1CE4E5B9;
            hash ^= hash >> 29;
            value = value[8..];
        }
        foreach (byte b in value) hash = (hash ^ b) * 0x100000001B3;
        return (uint)((hash ^ (hash >> 32)) * 0x94D049BB133111EB >> 16);
    }
}
