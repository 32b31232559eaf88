using Microsoft.Win32.SafeHandles;
using Winnow.Data.Compression;
using Winnow.Data.Storage;

namespace Winnow.Data.Parquet;

/// <summary>Bytes of a file at any offset, for any number of threads.</summary>
internal sealed class ParquetSource : IDisposable
{
    private const int FileReadAhead = 64 << 10;
    private const int ObjectReadAhead = 8 << 20;       // a request each

    private readonly SafeFileHandle? _file;
    private readonly StoredObject? _object;
    private readonly Stream? _stream;

    internal ParquetSource(string path)
    {
        Name = path;
        if (ObjectAddress.Is(path))
        {
            _object = ObjectStore.Default.Require(ObjectAddress.Parse(path));
            Length = _object.Bytes;
            return;
        }
        using (CompressedStream.OpenFile(path))
        {
            // Gives the error for a file that cannot be opened.
        }
        _file = File.OpenHandle(path, options: FileOptions.RandomAccess);
        Length = RandomAccess.GetLength(_file);
    }

    internal ParquetSource(Stream stream, string name)
    {
        _stream = stream;
        Length = stream.Length;
        Name = name;
    }

    internal string Name { get; }

    internal long Length { get; }

    /// <summary>Bytes of a column that are worth reading at once.</summary>
    internal int ReadAhead => _object is null ? FileReadAhead : ObjectReadAhead;

    /// <summary>Fills all of <paramref name="buffer"/>.</summary>
    internal void Read(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int count = ReadSome(offset, buffer);
            if (count == 0) throw new DamageException($"the file ends before byte {offset + buffer.Length}");
            offset += count;
            buffer = buffer[count..];
        }
    }

    public void Dispose()
    {
        _file?.Dispose();
        _stream?.Dispose();
    }

    private int ReadSome(long offset, Span<byte> buffer)
    {
        if (_file != null) return RandomAccess.Read(_file, buffer, offset);
        if (_object != null)
        {
            using ObjectReader range = new(ObjectStore.Default, _object, offset, Math.Min(offset + buffer.Length, Length));
            return range.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        lock (_stream!)
        {
            _stream.Position = offset;
            return _stream.Read(buffer);
        }
    }
}
