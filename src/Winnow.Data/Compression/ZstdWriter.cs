namespace Winnow.Data.Compression;

/// <summary>
/// Writes one zstd frame with a checksum, compressed by other threads; the frame ends when the stream is disposed. It is cut into jobs
/// by its content alone, so that its bytes are the same for any number of threads.
/// </summary>
internal sealed unsafe class ZstdWriter : OneWayStream
{
    // The window of the usual level: English text comes out as small as in one job. Some six jobs are in memory.
    private const int JobBytes = 2 << 20;

    private readonly Stream _stream;
    private readonly byte[] _output = new byte[128 << 10];
    private IntPtr _context;

    internal ZstdWriter(Stream stream, int level, int threads)
    {
        ZstdLibrary.Require();
        _stream = stream;
        _context = ZstdLibrary.CreateCompressor();
        if (_context == IntPtr.Zero) throw new IOException("zstd: no memory");
        ZstdLibrary.SetCompressionParameter(_context, ZstdLibrary.LevelParameter, level);
        ZstdLibrary.SetCompressionParameter(_context, ZstdLibrary.ChecksumParameter, 1);
        // Of a library that was built without threads both are refused: it compresses on the caller's.
        ZstdLibrary.SetCompressionParameter(_context, ZstdLibrary.WorkersParameter, threads);
        ZstdLibrary.SetCompressionParameter(_context, ZstdLibrary.JobBytesParameter, JobBytes);
    }

    public override bool CanWrite => true;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_context == IntPtr.Zero, this);
        Compress(buffer, 0);
    }

    private void Compress(ReadOnlySpan<byte> buffer, int directive)
    {
        fixed (byte* from = buffer, to = _output)
        {
            ZstdLibrary.Buffer input = new() { Start = from, Size = (nuint)buffer.Length };
            nuint left;
            do
            {
                ZstdLibrary.Buffer output = new() { Start = to, Size = (nuint)_output.Length };
                left = ZstdLibrary.CompressStream(_context, &output, &input, directive);
                if (ZstdLibrary.IsError(left)) throw new IOException("zstd: " + ZstdLibrary.ErrorName(left));
                if (output.Position > 0) _stream.Write(_output, 0, (int)output.Position);
            }
            while (directive == ZstdLibrary.EndOfFrame ? left != 0 : input.Position < input.Size);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (_context != IntPtr.Zero)
        {
            try
            {
                if (disposing) Compress([], ZstdLibrary.EndOfFrame);
            }
            finally
            {
                ZstdLibrary.FreeCompressor(_context);
                _context = IntPtr.Zero;
                if (disposing) _stream.Dispose();
            }
        }
        base.Dispose(disposing);
    }
}
