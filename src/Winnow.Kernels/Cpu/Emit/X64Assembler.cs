using System.Buffers.Binary;

namespace Winnow.Kernels.Cpu.Emit;

/// <summary>The general registers that kernels address memory with, by their number in the encoding.</summary>
internal enum Register
{
    Rax = 0, Rcx = 1, Rdx = 2, Rbx = 3, Rsp = 4, Rbp = 5, Rsi = 6, Rdi = 7, R8 = 8, R9 = 9, R10 = 10, R11 = 11,
}

/// <summary>A memory operand: base + index · scale + displacement.</summary>
/// <param name="Base">Holds the address.</param>
/// <param name="Displacement">Added, in bytes.</param>
/// <param name="Index">Multiplied by the scale and added; null for none. Never Rsp.</param>
/// <param name="Scale">1, 2, 4 or 8.</param>
internal readonly record struct Address(Register Base, int Displacement = 0, Register? Index = null, int Scale = 1);

/// <summary>
/// Writes x86-64 machine code: the handful of instructions that the bf16 kernels need and .NET has no intrinsic for, and the
/// integer instructions of their loops. Encodings: Intel Architectures Software Developer's Manual, volume 2.
/// </summary>
internal sealed class X64Assembler
{
    private readonly List<byte> _code = [];

