using System.Security.Cryptography;

namespace Winnow.Data.Storage;

/// <summary>
/// Writes an object in parts. It is there once it is completed, whole. An upload that was broken off is gone on with: a part whose MD5 is
/// there already is not sent again, so that writing the same bytes again sends only what is missing.
/// </summary>
public sealed class ObjectUploadStream : Stream
{
    private const int PartsOfASize = 2500;     // of the 10,000 that an object may have: 600 GB in all

    private readonly ObjectStore _store;
    private readonly ObjectAddress _address;
    private readonly List<Task<string>> _tags = [];
    private Dictionary<int, (string Tag, long Bytes)>? _there;
    private string? _upload;
    private byte[] _part;
    private byte[] _sent = [];
    private int _filled;
    private long _length;

    /// <summary>Begins, or goes on with, an object.</summary>
    public ObjectUploadStream(ObjectStore store, ObjectAddress address)
    {
        (_store, _address) = (store, address);
        _part = new byte[PartBytes(1)];
    }

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => _length;

    /// <inheritdoc/>
    public override long Position
    {
        get => _length;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _length += buffer.Length;
        while (!buffer.IsEmpty)
        {
            int count = Math.Min(buffer.Length, _part.Length - _filled);
            buffer[..count].CopyTo(_part.AsSpan(_filled));
            _filled += count;
            buffer = buffer[count..];
            if (_filled == _part.Length) Send();
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Sends the rest; the object is there when this returns.</summary>
    public StoredObject Complete()
    {
        if (_filled > 0 || _tags.Count == 0) Send();
        List<string> tags = [.. _tags.Select(tag => tag.GetAwaiter().GetResult())];
        _store.CompleteUpload(_address, _upload!, tags);
        return _store.Require(_address);
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        // Not completed: what was sent stays for the next attempt. The last part is let go of first.
        if (disposing && _tags.Count > 0) ((IAsyncResult)_tags[^1]).AsyncWaitHandle.WaitOne();
        base.Dispose(disposing);
    }

    /// <summary>Sends the part, while the next one is filled.</summary>
    private void Send()
    {
        if (_upload is null)
        {
            _upload = _store.FindUpload(_address);
            _there = _upload is null ? [] : _store.Parts(_address, _upload);
            _upload ??= _store.BeginUpload(_address);
        }
        if (_tags.Count > 0) _tags[^1].GetAwaiter().GetResult();
        int number = _tags.Count + 1;
        ArraySegment<byte> content = new(_part, 0, _filled);
        (byte[] sending, string upload) = (_part, _upload);
        _tags.Add(_there!.TryGetValue(number, out (string Tag, long Bytes) part) && part.Bytes == _filled && part.Tag.Trim('"') == Md5(content)
            ? Task.FromResult(part.Tag)
            : _store.UploadPartAsync(_address, upload, number, content));
        int next = PartBytes(number + 1);
        _part = _sent.Length == next ? _sent : new byte[next];
        (_sent, _filled) = (sending, 0);
    }

    private int PartBytes(int number) => _store.PartBytes << ((number - 1) / PartsOfASize);

    // What the protocol calls the ETag of a part; nothing rests on it but whether a part is sent again.
#pragma warning disable CA5351
    private static string Md5(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(MD5.HashData(content));
#pragma warning restore CA5351
}
