using System.Runtime.InteropServices;

namespace Winnow.Tests.Kernels;

/// <summary>Floats that end where a page begins which nobody may touch, and start as close after another as that allows.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int ReadWrite = 3, Nothing = 0, PrivateAnonymous = 0x22;

    private readonly byte* _base;
    private readonly nuint _bytes;

    public GuardedMemory(long length)
    {
        if (!OperatingSystem.IsLinux()) throw new PlatformNotSupportedException("guard pages need mmap");
        nuint page = (nuint)Environment.SystemPageSize;
        nuint payload = (nuint)length * sizeof(float);
        nuint inner = (payload + page - 1) / page * page;
        _bytes = inner + (2 * page);
        _base = (byte*)Map(null, _bytes, ReadWrite, PrivateAnonymous, -1, 0);
        if (_base == (byte*)-1) throw new InvalidOperationException("mmap failed");
        if (Protect(_base, page, Nothing) != 0 || Protect(_base + page + inner, page, Nothing) != 0)
            throw new InvalidOperationException("mprotect failed");
        Pointer = (float*)(_base + page + inner - payload);
    }

    /// <summary>The first float; the one after the last is on the guard page.</summary>
    public float* Pointer { get; }

    public void Dispose() => _ = Unmap(_base, _bytes);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint bytes);
}
