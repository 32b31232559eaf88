using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Winnow.Data.Parquet;

/// <summary>A row group: rows that are stored together.</summary>
/// <param name="Index">Its place in the file.</param>
/// <param name="FirstRow">Index of its first row in the file.</param>
/// <param name="Rows">How many.</param>
/// <param name="Bytes">Uncompressed size of all its columns.</param>
public sealed record ParquetRowGroup(int Index, long FirstRow, long Rows, long Bytes);

/// <summary>
/// A Parquet file: its columns, row groups and metadata, and the values of one column of one row group at a time. Any number of
/// threads may read different columns or row groups.
/// </summary>
public sealed class ParquetReader : IDisposable
{
    private const int TailBytes = 8;
    private const int MaxFooterBytes = 1 << 30;

    private readonly ParquetSource _source;

    private ParquetReader(ParquetSource source, ParquetFooter footer)
    {
        _source = source;
        Footer = footer;
        Columns = [.. footer.Leaves.Select(leaf => leaf.Column)];
        List<ParquetRowGroup> groups = [];
        foreach (ParquetGroup group in footer.Groups)
        {
            groups.Add(new ParquetRowGroup(groups.Count, Rows, group.Rows, group.Bytes));
            Rows += group.Rows;
        }
        RowGroups = groups;
        Dictionary<string, string> metadata = [];
        foreach ((string key, string value) in footer.Metadata) metadata[key] = value;
        Metadata = metadata;
    }

    /// <summary>All leaf columns, in file order.</summary>
    public IReadOnlyList<ParquetColumn> Columns { get; }

    /// <summary>The row groups, in file order.</summary>
    public IReadOnlyList<ParquetRowGroup> RowGroups { get; }

    /// <summary>Rows in all.</summary>
    public long Rows { get; }

    /// <summary>Key-value metadata of the file.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    internal ParquetFooter Footer { get; }

    internal ParquetSource Source => _source;

    /// <summary>Reads the footer.</summary>
    /// <exception cref="CorpusException">The file is not Parquet, truncated, corrupt, encrypted, or lies about itself.</exception>
    public static ParquetReader Open(string path) => Open(new ParquetSource(path));

    /// <summary>Reads the footer of a seekable stream, which is disposed with the reader.</summary>
    public static ParquetReader Open(Stream stream, string name) => Open(new ParquetSource(stream, name));

    /// <summary>Index of a column, or −1.</summary>
    public int Find(string path)
    {
        for (int i = 0; i < Columns.Count; i++)
            if (Columns[i].Path == path)
                return i;
        return -1;
    }

    /// <summary>The values of a column of a row group, one after the other, with one page in memory.</summary>
    public ParquetCursor OpenColumn(int rowGroup, int column) => new(
        _source, Footer.Leaves[column], Footer.Groups[rowGroup].Chunks[column],
        string.Create(CultureInfo.InvariantCulture, $"{_source.Name}: row group {rowGroup}, column `{Columns[column].Path}`"));

    /// <summary>The values of an Int32 column without nulls.</summary>
    public int[] ReadInt32(int rowGroup, int column) => ReadFixed<int>(rowGroup, column, cursor => cursor.Int32);

    /// <summary>The values of an Int64 or Int32 column without nulls.</summary>
    public long[] ReadInt64(int rowGroup, int column) => ReadFixed<long>(rowGroup, column, cursor => cursor.Int64);

    /// <summary>The values of a Double or Float column; null is not a number.</summary>
    public double[] ReadDouble(int rowGroup, int column) => ReadFixed(rowGroup, column, cursor => cursor.IsNull ? double.NaN : cursor.Double);

