namespace Winnow.Kernels.Cpu.Emit;

/// <summary>A loop of bf16 products on registers alone: what <see cref="Bf16Kernels"/> could reach if memory cost nothing.</summary>
internal sealed unsafe class Bf16Peak
{
    // As many accumulators as the kernels have, which is more than the latency of one product needs.
    private const int Accumulators = 24, AmxAccumulators = 3;

    private readonly delegate* unmanaged<nint, void> _loop;

    private Bf16Peak(Bf16Support support, ExecutableMemory memory)
    {
        FlopsPerTurn = support == Bf16Support.Amx ? AmxAccumulators * 2.0 * 16 * 16 * 32 : Accumulators * 2.0 * 32;
        _loop = (delegate* unmanaged<nint, void>)memory.Address;
    }

    /// <summary>The loop of this process, or null where the kernels are not available either.</summary>
    public static Bf16Peak? Instance { get; } = TryCreate();

    /// <summary>Multiplications and additions of one turn.</summary>
    public double FlopsPerTurn { get; }

    /// <summary>Runs so many turns.</summary>
    public void Run(long turns)
    {
        Bf16Kernels.Instance!.PrepareThread();
        _loop((nint)turns);
    }

    /// <summary>The loop's machine code.</summary>
    internal static byte[] Emit(Bf16Support support)
    {
        // rdi = turns (System V calling convention).
        var code = new X64Assembler();
        bool amx = support == Bf16Support.Amx;
        if (amx)
        {
            for (int i = 0; i < 2 * AmxAccumulators; i++) code.ZeroTile(i);
        }
        else
        {
            for (int i = 0; i < Accumulators + 2; i++) code.Zero(i);
        }

        int loop = code.Position;
        for (int i = 0; i < (amx ? AmxAccumulators : Accumulators); i++)
        {
            if (amx) code.DotTileBf16(i, 3, 4);
            else code.DotBf16(i, Accumulators, Accumulators + 1);
        }

        code.Subtract(Register.Rdi, 1);
        code.JumpIfNotZero(loop);
        code.ZeroUpper();
        code.Return();
        return code.Code.ToArray();
    }

    private static Bf16Peak? TryCreate()
    {
        if (Bf16Kernels.Instance is not { } kernels) return null;
        return ExecutableMemory.TryCreate(Emit(kernels.Support)) is { } memory ? new Bf16Peak(kernels.Support, memory) : null;
    }
}
