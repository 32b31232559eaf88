using System.Text;

namespace Winnow.Data.Parquet;

/// <summary>Writes Thrift's compact protocol.</summary>
internal sealed class ThriftWriter
{
    private readonly List<byte> _bytes = [];
    private readonly Stack<int> _outer = new();
    private int _lastField;

    internal byte[] ToArray() => [.. _bytes];

    internal void BeginStruct()
    {
        _outer.Push(_lastField);
        _lastField = 0;
    }

    internal void EndStruct()
    {
        _bytes.Add(0);
        _lastField = _outer.Pop();
    }

    internal void BeginStruct(int field)
    {
        Field(field, ThriftType.Struct);
        BeginStruct();
    }

    internal void Int32(int field, int value)
    {
        Field(field, ThriftType.Int32);
        ZigZag(value);
    }

    internal void Int16(int field, short value)
    {
        Field(field, ThriftType.Int16);
        ZigZag(value);
    }

    internal void Int64(int field, long value)
    {
        Field(field, ThriftType.Int64);
        ZigZag(value);
    }

    internal void Boolean(int field, bool value) => Field(field, value ? ThriftType.True : ThriftType.False);

    internal void Binary(int field, ReadOnlySpan<byte> value)
    {
        Field(field, ThriftType.Binary);
        Binary(value);
    }

    internal void String(int field, string value) => Binary(field, Encoding.UTF8.GetBytes(value));

    internal void BeginList(int field, ThriftType element, int count)
    {
        Field(field, ThriftType.List);
        if (count < 15)
        {
            _bytes.Add((byte)((count << 4) | (int)element));
        }
        else
        {
            _bytes.Add((byte)(0xF0 | (int)element));
            Variable((ulong)count);
        }
    }

    internal void Element(int value) => ZigZag(value);

    internal void Element(string value) => Binary(Encoding.UTF8.GetBytes(value));

    /// <summary>A struct that is already encoded.</summary>
    internal void Raw(ReadOnlySpan<byte> encoded) => _bytes.AddRange(encoded);

    private void Field(int field, ThriftType type)
    {
        int step = field - _lastField;
        _lastField = field;
        if (step is > 0 and < 16)
        {
            _bytes.Add((byte)((step << 4) | (int)type));
            return;
        }
        _bytes.Add((byte)type);
        ZigZag(field);
    }

    private void Binary(ReadOnlySpan<byte> value)
    {
        Variable((ulong)value.Length);
        _bytes.AddRange(value);
    }

    private void ZigZag(long value) => Variable((ulong)((value << 1) ^ (value >> 63)));

    private void Variable(ulong value)
    {
        while (value >= 0x80)
        {
            _bytes.Add((byte)(value | 0x80));
            value >>= 7;
        }
        _bytes.Add((byte)value);
    }
}
