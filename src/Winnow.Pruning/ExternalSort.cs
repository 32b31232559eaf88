using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Winnow.Pruning;

/// <summary>
/// Sorts any number of records by a 128-bit key, and records of one key by their bytes, in bounded memory: full buffers are written to
/// the disk in order, and the files are merged. Records may be added by several threads; in which order does not matter.
/// </summary>
/// <param name="directory">Gets the files; made when the first is written, removed with the sort.</param>
/// <param name="memoryBytes">Buffer; a single record may be larger.</param>
internal sealed class ExternalSort(string directory, int memoryBytes = 64 << 20) : IDisposable
{
    private const int MostFilesAtOnce = 128;
    private const int HeaderBytes = 20;        // of a record in a file: its key and its length

    private readonly Lock _gate = new();
    private readonly Queue<string> _files = new();
    private readonly List<Entry> _entries = [];
    private byte[] _bytes = new byte[1 << 16];
    private int _used;
    private int _written;

    private readonly record struct Entry(UInt128 Key, int Start, int Length);

    /// <summary>Records added.</summary>
    public long Count { get; private set; }

    /// <summary>Adds a record.</summary>
    public void Add(UInt128 key, ReadOnlySpan<byte> record)
    {
        lock (_gate)
        {
            long full = _used + (long)record.Length + ((_entries.Count + 1L) * Marshal.SizeOf<Entry>());
            if (full > memoryBytes && _entries.Count > 0) Spill();
            if (_bytes.Length - _used < record.Length)
                Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(_bytes.Length * 2L, _used + (long)record.Length)));
            record.CopyTo(_bytes.AsSpan(_used));
            _entries.Add(new Entry(key, _used, record.Length));
            _used += record.Length;
            Count++;
        }
    }

    /// <summary>All records in order, once; each is valid until the next is asked for.</summary>
    public IEnumerable<(UInt128 Key, ReadOnlyMemory<byte> Record)> Sorted()
    {
        if (_files.Count == 0) return FromMemory();
        Spill();
        (_bytes, _entries.Capacity) = ([], 0);
        while (_files.Count > MostFilesAtOnce)
        {
            string[] some = [.. Enumerable.Range(0, MostFilesAtOnce).Select(_ => _files.Dequeue())];
            Write(Merge(some));
        }

        return Merge([.. _files]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_written > 0) Directory.Delete(directory, recursive: true);
        _written = 0;
    }

    private IEnumerable<(UInt128 Key, ReadOnlyMemory<byte> Record)> FromMemory()
    {
        _entries.Sort((left, right) =>
        {
            int order = left.Key.CompareTo(right.Key);
            return order != 0 ? order : RecordOf(left).Span.SequenceCompareTo(RecordOf(right).Span);
        });
        foreach (Entry entry in _entries) yield return (entry.Key, RecordOf(entry));
    }

    private ReadOnlyMemory<byte> RecordOf(Entry entry) => _bytes.AsMemory(entry.Start, entry.Length);

    private void Spill()
    {
        Write(FromMemory());
        _entries.Clear();
        _used = 0;
        if (_bytes.Length > memoryBytes) _bytes = [];
    }

    private void Write(IEnumerable<(UInt128 Key, ReadOnlyMemory<byte> Record)> records)
    {
        Directory.CreateDirectory(directory);
        string path = Path.Combine(directory, $"{_written++}.sorted");
        using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 18);
        Span<byte> header = stackalloc byte[HeaderBytes];
        foreach ((UInt128 key, ReadOnlyMemory<byte> record) in records)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(header, key);
            BinaryPrimitives.WriteInt32LittleEndian(header[16..], record.Length);
            file.Write(header);
            file.Write(record.Span);
        }

        _files.Enqueue(path);
    }

    private static IEnumerable<(UInt128 Key, ReadOnlyMemory<byte> Record)> Merge(string[] paths)
    {
        List<SortedFile> files = [];
        try
        {
            PriorityQueue<SortedFile, SortedFile> next = new(Comparer<SortedFile>.Create(SortedFile.Compare));
            foreach (string path in paths)
            {
                SortedFile file = new(path);
                files.Add(file);
                if (file.MoveNext()) next.Enqueue(file, file);
            }

            while (next.TryDequeue(out SortedFile? first, out _))
            {
                yield return (first.Key, first.Record);
                if (first.MoveNext()) next.Enqueue(first, first);
            }
        }
        finally
        {
            foreach (SortedFile file in files) file.Dispose();
            foreach (string path in paths) File.Delete(path);
        }
    }

    /// <summary>Reads a file that was written in order.</summary>
    private sealed class SortedFile(string path) : IDisposable
    {
        private readonly FileStream _file = new(path, FileMode.Open, FileAccess.Read, FileShare.None, 1 << 17, FileOptions.SequentialScan);
        private readonly byte[] _header = new byte[HeaderBytes];
        private byte[] _record = [];
        private int _length;

        public UInt128 Key { get; private set; }

        public ReadOnlyMemory<byte> Record => _record.AsMemory(0, _length);

        public static int Compare(SortedFile? left, SortedFile? right)
        {
            int order = left!.Key.CompareTo(right!.Key);
            return order != 0 ? order : left.Record.Span.SequenceCompareTo(right.Record.Span);
        }

        public bool MoveNext()
        {
            if (_file.ReadAtLeast(_header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes) return false;
            Key = BinaryPrimitives.ReadUInt128LittleEndian(_header);
            _length = BinaryPrimitives.ReadInt32LittleEndian(_header.AsSpan(16));
            if (_record.Length < _length) _record = new byte[Math.Max(_length, Math.Min(2 * _record.Length, 1 << 20))];
            _file.ReadExactly(_record, 0, _length);
            return true;
        }

        public void Dispose() => _file.Dispose();
    }
}
