using System.Runtime.InteropServices;

namespace Winnow.Data.Parquet;

/// <summary>Walks over the values of one column of one row group; decodes page after page. One thread at a time.</summary>
public sealed class ParquetCursor : IDisposable
{
    private readonly PageReader _pages;
    private readonly ParquetLeaf _leaf;
    private readonly string _place;
    private int _entry = -1;       // in the page, nulls counted
    private int _value = -1;       // in the page, nulls not counted
    private bool _ended;

    internal ParquetCursor(ParquetSource source, ParquetLeaf leaf, ParquetChunk chunk, string place)
    {
        _leaf = leaf;
        _pages = new PageReader(source, leaf, chunk);
        _place = place;
    }

    /// <summary>Name and type.</summary>
    public ParquetColumn Column => _leaf.Column;

    /// <summary>True when the value is absent.</summary>
    public bool IsNull { get; private set; }

    /// <summary>The value of an <see cref="ParquetType.Int32"/> column.</summary>
    public int Int32 => MemoryMarshal.Read<int>(Typed(ParquetType.Int32, ParquetType.Int32));

    /// <summary>The value of an <see cref="ParquetType.Int64"/> or Int32 column.</summary>
    public long Int64 => Typed(ParquetType.Int64, ParquetType.Int32) is { Length: 8 } wide ? MemoryMarshal.Read<long>(wide) : Int32;

    /// <summary>The value of a <see cref="ParquetType.Double"/> or Float column.</summary>
    public double Double => Typed(ParquetType.Double, ParquetType.Float) is { Length: 8 } wide
        ? MemoryMarshal.Read<double>(wide)
        : MemoryMarshal.Read<float>(Typed(ParquetType.Float, ParquetType.Float));

    /// <summary>The value of a <see cref="ParquetType.Boolean"/> column.</summary>
    public bool Boolean => Typed(ParquetType.Boolean, ParquetType.Boolean)[0] != 0;

    /// <summary>The value of a bytes column, or the bytes of any other; valid until the next move.</summary>
    public ReadOnlySpan<byte> Bytes => IsNull ? throw new InvalidOperationException("the value is null") : _pages.Values[_value];

    internal int Definition => _leaf.MaxDefinition == 0 ? 0 : _pages.Definitions[_entry];

    internal int Repetition => _leaf.MaxRepetition == 0 ? 0 : _pages.Repetitions[_entry];

    /// <summary>Moves to the next value; false at the end.</summary>
    public bool MoveNext()
    {
        if (++_entry >= _pages.Count && !NextPage()) return false;
        IsNull = _leaf.MaxDefinition > 0 && _pages.Definitions[_entry] < _leaf.MaxDefinition;
        if (!IsNull) _value++;
        return true;
    }

    /// <summary>Passes over values (of a column that is not repeated) without decoding pages that hold nothing else.</summary>
    public void Skip(long count)
    {
        while (count > 0)
        {
            if (_entry + 1 >= _pages.Count)
            {
                if (!NextPage(ref count)) return;
                _entry = _value = -1;
                if (count == 0) return;
            }
            MoveNext();
            count--;
        }
    }

    /// <summary>Frees the page.</summary>
    public void Dispose() => _pages.Dispose();

    /// <summary>What is left of the page when nothing of it was taken and nothing is null: its values, all of one width; moves past them.</summary>
    internal ReadOnlySpan<byte> TakePage(out int count)
    {
        count = 0;
        if (_entry + 1 >= _pages.Count)
        {
            if (!NextPage()) return default;
            _entry = -1;
        }
        if (_entry >= 0 || _pages.Values.Count != _pages.Count) return default;
        count = _pages.Count;
        _entry = count - 1;
        _value = count - 1;
        return _pages.Values.Fixed;
    }

    private bool NextPage()
    {
        long none = 0;
        return NextPage(ref none);
    }

    private bool NextPage(ref long pass)
    {
        if (_ended) return false;
        try
        {
            do
            {
                if (!_pages.Next(ref pass))
                {
                    _ended = true;
                    _entry = _pages.Count;
                    return false;
                }
            }
            while (_pages.Count == 0);
        }
        catch (Exception e) when (e is DamageException or EndOfThriftException or OverflowException or IndexOutOfRangeException or ArgumentException)
        {
            _ended = true;
            throw new CorpusException(_place, "corrupt: " + e.Message, "the file is damaged: copy or download it again", e);
        }
        _entry = 0;
        _value = -1;
        return true;
    }

    private ReadOnlySpan<byte> Typed(ParquetType type, ParquetType orNarrower)
    {
        if (Column.Type != type && Column.Type != orNarrower) throw new InvalidOperationException($"column `{Column.Path}` is {Column.Type}, not {type}");
        return Bytes;
    }
}
