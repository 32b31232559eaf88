using System.Text;

namespace Winnow.Data.Parquet;

/// <summary>The types of Thrift's compact protocol.</summary>
internal enum ThriftType : byte
{
    Stop = 0,
    True = 1,
    False = 2,
    Byte = 3,
    Int16 = 4,
    Int32 = 5,
    Int64 = 6,
    Double = 7,
    Binary = 8,
    List = 9,
    Set = 10,
    Map = 11,
    Struct = 12,
}

/// <summary>Reads Thrift's compact protocol. Every size is checked against the bytes that are there.</summary>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes)
{
    private const int MaxDepth = 32;

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _lastField;

    /// <summary>Bytes read so far.</summary>
    internal int Position { get; private set; }

    /// <summary>Starts a struct; give the result back to <see cref="EndStruct"/>.</summary>
    internal int BeginStruct()
    {
        int outer = _lastField;
        _lastField = 0;
        return outer;
    }

    internal void EndStruct(int outer) => _lastField = outer;

    /// <summary>The next field of a struct; false at its end.</summary>
    internal bool NextField(out int field, out ThriftType type)
    {
        byte header = ReadByte();
        type = (ThriftType)(header & 15);
        field = 0;
        if (type == ThriftType.Stop) return false;
        int step = header >> 4;
        field = step != 0 ? _lastField + step : (short)ReadZigZag();
        _lastField = field;
        return true;
    }

    internal int Int32(ThriftType type)
    {
        Require(type is ThriftType.Int32 or ThriftType.Int16 or ThriftType.Byte);
        return type == ThriftType.Byte ? (sbyte)ReadByte() : checked((int)ReadZigZag());
    }

    internal long Int64(ThriftType type)
    {
        Require(type is ThriftType.Int64 or ThriftType.Int32);
        return ReadZigZag();
    }

    internal static bool Boolean(ThriftType type)
    {
        Require(type is ThriftType.True or ThriftType.False);
        return type == ThriftType.True;
    }

    internal ReadOnlySpan<byte> Binary(ThriftType type)
    {
        Require(type == ThriftType.Binary);
        return Take(checked((int)Math.Min(ReadVariable(), int.MaxValue)));
    }

    internal string String(ThriftType type) => Encoding.UTF8.GetString(Binary(type));

    /// <summary>The length of a list, whose elements follow.</summary>
    internal int BeginList(ThriftType type, out ThriftType element)
    {
        Require(type is ThriftType.List or ThriftType.Set);
        byte header = ReadByte();
        element = (ThriftType)(header & 15);
        ulong count = (ulong)(header >> 4);
        if (count == 15) count = ReadVariable();
        if (count > (ulong)(_bytes.Length - Position)) throw new EndOfThriftException();
        return (int)count;
    }

    /// <summary>Passes over a value.</summary>
    internal void Skip(ThriftType type, int depth = 0)
    {
        Require(depth < MaxDepth);
        switch (type)
        {
            case ThriftType.True or ThriftType.False: break;
            case ThriftType.Byte: ReadByte(); break;
            case ThriftType.Int16 or ThriftType.Int32 or ThriftType.Int64: ReadVariable(); break;
            case ThriftType.Double: Take(8); break;
            case ThriftType.Binary: Binary(type); break;
            case ThriftType.List or ThriftType.Set:
                for (int left = BeginList(type, out ThriftType element); left > 0; left--) SkipElement(element, depth + 1);
                break;
            case ThriftType.Map: SkipMap(depth); break;
            case ThriftType.Struct:
                int outer = BeginStruct();
                while (NextField(out _, out ThriftType inner)) Skip(inner, depth + 1);
                EndStruct(outer);
                break;
            default: throw new DamageException("unknown type in the metadata");
        }
    }

    private void SkipMap(int depth)
    {
        ulong count = ReadVariable();
        if (count == 0) return;
        if (count > (ulong)(_bytes.Length - Position)) throw new EndOfThriftException();
        byte types = ReadByte();
        for (ulong left = count; left > 0; left--)
        {
            SkipElement((ThriftType)(types >> 4), depth + 1);
            SkipElement((ThriftType)(types & 15), depth + 1);
        }
    }

    /// <summary>Truth values take a byte in a list, and none in a struct.</summary>
    private void SkipElement(ThriftType type, int depth)
    {
        if (type is ThriftType.True or ThriftType.False) ReadByte();
        else Skip(type, depth);
    }

    private byte ReadByte()
    {
        if (Position >= _bytes.Length) throw new EndOfThriftException();
        return _bytes[Position++];
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - Position) throw new EndOfThriftException();
        ReadOnlySpan<byte> taken = _bytes.Slice(Position, count);
        Position += count;
        return taken;
    }

    private ulong ReadVariable()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte b = ReadByte();
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw new DamageException("a number in the metadata does not end");
    }

    private long ReadZigZag()
    {
        ulong value = ReadVariable();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    private static void Require(bool expected)
    {
        if (!expected) throw new DamageException("the metadata has a field of another type than expected");
    }
}

/// <summary>The bytes end inside a structure: more may have to be read.</summary>
internal sealed class EndOfThriftException() : Exception("the metadata ends too early");