    /// <summary>The code so far.</summary>
    public ReadOnlySpan<byte> Code => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_code);

    /// <summary>Where the next instruction goes; a backward jump's target.</summary>
    public int Position => _code.Count;

    // AVX-512 (EVEX). Vector registers are numbered 0–31.

    /// <summary>vmovups zmm, [m]: 16 floats, any alignment.</summary>
    public void Load(int target, Address source) => Evex(Map.F, Prefix.None, 0x10, target, 0, source, tupleBytes: 64);

    /// <summary>vmovups [m], zmm.</summary>
    public void Store(Address target, int source) => Evex(Map.F, Prefix.None, 0x11, source, 0, target, tupleBytes: 64);

    /// <summary>vbroadcastss zmm, [m]: one 32-bit value in all 16 places.</summary>
    public void Broadcast(int target, Address source) => Evex(Map.F38, Prefix.P66, 0x18, target, 0, source, tupleBytes: 4);

    /// <summary>vpxord zmm, zmm, zmm with three times the same register: zero.</summary>
    public void Zero(int register) => Evex(Map.F, Prefix.P66, 0xEF, register, register, register);

    /// <summary>vaddps zmm, zmm, [m].</summary>
    public void Add(int target, int left, Address right) => Evex(Map.F, Prefix.None, 0x58, target, left, right, tupleBytes: 64);

    /// <summary>vdpbf16ps zmm, zmm, zmm: each f32 place of the target += the two products of its bf16 pairs.</summary>
    public void DotBf16(int target, int left, int right) => Evex(Map.F38, Prefix.PF3, 0x52, target, left, right);

    /// <summary>vcvtne2ps2bf16 zmm, zmm, [m]: the lower half of the target from memory, the upper from a register, rounded to bf16.</summary>
    public void ConvertToBf16(int target, int upper, Address lower) => Evex(Map.F38, Prefix.PF2, 0x72, target, upper, lower, tupleBytes: 64);

    // AMX (VEX). Tile registers are numbered 0–7.

    /// <summary>ldtilecfg [m]: 64 bytes that give each tile's rows and bytes per row.</summary>
    public void ConfigureTiles(Address source) => Vex(Prefix.None, 0x49, 0, 0, source);

    /// <summary>tilerelease.</summary>
    public void ReleaseTiles() => Vex(Prefix.None, 0x49, 0, 0, 0);

    /// <summary>tilezero tmm.</summary>
    public void ZeroTile(int tile) => Vex(Prefix.PF2, 0x49, tile, 0, 0);

    /// <summary>tileloadd tmm, [base + index]: rows that are index bytes apart.</summary>
    public void LoadTile(int tile, Address source) => Vex(Prefix.PF2, 0x4B, tile, 0, source);

    /// <summary>tilestored [base + index], tmm.</summary>
    public void StoreTile(Address target, int tile) => Vex(Prefix.PF3, 0x4B, tile, 0, target);

    /// <summary>tdpbf16ps tmm, tmm, tmm: target += left · right, with bf16 pairs along the inner dimension.</summary>
    public void DotTileBf16(int target, int left, int right) => Vex(Prefix.PF3, 0x5C, target, right, left);

    // Integers and control, 64-bit

    /// <summary>mov r, r.</summary>
    public void Move(Register target, Register source) => Integer(0x89, source, target);

    /// <summary>mov r, imm32, sign-extended.</summary>
    public void MoveImmediate(Register target, int value)
    {
        _code.AddRange([(byte)(0x48 | High(target)), 0xC7, (byte)(0xC0 | ((int)target & 7))]);
        Int32(value);
    }

    /// <summary>add r, r.</summary>
    public void Add(Register target, Register source) => Integer(0x01, source, target);

    /// <summary>add r, imm32.</summary>
    public void Add(Register target, int value) => Immediate(0, target, value);

    /// <summary>sub r, imm32; sets the flags that <see cref="JumpIfNotZero"/> reads.</summary>
    public void Subtract(Register target, int value) => Immediate(5, target, value);

    /// <summary>lea r, [m].</summary>
    public void LoadAddress(Register target, Address source)
    {
        _code.Add((byte)(0x48 | (High(target) << 2) | (High(source.Index) << 1) | High(source.Base)));
        _code.Add(0x8D);
        ModRm((int)target & 7, source, tupleBytes: 1);
    }

    /// <summary>prefetchw [m]: its line is about to be written.</summary>
    public void PrefetchForWrite(Address address)
    {
        int high = (High(address.Index) << 1) | High(address.Base);
        if (high != 0) _code.Add((byte)(0x40 | high));
        _code.AddRange([0x0F, 0x0D]);
        ModRm(1, address, tupleBytes: 1);
    }

    /// <summary>jnz to an earlier position.</summary>
    public void JumpIfNotZero(int position)
    {
        _code.Add(0x0F);
        _code.Add(0x85);
        Int32(position - (_code.Count + 4));
    }

    /// <summary>vzeroupper: no penalty for SSE code that follows.</summary>
    public void ZeroUpper() => _code.AddRange([0xC5, 0xF8, 0x77]);

    /// <summary>ret.</summary>
    public void Return() => _code.Add(0xC3);

    private enum Map { F = 1, F38 = 2 }

    private enum Prefix { None = 0, P66 = 1, PF3 = 2, PF2 = 3 }

    private static int High(Register? register) => register is { } some ? (int)some >> 3 : 0;

    private void Evex(Map map, Prefix prefix, byte opcode, int reg, int vvvv, int rm)
    {
        // With a register operand the X bit extends rm to 32 registers.
        EvexPrefix(map, prefix, reg, vvvv, extendX: (rm >> 4) & 1, extendB: (rm >> 3) & 1);
        _code.Add(opcode);
        _code.Add((byte)(0xC0 | ((reg & 7) << 3) | (rm & 7)));
    }

    private void Evex(
        Map map, Prefix prefix, byte opcode, int reg, int vvvv, Address address, int tupleBytes)
    {
        EvexPrefix(map, prefix, reg, vvvv, extendX: High(address.Index), extendB: High(address.Base));
        _code.Add(opcode);
        ModRm(reg & 7, address, tupleBytes);
    }

    private void EvexPrefix(Map map, Prefix prefix, int reg, int vvvv, int extendX, int extendB)
    {
        int first = (int)map | ((~reg >> 3 & 1) << 7) | ((extendX ^ 1) << 6) | ((extendB ^ 1) << 5) | ((~reg >> 4 & 1) << 4);
        int second = 0x04 | (int)prefix | ((~vvvv & 15) << 3);
        int third = ((~vvvv >> 4 & 1) << 3) | 0x40;
        _code.AddRange([0x62, (byte)first, (byte)second, (byte)third]);
    }

    private void Vex(Prefix prefix, byte opcode, int reg, int vvvv, int rm)
    {
        VexPrefix(prefix, reg, vvvv, 0, (rm >> 3) & 1);
        _code.Add(opcode);
        _code.Add((byte)(0xC0 | ((reg & 7) << 3) | (rm & 7)));
    }

    private void Vex(Prefix prefix, byte opcode, int reg, int vvvv, Address address)
    {
        VexPrefix(prefix, reg, vvvv, High(address.Index), High(address.Base));
        _code.Add(opcode);
        ModRm(reg & 7, address, tupleBytes: 1);
    }

    private void VexPrefix(Prefix prefix, int reg, int vvvv, int extendX, int extendB)
    {
        int first = (int)Map.F38 | ((~reg >> 3 & 1) << 7) | ((extendX ^ 1) << 6) | ((extendB ^ 1) << 5);
        int second = (int)prefix | ((~vvvv & 15) << 3);
        _code.AddRange([0xC4, (byte)first, (byte)second]);
    }

    /// <summary>ModRM, SIB and displacement. An EVEX displacement of one byte counts in units of the memory operand's size.</summary>
    private void ModRm(int reg, Address address, int tupleBytes)
    {
        int low = (int)address.Base & 7;
        bool indexed = address.Index is not null || low == 4;
        bool none = address.Displacement == 0 && low != 5;
        int scaled = address.Displacement / tupleBytes;
        bool small = address.Displacement % tupleBytes == 0 && scaled is >= -128 and <= 127;
        int mode = none ? 0 : small ? 1 : 2;
        _code.Add((byte)((mode << 6) | (reg << 3) | (indexed ? 4 : low)));
        if (indexed)
        {
            int scale = System.Numerics.BitOperations.Log2((uint)address.Scale);
            int index = address.Index is { } some ? (int)some & 7 : 4;
            _code.Add((byte)((scale << 6) | (index << 3) | low));
        }

        if (mode == 1) _code.Add((byte)(sbyte)scaled);
        if (mode == 2) Int32(address.Displacement);
    }

    private void Integer(byte opcode, Register reg, Register rm)
    {
        _code.Add((byte)(0x48 | (High(reg) << 2) | High(rm)));
        _code.Add(opcode);
        _code.Add((byte)(0xC0 | (((int)reg & 7) << 3) | ((int)rm & 7)));
    }

    private void Immediate(int extension, Register rm, int value)
    {
        _code.Add((byte)(0x48 | High(rm)));
        _code.Add(0x81);
        _code.Add((byte)(0xC0 | (extension << 3) | ((int)rm & 7)));
        Int32(value);
    }

    private void Int32(int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, value);
        foreach (byte b in bytes) _code.Add(b);
    }
}
