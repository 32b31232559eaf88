using System.Diagnostics;
using Winnow.Kernels.Cpu;
using Winnow.Kernels.Cpu.Emit;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>The encoder against a disassembler, and the emitted bf16 tiles against plain loops.</summary>
public sealed unsafe class EmittedCodeTests
{
    [Fact]
    public void Every_encoding_is_read_back_by_a_disassembler_as_what_was_meant()
    {
        var code = new X64Assembler();
        code.Load(31, new Address(Register.Rsi, 128));
        code.Load(9, new Address(Register.R11, 100, Register.R8, 4));
        code.Store(new Address(Register.Rdx, -64), 17);
        code.Broadcast(27, new Address(Register.R10, 8, Register.R8, 2));
        code.Broadcast(3, new Address(Register.Rdi));
        code.Zero(23);
        code.Add(20, 20, new Address(Register.Rdx, 64));
        code.DotBf16(23, 26, 31);
        code.DotBf16(0, 24, 27);
        code.ConvertToBf16(17, 9, new Address(Register.Rdi, 192));
        code.ConfigureTiles(new Address(Register.Rdi));
        code.ReleaseTiles();
        code.ZeroTile(5);
        code.LoadTile(6, new Address(Register.R11, 64, Register.R9));
        code.StoreTile(new Address(Register.Rdx, 128, Register.R8), 2);
        code.DotTileBf16(1, 3, 5);
        code.Move(Register.R11, Register.R10);
        code.MoveImmediate(Register.R9, 192);
        code.Add(Register.R10, Register.Rdi);
        code.Add(Register.Rsi, 192);
        code.Subtract(Register.Rcx, 1);
        code.LoadAddress(Register.R10, new Address(Register.R8, 0, Register.R8, 2));
        code.PrefetchForWrite(new Address(Register.Rax, 64));
        code.PrefetchForWrite(new Address(Register.R11));
        code.JumpIfNotZero(0);
        code.ZeroUpper();
        code.Return();
        string[] expected =
        [
            "vmovups zmm31,ZMMWORD PTR [rsi+0x80]", "vmovups zmm9,ZMMWORD PTR [r11+r8*4+0x64]",
            "vmovups ZMMWORD PTR [rdx-0x40],zmm17", "vbroadcastss zmm27,DWORD PTR [r10+r8*2+0x8]",
            "vbroadcastss zmm3,DWORD PTR [rdi]", "vpxord zmm23,zmm23,zmm23", "vaddps zmm20,zmm20,ZMMWORD PTR [rdx+0x40]",
            "vdpbf16ps zmm23,zmm26,zmm31", "vdpbf16ps zmm0,zmm24,zmm27", "vcvtne2ps2bf16 zmm17,zmm9,ZMMWORD PTR [rdi+0xc0]", "ldtilecfg [rdi]", "tilerelease", "tilezero tmm5",
            "tileloadd tmm6,[r11+r9*1+0x40]", "tilestored [rdx+r8*1+0x80],tmm2", "tdpbf16ps tmm1,tmm3,tmm5", "mov r11,r10",
            "mov r9,0xc0", "add r10,rdi", "add rsi,0xc0", "sub rcx,0x1", "lea r10,[r8+r8*2]",
            "prefetchw BYTE PTR [rax+0x40]", "prefetchw BYTE PTR [r11]", "jne 0x0", "vzeroupper", "ret",
        ];
        Assert.Equal(expected, Disassemble(code.Code));
    }

    [Fact]
    public void The_loops_that_measure_the_peak_disassemble_to_products_of_registers()
    {
        string[] avx = Disassemble(Bf16Peak.Emit(Bf16Support.Avx512)), amx = Disassemble(Bf16Peak.Emit(Bf16Support.Amx));
        Assert.Equal(26, avx.Count(line => line.StartsWith("vpxord", StringComparison.Ordinal)));
        Assert.Equal(Enumerable.Range(0, 24).Select(i => $"vdpbf16ps zmm{i},zmm24,zmm25"), avx[26..50]);
        Assert.Equal(["tdpbf16ps tmm0,tmm3,tmm4", "tdpbf16ps tmm1,tmm3,tmm4", "tdpbf16ps tmm2,tmm3,tmm4"], amx[6..9]);
        Assert.Equal(["vzeroupper", "ret"], avx[^2..]);
    }

