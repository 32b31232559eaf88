namespace Winnow.Data.Corpus;

/// <summary>Tells how much is read.</summary>
internal sealed class CountingStream(Stream stream, Action<int> count) : Compression.OneWayStream
{
    public override bool CanRead => true;

    public override int Read(Span<byte> buffer)
    {
        int read = stream.Read(buffer);
        if (read > 0) count(read);
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) stream.Dispose();
        base.Dispose(disposing);
    }
}
