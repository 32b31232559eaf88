namespace Winnow.Data.Corpus;

/// <summary>A stream whose next bytes can be looked at before they are taken.</summary>
internal sealed class ByteWindow(Stream stream)
{
    private byte[] _buffer = new byte[256 << 10];
    private int _start;
    private int _end;
    private long _before;

    /// <summary>Bytes taken so far.</summary>
    internal long Offset => _before + _start;

    /// <summary>The next bytes: as many as asked for, or all that are left. Valid until the next call.</summary>
    internal ReadOnlySpan<byte> Peek(int count)
    {
        while (_end - _start < count && Fill(count))
        {
        }
        return _buffer.AsSpan(_start, Math.Min(count, _end - _start));
    }

    /// <summary>Takes bytes that were looked at.</summary>
    internal void Take(int count) => _start += count;

    private bool Fill(int count)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _before += _start;
            _end -= _start;
            _start = 0;
        }
        if (_end == _buffer.Length) Array.Resize(ref _buffer, (int)Math.Min(Math.Max(count, _buffer.Length * 2L), Array.MaxLength));
        int read = stream.Read(_buffer.AsSpan(_end));
        _end += read;
        return read > 0;
    }
}
