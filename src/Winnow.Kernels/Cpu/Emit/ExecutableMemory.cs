using System.Runtime.InteropServices;

namespace Winnow.Kernels.Cpu.Emit;

/// <summary>
/// Pages that hold emitted machine code: written while read-write, then switched to read-execute; never both at once.
/// Owned by whoever emitted the code, usually for the life of the process.
/// </summary>
internal sealed unsafe partial class ExecutableMemory : IDisposable
{
    private const int ProtectRead = 1, ProtectWrite = 2, ProtectExecute = 4, MapPrivate = 2;
    private readonly nuint _bytes;
    private byte* _address;

    private ExecutableMemory(byte* address, nuint bytes)
    {
        _address = address;
        _bytes = bytes;
    }

    /// <summary>The first byte of the code, 4096-aligned.</summary>
    public nint Address => (nint)_address;

    /// <summary>Copies code into new pages and makes them executable; null where the system forbids it or is not POSIX on x86-64.</summary>
    public static ExecutableMemory? TryCreate(ReadOnlySpan<byte> code)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || !(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS())) return null;
        int anonymous = OperatingSystem.IsLinux() ? 0x20 : 0x1000;
        nuint bytes = ((nuint)code.Length + 4095) & ~(nuint)4095;
        byte* pages = Map(null, bytes, ProtectRead | ProtectWrite, MapPrivate | anonymous, -1, 0);
        if ((nint)pages == -1) return null;
        code.CopyTo(new Span<byte>(pages, code.Length));
        if (Protect(pages, bytes, ProtectRead | ProtectExecute) == 0) return new ExecutableMemory(pages, bytes);
        _ = Unmap(pages, bytes);
        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_address != null) _ = Unmap(_address, _bytes);
        _address = null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Map(void* address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint bytes);
}