    /// <summary>The values of a text column; equal neighbours share one string.</summary>
    public string?[] ReadString(int rowGroup, int column)
    {
        string?[] values = new string?[RowsOf(rowGroup)];
        using ParquetCursor cursor = OpenColumn(rowGroup, column);
        byte[] lastBytes = [];
        string last = "";
        for (int i = 0; i < values.Length; i++)
        {
            Require(cursor.MoveNext(), rowGroup, column);
            if (cursor.IsNull) continue;
            if (!cursor.Bytes.SequenceEqual(lastBytes))
            {
                lastBytes = cursor.Bytes.ToArray();
                last = Encoding.UTF8.GetString(lastBytes);
            }
            values[i] = last;
        }
        return values;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _source.Dispose();

    private T[] ReadFixed<T>(int rowGroup, int column, Func<ParquetCursor, T> value) where T : unmanaged
    {
        T[] values = new T[RowsOf(rowGroup)];
        using ParquetCursor cursor = OpenColumn(rowGroup, column);
        bool whole = Footer.Leaves[column].Width == Marshal.SizeOf<T>() && Footer.Leaves[column].MaxRepetition == 0;
        int done = 0;
        while (done < values.Length)
        {
            ReadOnlySpan<byte> page = whole ? cursor.TakePage(out int count) : Nothing(out count);
            if (count > 0)
            {
                MemoryMarshal.Cast<byte, T>(page)[..Math.Min(count, values.Length - done)].CopyTo(values.AsSpan(done));
                done += count;
                continue;
            }
            Require(cursor.MoveNext(), rowGroup, column);
            values[done++] = value(cursor);
        }
        return values;
    }

    private static ReadOnlySpan<byte> Nothing(out int count)
    {
        count = 0;
        return default;
    }

    private int RowsOf(int rowGroup) => checked((int)RowGroups[rowGroup].Rows);

    private void Require(bool there, int rowGroup, int column)
    {
        if (!there)
            throw new CorpusException(_source.Name, $"corrupt: row group {rowGroup} lacks values in column `{Columns[column].Path}`");
    }

    private static ParquetReader Open(ParquetSource source)
    {
        try
        {
            ParquetFooter footer = ReadFooter(source);
            RequireSense(source, footer);
            return new ParquetReader(source, footer);
        }
        catch (Exception e) when (e is DamageException or EndOfThriftException or OverflowException or IndexOutOfRangeException or ArgumentException)
        {
            source.Dispose();
            throw new CorpusException(source.Name, e is DamageException ? e.Message : "corrupt footer: " + e.Message, "the file is damaged: copy or download it again", e);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    private static ParquetFooter ReadFooter(ParquetSource source)
    {
        if (source.Length == 0) throw new DamageException("the file is empty; expected a Parquet file");
        if (source.Length < 4 + TailBytes) throw new DamageException("not a Parquet file: too short");
        Span<byte> tail = stackalloc byte[TailBytes];
        source.Read(0, tail[..4]);
        bool starts = tail[..4].SequenceEqual("PAR1"u8);
        source.Read(source.Length - TailBytes, tail);
        if (tail[4..].SequenceEqual("PARE"u8)) throw new DamageException("the file is encrypted, which Winnow does not read");
        if (!starts) throw new DamageException("not a Parquet file: it does not start with `PAR1`");
        if (!tail[4..].SequenceEqual("PAR1"u8)) throw new DamageException("the file does not end with `PAR1`: it is cut off, or was not written to its end");
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (length > source.Length - TailBytes - 4 || length > MaxFooterBytes) throw new DamageException($"corrupt: a footer of {length} bytes in a file of {source.Length}");
        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)length);
        source.Read(source.Length - TailBytes - length, bytes);
        return ParquetFooter.Read(bytes);
    }

    /// <summary>What the footer says must be possible in this file.</summary>
    private static void RequireSense(ParquetSource source, ParquetFooter footer)
    {
        long rows = 0;
        foreach (ParquetGroup group in footer.Groups)
        {
            if (group.Rows < 0) throw new DamageException("corrupt footer: a row group without its number of rows");
            rows = checked(rows + group.Rows);
            if (group.Chunks.Count != footer.Leaves.Count)
                throw new DamageException($"corrupt footer: a row group of {group.Chunks.Count} columns in a schema of {footer.Leaves.Count}");
            for (int i = 0; i < group.Chunks.Count; i++)
            {
                ParquetChunk chunk = group.Chunks[i];
                ParquetLeaf leaf = footer.Leaves[i];
                if (chunk.Type != leaf.Column.Type) throw new DamageException($"corrupt footer: column `{leaf.Column.Path}` has pages of another type");
                if (chunk.Start < 0 || chunk.CompressedBytes < 0 || chunk.Start > source.Length - chunk.CompressedBytes)
                    throw new DamageException($"corrupt footer: column `{leaf.Column.Path}` has pages beyond the end of the file");
                if (chunk.Values < 0 || (leaf.MaxRepetition == 0 && chunk.Values != group.Rows))
                    throw new DamageException($"corrupt footer: column `{leaf.Column.Path}` has {chunk.Values} values for {group.Rows} rows");
            }
        }
        if (footer.Rows >= 0 && rows != footer.Rows) throw new DamageException($"corrupt footer: {footer.Rows} rows, but row groups of {rows}");
    }
}
