using System.Globalization;

namespace Winnow.Data.Storage;

/// <summary>
/// Reads an object, or a range of it, as it was when it was found. Where the connection breaks it is opened again at the next byte; an
/// object that changes meanwhile is an error.
/// </summary>
internal sealed class ObjectReader : Stream
{
    private const int MostAttempts = 6;        // without a byte in between

    private readonly ObjectStore _store;
    private readonly StoredObject _object;
    private readonly long _from;
    private readonly long _end;
    private Stream? _body;
    private long _at;

    internal ObjectReader(ObjectStore store, StoredObject found)
        : this(store, found, 0, found.Bytes)
    {
    }

    /// <summary>The bytes from one offset to before another.</summary>
    internal ObjectReader(ObjectStore store, StoredObject found, long from, long end)
    {
        (_store, _object, _from, _end) = (store, found, from, end);
        _at = from;
    }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => _end - _from;

    public override long Position
    {
        get => _at - _from;
        set
        {
            if (value == Position) return;
            Close(ref _body);
            _at = _from + value;
        }
    }

    public override int Read(Span<byte> buffer)
    {
        if (_at >= _end || buffer.IsEmpty) return 0;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                _body ??= _store.Open(_object, _at, _end);
                int count = _body.Read(buffer);
                if (count == 0) throw new IOException("the answer is shorter than it was to be");
                _at += count;
                return count;
            }
            catch (Exception e) when (ObjectStore.IsPassing(e))
            {
                Close(ref _body);
                if (attempt == MostAttempts)
                    throw new CorpusException(
                        _object.Address.ToString(), string.Create(CultureInfo.InvariantCulture, $"the connection broke at byte {_at} of {_object.Bytes}, {MostAttempts} times"), "check the network, and run the same command again", e);
                Thread.Sleep(_store.FirstWait * (1 << (attempt - 1)));
            }
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => Length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) Close(ref _body);
        base.Dispose(disposing);
    }

    private static void Close(ref Stream? body)
    {
        body?.Dispose();
        body = null;
    }
}
