using System.Runtime.CompilerServices;
using Winnow.Kernels.Cpu.Emit;

namespace Winnow.Kernels.Cpu;

/// <summary>
/// Products of bf16 by emitted tiles. Two neighbours along K make a pair, and a pair is an element of 32 bits: so matrices and panels
/// are cut, sliced and walked as those of f32 are, with K counted in pairs. Every sum is one chain in order of k, so a row's result
/// does not depend on which rows stand beside it.
/// </summary>
internal static unsafe class GemmPairs
{
    // Rows 4 KiB apart would all fall into the same few places of the cache.
    private const int RowPadding = 16;

    private const int MostRows = 16;

    /// <summary>K in pairs, padded to what the kernels need.</summary>
    public static int Depth(int columns)
    {
        int pairs = (columns + 1) / 2, multiple = Bf16Kernels.Instance!.PairsMultiple;
        return Math.Max(1, (pairs + multiple - 1) / multiple) * multiple;
    }

    /// <summary>Floats of memory that a matrix takes as pairs. A tile of few rows may read, and not use, the rows after the last.</summary>
    public static long Length(int rows, int depth) => (rows + MostRows - 1L) * (depth + RowPadding);

    /// <summary>Where the pairs of a matrix go.</summary>
    public static Matrix Place(float* memory, int rows, int depth) => new(memory, rows, depth, depth + RowPadding);

    /// <summary>c (+)= a · b for one piece of one panel, with the epilogue.</summary>
    /// <param name="a">[M, pairs].</param>
    /// <param name="b">[pairs, 48].</param>
    /// <param name="c">[M, columns of the panel that exist].</param>
    /// <param name="epilogue">Its bias starts at the panel's first column.</param>
    [SkipLocalsInit]
    public static void MultiplyPiece<TLanes>(Matrix a, float* b, Matrix c, Epilogue epilogue)
        where TLanes : struct, ILanes<TLanes>
    {
        Bf16Kernels kernels = Bf16Kernels.Instance!;
        kernels.PrepareThread();
        float* tile = stackalloc float[MostRows * Bf16Kernels.Columns];
        float* bias = epilogue.BiasAt(0);
        for (int row = 0; row < a.Rows; row += kernels.Rows)
        {
            int rows = Math.Min(kernels.Rows, a.Rows - row);
            bool direct = c.Columns == Bf16Kernels.Columns && (rows == kernels.Rows || kernels.AnyRows);
            Matrix target = c.Slice(row, rows), product = direct ? target : new Matrix(tile, rows, c.Columns, Bf16Kernels.Columns);
            if (!direct && epilogue.Accumulate) Copy(target, product);
            kernels.Multiply((ushort*)a.Row(row), (ushort*)b, product.Data, rows, Bf16Kernels.Columns, a.Columns, 2L * a.Stride, product.Stride, epilogue.Accumulate);
            if (!direct) Copy(product, target);
            if (bias != null) Add<TLanes>(target, bias);
            for (int r = 0; r < rows && epilogue.Activation != Activation.None; r++)
                Activations.Apply<TLanes>(epilogue.Activation, target.Row(r), target.Row(r), c.Columns);
        }
    }

    /// <summary>Rounds a row to pairs; what pads it is zero.</summary>
    /// <param name="from">[count].</param>
    /// <param name="count">Numbers in the row.</param>
    /// <param name="to">[depth] pairs.</param>
    /// <param name="depth">At least half the count.</param>
    public static void Round(float* from, int count, float* to, int depth)
    {
        var pairs = (ushort*)to;
        Bf16Kernels.Instance!.Round(from, pairs, count);
        new Span<ushort>(pairs + count, (2 * depth) - count).Clear();
    }

    private static void Copy(Matrix from, Matrix to)
    {
        for (int r = 0; r < from.Rows; r++)
            new ReadOnlySpan<float>(from.Row(r), from.Columns).CopyTo(new Span<float>(to.Row(r), from.Columns));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Add<TLanes>(Matrix c, float* bias)
        where TLanes : struct, ILanes<TLanes>
    {
        int wide = c.Columns - (c.Columns % TLanes.Count);
        for (int j = 0; j < wide; j += TLanes.Count)
        {
            TLanes shift = TLanes.Load(bias + j);
            float* to = c.Data + j;
            for (int r = 0; r < c.Rows; r++, to += c.Stride) (TLanes.Load(to) + shift).Store(to);
        }

        for (int j = wide; j < c.Columns; j++)
        {
            for (int r = 0; r < c.Rows; r++) c.Row(r)[j] += bias[j];
        }
    }
}

/// <summary>Activations rounded to bf16 pairs, some rows at a time; what pads K is zero.</summary>
/// <param name="from">[T, K] f32.</param>
/// <param name="to">[T, pairs].</param>
internal readonly unsafe struct PairWork(Matrix from, Matrix to) : IWork
{
    private const int RowsPerPart = 32;

    /// <summary>How many parts there are.</summary>
    public static int Parts(int rows) => (rows + RowsPerPart - 1) / RowsPerPart;

    /// <inheritdoc/>
    public void Run(int part, Scratch scratch)
    {
        for (int row = part * RowsPerPart; row < Math.Min(from.Rows, (part + 1) * RowsPerPart); row++)
            GemmPairs.Round(from.Row(row), from.Columns, to.Row(row), to.Columns);
    }
}
