using System.Runtime.InteropServices;
using System.Text;

namespace Winnow.Data.Parquet;

/// <summary>The values of one column of the row group that is being written.</summary>
public sealed class ParquetColumnBuffer
{
    private readonly List<byte> _bytes = [];

    internal ParquetColumnBuffer(ParquetLeaf leaf) => Leaf = leaf;

    /// <summary>Name and type.</summary>
    public ParquetColumn Column => Leaf.Column;

    internal ParquetLeaf Leaf { get; }

    /// <summary>Values, one after the other.</summary>
    internal ReadOnlySpan<byte> Bytes => CollectionsMarshal.AsSpan(_bytes);

    /// <summary>Where each value ends in <see cref="Bytes"/>; empty where all have one width.</summary>
    internal List<int> Ends { get; } = [];

    /// <summary>Definition level of each entry; empty where none is nullable.</summary>
    internal List<int> Definitions { get; } = [];

    /// <summary>Repetition level of each entry; empty where a row has one value.</summary>
    internal List<int> Repetitions { get; } = [];

    /// <summary>Values that are there.</summary>
    internal int ValueCount { get; private set; }

    /// <summary>Values and nulls.</summary>
    internal int EntryCount { get; private set; }

    /// <summary>Rows that these entries belong to.</summary>
    internal int RowCount { get; private set; }

    /// <summary>Memory that is taken.</summary>
    internal long Size => _bytes.Count + 4L * (Ends.Count + Definitions.Count + Repetitions.Count);

    /// <summary>Adds a value to an <see cref="ParquetType.Int32"/> column.</summary>
    public void Add(int value)
    {
        Require(ParquetType.Int32);
        Append(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)));
    }

    /// <summary>Adds a value to an <see cref="ParquetType.Int64"/> column.</summary>
    public void Add(long value)
    {
        Require(ParquetType.Int64);
        Append(MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value)));
    }

    /// <summary>Adds a value to a <see cref="ParquetType.Double"/> column; not a number stays that.</summary>
    public void Add(double value)
    {
        Require(ParquetType.Double);
        Append(MemoryMarshal.AsBytes(new ReadOnlySpan<double>(in value)));
    }

    /// <summary>Adds a value to a <see cref="ParquetType.Boolean"/> column.</summary>
    public void Add(bool value)
    {
        Require(ParquetType.Boolean);
        Append([value ? (byte)1 : (byte)0]);
    }

    /// <summary>Adds a value to a <see cref="ParquetType.Bytes"/> column.</summary>
    public void Add(ReadOnlySpan<byte> value)
    {
        Require(ParquetType.Bytes);
        Append(value);
    }

    /// <summary>Adds a value to a text column.</summary>
    public void Add(string value)
    {
        Require(ParquetType.Bytes);
        int most = Encoding.UTF8.GetMaxByteCount(value.Length);
        byte[]? large = most > 512 ? new byte[most] : null;
        Span<byte> bytes = large ?? stackalloc byte[512];
        Append(bytes[..Encoding.UTF8.GetBytes(value, bytes)]);
    }

    /// <summary>Adds an absent value to a nullable column.</summary>
    public void AddNull()
    {
        if (Leaf.MaxDefinition == 0) throw new InvalidOperationException($"column `{Column.Path}` is not nullable");
        Definitions.Add(0);
        EntryCount++;
        RowCount++;
    }

    /// <summary>Adds an entry of any column as another file has it.</summary>
    internal void AddEntry(int repetition, int definition, ReadOnlySpan<byte> value)
    {
        if (Leaf.MaxRepetition > 0) Repetitions.Add(repetition);
        if (definition == Leaf.MaxDefinition)
        {
            Append(value);
        }
        else
        {
            Definitions.Add(definition);
            EntryCount++;
            RowCount++;
        }
        if (repetition > 0) RowCount--;
    }

    internal void Clear()
    {
        _bytes.Clear();
        Ends.Clear();
        Definitions.Clear();
        Repetitions.Clear();
        ValueCount = EntryCount = RowCount = 0;
    }

    private void Append(ReadOnlySpan<byte> value)
    {
        if (_bytes.Count > int.MaxValue - value.Length) throw new InvalidOperationException($"column `{Column.Path}` has 2 GiB in one row group");
        _bytes.AddRange(value);
        if (Leaf.Width == 0) Ends.Add(_bytes.Count);
        if (Leaf.MaxDefinition > 0) Definitions.Add(Leaf.MaxDefinition);
        ValueCount++;
        EntryCount++;
        RowCount++;
    }

    private void Require(ParquetType type)
    {
        if (Column.Type != type) throw new InvalidOperationException($"column `{Column.Path}` is {Column.Type}, not {type}");
    }
}
