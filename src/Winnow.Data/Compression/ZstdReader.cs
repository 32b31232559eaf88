using System.Globalization;

namespace Winnow.Data.Compression;

/// <summary>Decompresses any number of zstd frames; a frame that is cut off, corrupt or fails its checksum is an error.</summary>
internal sealed unsafe class ZstdReader : OneWayStream
{
    // `zstd --long=31` is what some published corpora need; libzstd only takes as much as a frame asks for.
    private const int MaxWindowLog = 31;

    private readonly Stream _stream;
    private readonly string _name;
    private readonly byte[] _input = new byte[128 << 10];
    private IntPtr _context;
    private int _start;
    private int _end;
    private long _before;          // bytes of the file before _input
    private long _frameStart;
    private bool _inFrame;
    private bool _pending;         // libzstd may hold output that did not fit

    internal ZstdReader(Stream stream, string name)
    {
        ZstdLibrary.Require();
        _stream = stream;
        _name = name;
        _context = ZstdLibrary.CreateDecompressor();
        if (_context == IntPtr.Zero) throw new IOException("zstd: no memory");
        ZstdLibrary.SetDecompressionParameter(_context, ZstdLibrary.MaxWindowParameter, MaxWindowLog);
    }

    public override bool CanRead => true;

    private long Offset => _before + _start;

    public override int Read(Span<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_context == IntPtr.Zero, this);
        if (buffer.IsEmpty) return 0;
        while (true)
        {
            if (_start == _end && !_pending && !Fill()) return 0;
            int written = Decompress(buffer);
            if (written > 0) return written;
        }
    }

    private bool Fill()
    {
        _before += _end;
        _start = 0;
        _end = _stream.Read(_input);
        if (_end > 0) return true;
        if (_inFrame)
            throw new CorpusException(
                _name, string.Create(CultureInfo.InvariantCulture, $"the file ends at byte {Offset}, inside the zstd frame that starts at byte {_frameStart}"),
                "the file is cut off: copy or download it again");
        return false;
    }

    private int Decompress(Span<byte> buffer)
    {
        nuint result;
        int written;
        if (!_inFrame) _frameStart = Offset;
        fixed (byte* from = _input, to = buffer)
        {
            ZstdLibrary.Buffer input = new() { Start = from, Size = (nuint)_end, Position = (nuint)_start };
            ZstdLibrary.Buffer output = new() { Start = to, Size = (nuint)buffer.Length };
            result = ZstdLibrary.DecompressStream(_context, &output, &input);
            _start = (int)input.Position;
            written = (int)output.Position;
        }
        if (ZstdLibrary.IsError(result))
            throw new CorpusException(
                _name, string.Create(CultureInfo.InvariantCulture,
                    $"corrupt zstd near byte {Offset}, in the frame that starts at byte {_frameStart}: {ZstdLibrary.ErrorName(result)}"),
                "the file is damaged: `zstd --test` tells the same; copy or download it again");
        _inFrame = result != 0;
        _pending = _inFrame && written == buffer.Length;
        return written;
    }

    protected override void Dispose(bool disposing)
    {
        if (_context != IntPtr.Zero)
        {
            ZstdLibrary.FreeDecompressor(_context);
            _context = IntPtr.Zero;
            if (disposing) _stream.Dispose();
        }
        base.Dispose(disposing);
    }
}
