namespace Winnow.Data.Corpus;

/// <summary>Standard input, whose first bytes are looked at before it is read, once.</summary>
internal sealed class StandardInput
{
    private const int HeadBytes = 64 << 10;
    private readonly Stream _stream = Console.OpenStandardInput();
    private readonly byte[] _head = new byte[HeadBytes];
    private readonly int _headLength;
    private bool _opened;

    internal StandardInput() => _headLength = _stream.ReadAtLeast(_head, 4096, throwOnEndOfStream: false);

    /// <summary>The first bytes.</summary>
    internal MemoryStream Head() => new(_head, 0, _headLength);

    /// <summary>Everything, the first bytes included.</summary>
    internal Stream Open()
    {
        if (_opened)
            throw new CorpusException("standard input", "can be read only once, and this needs it again", "write it to a file first");
        _opened = true;
        return new HeadThenRest(Head(), _stream);
    }

    private sealed class HeadThenRest(MemoryStream head, Stream rest) : Compression.OneWayStream
    {
        public override bool CanRead => true;

        public override int Read(Span<byte> buffer)
        {
            int count = head.Read(buffer);
            return count > 0 ? count : rest.Read(buffer);
        }
    }
}
