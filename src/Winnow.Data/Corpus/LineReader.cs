namespace Winnow.Data.Corpus;

/// <summary>The lines of a stream as spans of one buffer that grows to the longest line. A byte-order mark at the start is passed over.</summary>
internal sealed class LineReader(Stream stream)
{
    private const int FirstSize = 1 << 20;
    private const int MaxLineBytes = 1 << 30;
    private byte[] _buffer = new byte[FirstSize];
    private int _start;
    private int _end;
    private bool _ended;
    private bool _begun;

    /// <summary>Number of the line last read, from 1.</summary>
    internal long Number { get; private set; }

    /// <summary>The next line with its line end; empty at the end of the stream. Valid until the next call.</summary>
    internal ReadOnlySpan<byte> Next()
    {
        if (!_begun) SkipByteOrderMark();
        int scanned = 0;
        while (true)
        {
            int length = _buffer.AsSpan(_start + scanned, _end - _start - scanned).IndexOf((byte)'\n');
            if (length >= 0) return Take(scanned + length + 1);
            scanned = _end - _start;
            if (_ended) return scanned == 0 ? default : Take(scanned);
            Fill();
        }
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        ReadOnlySpan<byte> line = _buffer.AsSpan(_start, length);
        _start += length;
        Number++;
        return line;
    }

    private void Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }
        if (_end == _buffer.Length) Grow();
        int count = stream.Read(_buffer.AsSpan(_end));
        _ended = count == 0;
        _end += count;
    }

    private void Grow()
    {
        if (_buffer.Length >= MaxLineBytes) throw new LineTooLongException();
        Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, MaxLineBytes));
    }

    private void SkipByteOrderMark()
    {
        _begun = true;
        while (_end < 3 && !_ended) Fill();
        if (_buffer.AsSpan(0, _end) is [0xEF, 0xBB, 0xBF, ..]) _start = 3;
    }
}

/// <summary>A line is longer than anything that is one record; the caller knows where.</summary>
internal sealed class LineTooLongException() : Exception("a line is longer than 1 GiB");
