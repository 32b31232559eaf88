using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Winnow.Kernels.Cpu.Emit;

/// <summary>Which emitted kernels this machine can run.</summary>
internal enum Bf16Support
{
    /// <summary>None: bf16 weights are multiplied in f32.</summary>
    None,

    /// <summary>AVX512-BF16: vdpbf16ps.</summary>
    Avx512,

    /// <summary>AMX-BF16: tdpbf16ps on 16 × 16 tiles.</summary>
    Amx,
}

/// <summary>
/// The inner tile of a bf16 matrix product, C[rows, columns] (+)= A · B, emitted as machine code because .NET has no intrinsic for
/// its instructions. Products are of bf16 values, sums in f32.
/// <para>A: [rows, 2·pairs] bf16, row-major. B: a panel [pairs, columns, 2] bf16. C: [rows, columns] f32, row-major.</para>
/// </summary>
internal sealed unsafe partial class Bf16Kernels
{
    /// <summary>Columns of the widest panel of B and tile of C: the panels of packed weights. The others have one and two thirds of it.</summary>
    public const int Columns = 48;

    /// <summary>Columns of the narrowest.</summary>
    public const int FewestColumns = 16;

    private const int MostVectors = Columns / FewestColumns, FirstB = 24, FirstA = 27, RegistersA = 5;
    private const int AvxRows = 8, AmxRows = 16, AmxPairs = 16, RoundedAtOnce = 32;

    [ThreadStatic]
    private static bool t_prepared;

    // By columns, then rows, then whether it accumulates.
    private readonly delegate* unmanaged[SuppressGCTransition]<ushort*, ushort*, float*, nint, nint, nint, void>[] _tiles;
    private readonly delegate* unmanaged[SuppressGCTransition]<float*, ushort*, nint, void> _round;

    private readonly delegate* unmanaged<void*, void> _configureTiles;
    private readonly byte[] _tileConfiguration = AmxTileConfiguration();

    private Bf16Kernels(Bf16Support support, ExecutableMemory memory, int[] starts)
    {
        Support = support;
        Rows = support == Bf16Support.Amx ? AmxRows : AvxRows;
        PairsMultiple = support == Bf16Support.Amx ? AmxPairs : 1;
        AnyRows = support != Bf16Support.Amx;
        int tiles = MostVectors * 2 * (AnyRows ? AvxRows : 1);
        _tiles = new delegate* unmanaged[SuppressGCTransition]<ushort*, ushort*, float*, nint, nint, nint, void>[tiles];
        for (int tile = 0; tile < tiles; tile++)
            _tiles[tile] = (delegate* unmanaged[SuppressGCTransition]<ushort*, ushort*, float*, nint, nint, nint, void>)(memory.Address + starts[tile]);
        _round = (delegate* unmanaged[SuppressGCTransition]<float*, ushort*, nint, void>)(memory.Address + starts[tiles]);
        if (support == Bf16Support.Amx) _configureTiles = (delegate* unmanaged<void*, void>)(memory.Address + starts[tiles + 1]);
    }

    /// <summary>Which instructions the kernels use.</summary>
    public Bf16Support Support { get; }

    /// <summary>Rows of a full tile. AVX-512 kernels take any number of rows up to it, AMX kernels only it.</summary>
    public int Rows { get; }

    /// <summary>True where a tile may have any number of rows up to <see cref="Rows"/>.</summary>
    public bool AnyRows { get; }

    /// <summary>The inner dimension, in pairs, is padded with zeros to a multiple of this.</summary>
    public int PairsMultiple { get; }

    /// <summary>The kernels of this process, or null where the processor or the system does not allow them.</summary>
    public static Bf16Kernels? Instance { get; } = TryCreate(Detect());

