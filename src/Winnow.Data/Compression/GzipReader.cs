using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;

namespace Winnow.Data.Compression;

/// <summary>
/// Decompresses any number of gzip members and checks the length and CRC of each. .NET's own GZipStream takes a file that is cut
/// off, or has rubbish between its members, for a shorter one.
/// </summary>
/// <remarks>
/// DeflateStream does not say where in its input a member ended. It ended in the last piece it was handed, and right there stand
/// the CRC and length of what came out: eight known bytes, which are looked for.
/// </remarks>
internal sealed class GzipReader : OneWayStream
{
    private const int TrailerBytes = 8;
    private const int ShortestDeflate = 2;

    private readonly Feed _feed;
    private readonly string _name;
    private DeflateStream? _member;
    private uint _crc;
    private long _length;
    private long _memberStart;
    private bool _ended;

    internal GzipReader(Stream stream, string name)
    {
        _feed = new Feed(stream);
        _name = name;
    }

    public override bool CanRead => true;

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        while (!_ended)
        {
            if (_member == null && !StartMember()) break;
            int count = Inflate(buffer);
            if (count > 0)
            {
                _crc = Crc32.Append(_crc, buffer[..count]);
                _length += count;
                return count;
            }
            EndMember();
        }
        _ended = true;
        return 0;
    }

    private int Inflate(Span<byte> buffer)
    {
        try
        {
            return _member!.Read(buffer);
        }
        catch (InvalidDataException e)
        {
            throw Corrupt(e.Message, e);
        }
    }

    private bool StartMember()
    {
        _memberStart = _feed.Offset;
        int first = _feed.ReadByte();
        if (first < 0) return false;
        if (first == 0 && _memberStart > 0)
        {
            RequirePadding();
            return false;
        }
        if (first != 0x1F || Next() != 0x8B) throw Corrupt("no gzip member starts there");
        if (Next() != 8) throw Corrupt("unknown compression method");
        int flags = Next();
        if ((flags & 0xE0) != 0) throw Corrupt("unknown flags");
        for (int i = 0; i < 6; i++) Next();
        if ((flags & 4) != 0)
            for (int left = Next() | (Next() << 8); left > 0; left--)
                Next();
        if ((flags & 8) != 0) SkipText();
        if ((flags & 16) != 0) SkipText();
        if ((flags & 2) != 0)
        {
            Next();
            Next();
        }
        _feed.Mark();
        _member = new DeflateStream(_feed, CompressionMode.Decompress, leaveOpen: true);
        _crc = 0;
        _length = 0;
        return true;
    }

    private void EndMember()
    {
        _member!.Dispose();
        _member = null;
        Span<byte> trailer = stackalloc byte[TrailerBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, _crc);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[4..], (uint)_length);
        bool ended = _feed.AtEnd;      // while the content wanted more
        if (_feed.RewindTo(trailer)) return;
        throw ended ? CutOff() : Corrupt("checksum or length does not match");
    }

    private void RequirePadding()
    {
        for (int b = 0; b >= 0; b = _feed.ReadByte())
            if (b != 0)
                throw Corrupt("no gzip member starts there");
    }

    private void SkipText()
    {
        while (Next() != 0)
        {
        }
    }

    private int Next()
    {
        int b = _feed.ReadByte();
        return b >= 0 ? b : throw CutOff();
    }

    private CorpusException CutOff() => new(
        _name, string.Create(CultureInfo.InvariantCulture, $"the file ends at byte {_feed.Offset}, inside the gzip member that starts at byte {_memberStart}"),
        "the file is cut off: copy or download it again");

    private CorpusException Corrupt(string why, Exception? inner = null) => new(
        _name, string.Create(CultureInfo.InvariantCulture, $"corrupt gzip near byte {_feed.Offset}, in the member that starts at byte {_memberStart}: {why}"),
        "the file is damaged: `gzip --test` tells the same; copy or download it again", inner);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _member?.Dispose();
            _feed.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>The file in small pieces, the last of which can be taken back.</summary>
    private sealed class Feed(Stream stream) : OneWayStream
    {
        private const int Piece = 8 << 10;
        private readonly byte[] _buffer = new byte[64 << 10];
        private int _start;        // next byte to hand out
        private int _end;
        private int _kept;         // from here on bytes may be taken back
        private long _before;

        public override bool CanRead => true;

        internal long Offset => _before + _start;

        internal bool AtEnd { get; private set; }

        /// <summary>What was handed out so far is never taken back.</summary>
        internal void Mark() => _kept = _start;

        public override int ReadByte()
        {
            if (_start == _end && !Fill()) return -1;
            return _buffer[_start++];
        }

        public override int Read(Span<byte> buffer)
        {
            if (_start == _end && !Fill()) return 0;
            int count = Math.Min(Math.Min(buffer.Length, Piece), _end - _start);
            _kept = Math.Max(_kept, _start - TrailerBytes);
            _buffer.AsSpan(_start, count).CopyTo(buffer);
            _start += count;
            return count;
        }

        /// <summary>Goes to just after the first place of <paramref name="trailer"/> in the last piece; false when it is not there.</summary>
        internal bool RewindTo(ReadOnlySpan<byte> trailer)
        {
            while (_end - _start < trailer.Length && Fill())
            {
            }
            // No deflate stream is shorter; the second byte of an empty one and its trailer are all zeros.
            int from = _kept + ShortestDeflate;
            int to = Math.Min(_end, _start + trailer.Length);
            int at = from < to ? _buffer.AsSpan(from, to - from).IndexOf(trailer) : -1;
            if (at < 0) return false;
            _start = from + at + trailer.Length;
            return true;
        }

        private bool Fill()
        {
            int keep = Math.Max(_kept, _start - Piece - TrailerBytes);
            _buffer.AsSpan(keep, _end - keep).CopyTo(_buffer);
            _before += keep;
            _start -= keep;
            _end -= keep;
            _kept = 0;
            int count = stream.Read(_buffer.AsSpan(_end));
            _end += count;
            AtEnd = count == 0;
            return count > 0;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) stream.Dispose();
            base.Dispose(disposing);
        }
    }
}
