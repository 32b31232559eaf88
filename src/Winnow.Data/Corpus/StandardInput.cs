using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Winnow.Data.Corpus;

/// <summary>Standard input, whose first bytes are looked at before it is read, once. There is one in a process.</summary>
internal static partial class StandardInput
{
    private const int HeadBytes = 64 << 10;
    private const int WindowsStandardInput = -10;

    private static readonly FileStream s_stream = new(
        new SafeFileHandle(OperatingSystem.IsWindows() ? GetStdHandle(WindowsStandardInput) : 0, ownsHandle: false), FileAccess.Read, bufferSize: 0);

    private static readonly byte[] s_head = ReadHead();
    private static int s_opened;

    /// <summary>The first bytes.</summary>
    internal static MemoryStream Head() => new(s_head);

    /// <summary>Everything, the first bytes included.</summary>
    internal static Stream Open()
    {
        if (Interlocked.Exchange(ref s_opened, 1) != 0)
            throw new CorpusException("standard input", "can be read only once, and this needs it again", "write it to a file first");
        return new HeadThenRest(Head(), s_stream);
    }

    private static byte[] ReadHead()
    {
        byte[] head = new byte[HeadBytes];
        return head[..s_stream.ReadAtLeast(head, 4096, throwOnEndOfStream: false)];
    }

    [LibraryImport("kernel32")]
    private static partial nint GetStdHandle(int which);

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