    [Fact]
    public void The_amx_kernel_disassembles_to_the_tile_loop()
    {
        (byte[] code, int[] starts) = Bf16Kernels.Emit(Bf16Support.Amx);
        const int Widest = 5;
        string[] lines = Disassemble(code.AsSpan(starts[Widest], starts[Widest + 1] - starts[Widest]));
        Assert.Equal(
            [
                "mov rax,r8", "mov r8,r9", "tileloadd tmm0,[rdx+r8*1]", "tileloadd tmm1,[rdx+r8*1+0x40]", "tileloadd tmm2,[rdx+r8*1+0x80]",
                "mov r10,rcx", "mov r11,rsi", "mov r9,0xc0", "tileloadd tmm3,[rdi+rax*1]",
                "tileloadd tmm4,[r11+r9*1]", "tdpbf16ps tmm0,tmm3,tmm4", "tileloadd tmm5,[r11+r9*1+0x40]", "tdpbf16ps tmm1,tmm3,tmm5",
                "tileloadd tmm6,[r11+r9*1+0x80]", "tdpbf16ps tmm2,tmm3,tmm6", "add rdi,0x40", "add r11,0xc00", "sub r10,0x10",
                $"jne 0x{AmxLoopStart(code.AsSpan(starts[Widest])):x}", "tilestored [rdx+r8*1],tmm0", "tilestored [rdx+r8*1+0x40],tmm1",
                "tilestored [rdx+r8*1+0x80],tmm2", "ret",
            ],
            lines);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Every_bf16_tile_agrees_with_plain_loops(bool accumulate)
    {
        Assert.SkipUnless(Bf16Kernels.Instance is not null, "the processor has no bf16 instructions, or executable memory is forbidden");
        Bf16Kernels kernels = Bf16Kernels.Instance!;
        kernels.PrepareThread();
        var random = new Random(7);
        foreach (int pairs in (int[])[1, 2, 3, 7, 16, 31, 64, 192, 385])
        {
            int padded = (pairs + kernels.PairsMultiple - 1) / kernels.PairsMultiple * kernels.PairsMultiple;
            for (int columns = Bf16Kernels.FewestColumns; columns <= Bf16Kernels.Columns; columns += Bf16Kernels.FewestColumns)
            {
                for (int rows = kernels.AnyRows ? 1 : kernels.Rows; rows <= kernels.Rows; rows++)
                    Check(kernels, random, rows, columns, padded, accumulate);
            }
        }
    }

    [Fact]
    public void Every_length_is_rounded_to_the_nearest_bf16_in_place_or_not()
    {
        Assert.SkipUnless(Bf16Kernels.Instance is not null, "the processor has no bf16 instructions, or executable memory is forbidden");
        var random = new Random(9);
        for (int count = 1; count <= 257; count++)
        {
            // Random bits: all exponents, ties, infinities and NaNs; but subnormals, which become 0.
            float[] values = [.. Enumerable.Range(0, count).Select(i => BitConverter.UInt32BitsToSingle(i % 5 == 0 ? (uint)random.Next() << 15 : (uint)random.NextInt64()))];
            float[] expected = [.. values.Select(v => float.IsSubnormal(v) ? 0 : v)];
            ushort[] wanted = new ushort[count], found = new ushort[count + 1];
            found[count] = 77;
            fixed (float* from = values, flushed = expected)
            fixed (ushort* to = found, slow = wanted)
            {
                NarrowFloats.ToBF16(flushed, slow, count);
                Bf16Kernels.Instance!.Round(from, to, count);
                Assert.Equal(77, found[count]);
                Bf16Kernels.Instance!.Round(from, (ushort*)from, count);
                for (int i = 0; i < count; i++)
                {
                    Assert.Equal(Widen(wanted[i]), Widen(found[i]));
                    Assert.Equal(found[i], ((ushort*)from)[i]);
                }
            }
        }
    }

    private static void Check(Bf16Kernels kernels, Random random, int rows, int columns, int pairs, bool accumulate)
    {
        int aStride = (2 * pairs) + 6, cStride = columns + 5;
        ushort[] a = Values(random, rows * aStride), b = Values(random, pairs * columns * 2);
        float[] c = [.. Enumerable.Range(0, rows * cStride).Select(_ => random.NextSingle())], start = [.. c];
        fixed (ushort* pa = a, pb = b)
        fixed (float* pc = c)
            kernels.Multiply(pa, pb, pc, rows, columns, pairs, aStride, cStride, accumulate);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < cStride; j++)
            {
                double expected = start[(i * cStride) + j];
                if (j < columns)
                {
                    if (!accumulate) expected = 0;
                    for (int k = 0; k < 2 * pairs; k++)
                        expected += (double)Widen(a[(i * aStride) + k]) * Widen(b[((((k / 2) * columns) + j) * 2) + (k % 2)]);
                }

                // f32 sums of 2·pairs products of magnitude up to 1.
                Assert.Equal(expected, c[(i * cStride) + j], 1e-6 * (4 + pairs));
            }
        }
    }

    private static ushort[] Values(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (ushort)(BitConverter.SingleToUInt32Bits((2 * random.NextSingle()) - 1) >> 16))];

    private static float Widen(ushort value) => BitConverter.UInt32BitsToSingle((uint)value << 16);

    // The loop starts right after `mov r9,0xc0`.
    private static int AmxLoopStart(ReadOnlySpan<byte> code) => code.IndexOf((ReadOnlySpan<byte>)[0x49, 0xC7, 0xC1, 0xC0, 0, 0, 0]) + 7;

    private static string[] Disassemble(ReadOnlySpan<byte> code)
    {
        Assert.SkipWhen(!OperatingSystem.IsLinux() || !File.Exists("/usr/bin/objdump"), "objdump (binutils) is not installed");
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, code);
            using var process = Process.Start(new ProcessStartInfo("/usr/bin/objdump", ["-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", "--no-show-raw-insn", file])
            {
                RedirectStandardOutput = true,
            })!;
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return
            [
                .. text.Split('\n').Where(line => line.Contains(":\t", StringComparison.Ordinal))
                    .Select(line => string.Join(' ', line[(line.IndexOf(":\t", StringComparison.Ordinal) + 2)..].Split(' ', StringSplitOptions.RemoveEmptyEntries))),
            ];
        }
        finally
        {
            File.Delete(file);
        }
    }
}