    /// <summary>What the processor and the operating system offer.</summary>
    public static Bf16Support Detect()
    {
        if (!Avx512F.IsSupported || X86Base.CpuId(0, 0).Eax < 7) return Bf16Support.None;
        bool avx512 = (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0;
        (_, _, _, int features) = X86Base.CpuId(7, 0);
        bool amx = avx512 && (features & (1 << 22)) != 0 && (features & (1 << 24)) != 0 && RequestTileState();
        return amx ? Bf16Support.Amx : avx512 ? Bf16Support.Avx512 : Bf16Support.None;
    }

    /// <summary>Emits the kernels; null where there is nothing to emit or executable memory is forbidden.</summary>
    public static Bf16Kernels? TryCreate(Bf16Support support)
    {
        if (support == Bf16Support.None) return null;
        (byte[] code, int[] starts) = Emit(support);
        return ExecutableMemory.TryCreate(code) is { } memory ? new Bf16Kernels(support, memory, starts) : null;
    }

    /// <summary>
    /// The machine code of all kernels and where each starts: per 16 columns and per row overwrite, accumulate; then the rounding; for
    /// AMX then the tile set-up.
    /// </summary>
    internal static (byte[] Code, int[] Starts) Emit(Bf16Support support)
    {
        var assembler = new X64Assembler();
        var starts = new List<int>();
        for (int vectors = 1; vectors <= MostVectors; vectors++)
        {
            for (int rows = 1; rows <= (support == Bf16Support.Amx ? 1 : AvxRows); rows++)
            {
                foreach (bool accumulate in (ReadOnlySpan<bool>)[false, true])
                {
                    starts.Add(assembler.Position);
                    if (support == Bf16Support.Amx) EmitAmx(assembler, vectors, accumulate);
                    else EmitAvx512(assembler, rows, vectors, accumulate);
                }
            }
        }

        starts.Add(assembler.Position);
        EmitRounding(assembler);
        if (support == Bf16Support.Amx)
        {
            starts.Add(assembler.Position);
            assembler.ConfigureTiles(new Address(Register.Rdi));
            assembler.Return();
        }

        return (assembler.Code.ToArray(), [.. starts]);
    }

    /// <summary>Must run on each thread before its first <see cref="Multiply"/>: AMX keeps its tile shapes per thread.</summary>
    public void PrepareThread()
    {
        if (_configureTiles == null || t_prepared) return;
        fixed (byte* configuration = _tileConfiguration) _configureTiles(configuration);
        t_prepared = true;
    }

    /// <summary>c (+)= a · b for one tile.</summary>
    /// <param name="a">[rows, 2·pairs] bf16, rows <paramref name="aStride"/> elements apart.</param>
    /// <param name="b">[pairs, columns, 2] bf16.</param>
    /// <param name="c">[rows, columns], rows <paramref name="cStride"/> elements apart.</param>
    /// <param name="rows">1 … <see cref="Rows"/>.</param>
    /// <param name="columns">16, 32 or 48.</param>
    /// <param name="pairs">At least 1, a multiple of <see cref="PairsMultiple"/>.</param>
    /// <param name="aStride">In bf16 elements.</param>
    /// <param name="cStride">In floats.</param>
    /// <param name="accumulate">True adds to c.</param>
    public void Multiply(ushort* a, ushort* b, float* c, int rows, int columns, int pairs, long aStride, long cStride, bool accumulate)
    {
        int shape = (columns / FewestColumns) - 1;
        if (AnyRows) shape = (shape * AvxRows) + rows - 1;
        _tiles[(2 * shape) + (accumulate ? 1 : 0)](a, b, c, pairs, (nint)(aStride * sizeof(ushort)), (nint)(cStride * sizeof(float)));
    }

    /// <summary>The nearest bf16, ties to even; a NaN stays one, a subnormal becomes 0. The result may lie at the start of the source.</summary>
    public void Round(float* from, ushort* to, int count)
    {
        int whole = count / RoundedAtOnce, left = count % RoundedAtOnce;
        if (whole > 0) _round(from, to, whole);
        if (left == 0) return;
        float* rest = stackalloc float[RoundedAtOnce];
        new ReadOnlySpan<float>(from + count - left, left).CopyTo(new Span<float>(rest, left));
        _round(rest, (ushort*)rest, 1);
        new ReadOnlySpan<ushort>(rest, left).CopyTo(new Span<ushort>(to + count - left, left));
    }

    /// <summary>32 floats a turn.</summary>
    private static void EmitRounding(X64Assembler code)
    {
        // rdi = from, rsi = to, rdx = turns.
        int loop = code.Position;
        code.Load(0, new Address(Register.Rdi, 64));
        code.ConvertToBf16(0, 0, new Address(Register.Rdi));
        code.Store(new Address(Register.Rsi), 0);
        code.Add(Register.Rdi, 128);
        code.Add(Register.Rsi, 64);
        code.Subtract(Register.Rdx, 1);
        code.JumpIfNotZero(loop);
        code.ZeroUpper();
        code.Return();
    }

    /// <summary>rows × vectors accumulators in zmm0–23, a row of the panel in zmm24–26, broadcast pairs of A in zmm27–31 by turns.</summary>
    private static void EmitAvx512(X64Assembler code, int rows, int vectors, bool accumulate)
    {
        // rdi = a, rsi = b, rdx = c, rcx = pairs, r8 = stride of a, r9 = stride of c (System V calling convention).
        code.LoadAddress(Register.R10, new Address(Register.R8, 0, Register.R8, 2));
        code.Move(Register.R11, Register.R10);
        code.Add(Register.R11, Register.R10);
        code.Add(Register.R10, Register.Rdi);
        code.Add(Register.R11, Register.Rdi);
        for (int i = 0; i < rows * vectors; i++) code.Zero(i);

        // A line of C that is not in the cache comes while the products are summed.
        code.Move(Register.Rax, Register.Rdx);
        for (int row = 0; row < rows; row++)
        {
            for (int j = 0; j < vectors; j++) code.PrefetchForWrite(new Address(Register.Rax, j * 64));
            code.Add(Register.Rax, Register.R9);
        }

        int loop = code.Position;
        for (int j = 0; j < vectors; j++) code.Load(FirstB + j, new Address(Register.Rsi, j * 64));
        for (int row = 0; row < rows; row++)
        {
            int pair = FirstA + (row % RegistersA);
            code.Broadcast(pair, RowOfA(row));
            for (int j = 0; j < vectors; j++) code.DotBf16((row * vectors) + j, FirstB + j, pair);
        }

        code.Add(Register.Rsi, vectors * 64);
        code.Add(Register.Rdi, 4);
        if (rows > 3) code.Add(Register.R10, 4);
        if (rows > 6) code.Add(Register.R11, 4);
        code.Subtract(Register.Rcx, 1);
        code.JumpIfNotZero(loop);

        for (int row = 0; row < rows; row++)
        {
            for (int j = 0; j < vectors; j++)
            {
                var place = new Address(Register.Rdx, j * 64);
                int sum = (row * vectors) + j;
                if (accumulate) code.Add(sum, sum, place);
                code.Store(place, sum);
            }

            code.Add(Register.Rdx, Register.R9);
        }

        code.ZeroUpper();
        code.Return();

        // Three pointers and the scales 1 and 2 of the stride reach eight rows.
        static Address RowOfA(int row)
        {
            Register start = row < 3 ? Register.Rdi : row < 6 ? Register.R10 : Register.R11;
            return (row % 3) switch
            {
                0 => new Address(start),
                1 => new Address(start, 0, Register.R8, 1),
                _ => new Address(start, 0, Register.R8, 2),
            };
        }
    }

    /// <summary>16 × (16 · vectors): C in tiles 0–2, A in tile 3, B in tiles 4–6, which lie 64 bytes apart in a panel's row.</summary>
    private static void EmitAmx(X64Assembler code, int vectors, bool accumulate)
    {
        code.Move(Register.Rax, Register.R8);
        code.Move(Register.R8, Register.R9);
        for (int j = 0; j < vectors; j++)
        {
            if (accumulate) code.LoadTile(j, new Address(Register.Rdx, j * 64, Register.R8));
            else code.ZeroTile(j);
        }

        code.Move(Register.R10, Register.Rcx);
        code.Move(Register.R11, Register.Rsi);
        code.MoveImmediate(Register.R9, vectors * 64);
        int loop = code.Position;
        code.LoadTile(3, new Address(Register.Rdi, 0, Register.Rax));
        for (int j = 0; j < vectors; j++)
        {
            // From here on r9 holds the panel's stride.
            code.LoadTile(4 + j, new Address(Register.R11, j * 64, Register.R9));
            code.DotTileBf16(j, 3, 4 + j);
        }

        code.Add(Register.Rdi, AmxPairs * 4);
        code.Add(Register.R11, AmxPairs * vectors * 64);
        code.Subtract(Register.R10, AmxPairs);
        code.JumpIfNotZero(loop);
        for (int j = 0; j < vectors; j++) code.StoreTile(new Address(Register.Rdx, j * 64, Register.R8), j);
        code.Return();
    }

    /// <summary>Palette 1; every tile 16 rows of 64 bytes.</summary>
    private static byte[] AmxTileConfiguration()
    {
        var bytes = new byte[64];
        bytes[0] = 1;
        for (int tile = 0; tile < 8; tile++)
        {
            bytes[16 + (2 * tile)] = 64;
            bytes[48 + tile] = AmxRows;
        }

        return bytes;
    }

    /// <summary>Linux hands out the AMX state only on request: arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA).</summary>
    private static bool RequestTileState() => OperatingSystem.IsLinux() && SystemCall(158, 0x1023, 18) == 0;

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint SystemCall(nint number, nint first, nint second);
}
