using Microsoft.Win32.SafeHandles;
using Winnow.Data.Compression;

namespace Winnow.Data.Parquet;

/// <summary>Bytes of a file at any offset, for any number of threads.</summary>
internal sealed class ParquetSource : IDisposable
{
    private readonly SafeFileHandle? _file;
    private readonly Stream? _stream;

    internal ParquetSource(string path)
    {
        using (CompressedStream.OpenFile(path))
        {
            // Gives the error for a file that cannot be opened.
        }
        _file = File.OpenHandle(path, options: FileOptions.RandomAccess);
        Length = RandomAccess.GetLength(_file);
        Name = path;
    }

    internal ParquetSource(Stream stream, string name)
    {
        _stream = stream;
        Length = stream.Length;
        Name = name;
    }

    internal string Name { get; }

    internal long Length { get; }

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
        lock (_stream!)
        {
            _stream.Position = offset;
            return _stream.Read(buffer);
        }
    }
}
