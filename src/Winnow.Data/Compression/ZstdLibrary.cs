using System.Reflection;
using System.Runtime.InteropServices;

namespace Winnow.Data.Compression;

/// <summary>The parts of the system's libzstd that Winnow calls.</summary>
internal static unsafe partial class ZstdLibrary
{
    internal const int LevelParameter = 100;
    internal const int ChecksumParameter = 201;
    internal const int WorkersParameter = 400;
    internal const int JobBytesParameter = 401;
    internal const int MaxWindowParameter = 100;
    internal const int EndOfFrame = 2;

    private const string Name = "zstd";
    private static readonly string[] s_names = OperatingSystem.IsMacOS()
        ? ["libzstd.1.dylib", "/opt/homebrew/lib/libzstd.1.dylib", "/usr/local/lib/libzstd.1.dylib"]
        : OperatingSystem.IsWindows() ? ["libzstd.dll", "zstd.dll"] : ["libzstd.so.1", "libzstd.so"];

    private static readonly IntPtr s_handle = Load(s_names);

    static ZstdLibrary() => NativeLibrary.SetDllImportResolver(typeof(ZstdLibrary).Assembly, Resolve);

    /// <summary>Throws when the library is not there, naming the package that brings it.</summary>
    internal static void Require() => Require(s_handle);

    internal static void Require(IntPtr handle)
    {
        if (handle != IntPtr.Zero) return;
        if (OperatingSystem.IsLinux()) File.OpenHandle("/dev/null").Dispose();     // where no file can be opened, that is what is wrong
        throw new CorpusException(
            "", $"reading or writing zstd needs the library `{s_names[0]}`, which is not on this machine",
            "install it: `apt install libzstd1` (Debian, Ubuntu), `dnf install libzstd` (Fedora), `brew install zstd` (macOS)");
    }

    /// <summary>The first of these libraries that is there, or zero.</summary>
    internal static IntPtr Load(ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            if (NativeLibrary.TryLoad(name, out IntPtr handle))
                return handle;
        return IntPtr.Zero;
    }

    internal static bool IsError(nuint code) => IsErrorCode(code) != 0;

    internal static string ErrorName(nuint code) => Marshal.PtrToStringUTF8((IntPtr)GetErrorName(code)) ?? "unknown error";

    private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name == Name ? s_handle : IntPtr.Zero;

    [StructLayout(LayoutKind.Sequential)]
    internal struct Buffer
    {
        public void* Start;
        public nuint Size;
        public nuint Position;
    }

    [LibraryImport(Name, EntryPoint = "ZSTD_isError")]
    [SuppressGCTransition]
    private static partial uint IsErrorCode(nuint code);

    [LibraryImport(Name, EntryPoint = "ZSTD_getErrorName")]
    private static partial byte* GetErrorName(nuint code);

    [LibraryImport(Name, EntryPoint = "ZSTD_createDCtx")]
    internal static partial IntPtr CreateDecompressor();

    [LibraryImport(Name, EntryPoint = "ZSTD_freeDCtx")]
    internal static partial nuint FreeDecompressor(IntPtr context);

    [LibraryImport(Name, EntryPoint = "ZSTD_DCtx_setParameter")]
    internal static partial nuint SetDecompressionParameter(IntPtr context, int parameter, int value);

    [LibraryImport(Name, EntryPoint = "ZSTD_decompressStream")]
    internal static partial nuint DecompressStream(IntPtr context, Buffer* output, Buffer* input);

    [LibraryImport(Name, EntryPoint = "ZSTD_decompressDCtx")]
    internal static partial nuint Decompress(IntPtr context, byte* to, nuint capacity, byte* from, nuint size);

    [LibraryImport(Name, EntryPoint = "ZSTD_createCCtx")]
    internal static partial IntPtr CreateCompressor();

    [LibraryImport(Name, EntryPoint = "ZSTD_freeCCtx")]
    internal static partial nuint FreeCompressor(IntPtr context);

    [LibraryImport(Name, EntryPoint = "ZSTD_CCtx_setParameter")]
    internal static partial nuint SetCompressionParameter(IntPtr context, int parameter, int value);

    [LibraryImport(Name, EntryPoint = "ZSTD_compressStream2")]
    internal static partial nuint CompressStream(IntPtr context, Buffer* output, Buffer* input, int directive);

    [LibraryImport(Name, EntryPoint = "ZSTD_compress2")]
    internal static partial nuint Compress(IntPtr context, byte* to, nuint capacity, byte* from, nuint size);

    [LibraryImport(Name, EntryPoint = "ZSTD_compressBound")]
    internal static partial nuint CompressBound(nuint size);
}
