using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Winnow.Kernels.Cpu;

/// <summary>How the right-hand side of a product lies in memory.</summary>
internal enum PanelLayout
{
    /// <summary>Panels [K, width] of f32, one after the other, the last padded with zeros: what the tiles read.</summary>
    PackedF32,

    /// <summary>The same panels of bf16.</summary>
    PackedBF16,

    /// <summary>The same panels of f16.</summary>
    PackedF16,

    /// <summary>The same panels, [K in pairs, 48], of pairs of bf16: what the emitted tiles read.</summary>
    Pairs,

    /// <summary>[N, K] row-major f32: a parameter as it is stored.</summary>
    Rows,

    /// <summary>[K, N] row-major f32: activations, or a parameter multiplied from the other side.</summary>
    Columns,
}

/// <summary>
/// The right-hand side B [K, N] of a product, read panel by panel: a panel is [depth, 3 registers] of f32. Where the memory is not
/// laid out so, a piece is rewritten into the thread's scratch first, small enough to stay in its second-level cache.
/// </summary>
internal readonly unsafe struct Panels(PanelLayout layout, void* data, long stride, int depth, int count)
{
    private const int PrefetchRows = 16;

    // A deeper piece would leave the second-level cache: 1024 · 48 floats are 192 KiB.
    private const int LargestPiece = 1024;

    /// <summary>K; counted in pairs where they are <see cref="Paired"/>.</summary>
    public readonly int Depth = depth;

    /// <summary>N.</summary>
    public readonly int Count = count;

    /// <summary>A row-major f32 matrix that stands for B transposed: B[k, n] = rows[n, k].</summary>
    public static Panels OfRows(Matrix rows) => new(PanelLayout.Rows, rows.Data, rows.Stride, rows.Columns, rows.Rows);

    /// <summary>A row-major f32 matrix as it is: B[k, n] = columns[k, n].</summary>
    public static Panels OfColumns(Matrix columns) => new(PanelLayout.Columns, columns.Data, columns.Stride, columns.Rows, columns.Columns);

    /// <summary>True when every read of a panel costs a rewriting.</summary>
    public bool Rewritten => layout is not (PanelLayout.PackedF32 or PanelLayout.Pairs);

    /// <summary>True when both factors are pairs of bf16.</summary>
    public bool Paired => layout == PanelLayout.Pairs;

    /// <summary>Rows of K that are multiplied at a time: K in equal pieces. It depends on K alone, and with it the order of every sum.</summary>
    public int Piece
    {
        get
        {
            int pieces = (Depth + LargestPiece - 1) / LargestPiece;
            return pieces <= 1 ? Math.Max(Depth, 1) : ((Depth + pieces - 1) / pieces + 15) / 16 * 16;
        }
    }

    /// <summary>Floats of scratch that <see cref="Read"/> needs.</summary>
    public long ScratchLength(int width) => Rewritten ? (long)Piece * width : 0;

    /// <summary>How many panels of <paramref name="width"/> columns there are.</summary>
    public int PanelCount(int width) => (Count + width - 1) / width;

    /// <summary>Columns [first, first + count) of B. For packed layouts <paramref name="first"/> is a multiple of the panel's width.</summary>
    public Panels Slice(int first, int count)
    {
        void* start = layout switch
        {
            PanelLayout.PackedF32 or PanelLayout.Pairs => (float*)data + ((long)first * Depth),
            PanelLayout.PackedBF16 or PanelLayout.PackedF16 => (ushort*)data + ((long)first * Depth),
            PanelLayout.Rows => (float*)data + (first * stride),
            _ => (float*)data + first,
        };
        return new Panels(layout, start, stride, Depth, count);
    }

    /// <summary>Rows [k, k + depth) of one panel as f32, either in place or rewritten into <paramref name="scratch"/>.</summary>
    public float* Read<TLanes>(int panel, int k, int depth, float* scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        int width = 3 * TLanes.Count;
        int first = panel * width;
        long packed = ((long)first * Depth) + ((long)k * width);
        switch (layout)
        {
            case PanelLayout.PackedF32:
            case PanelLayout.Pairs:
                return (float*)data + packed;
            case PanelLayout.PackedBF16:
                NarrowFloats.FromBF16<TLanes>((ushort*)data + packed, scratch, (long)depth * width);
                return scratch;
            case PanelLayout.PackedF16:
                NarrowFloats.FromF16<TLanes>((ushort*)data + packed, scratch, (long)depth * width);
                return scratch;
            case PanelLayout.Rows:
                FromRows<TLanes>((float*)data + (first * stride) + k, Math.Min(width, Count - first), depth, scratch);
                return scratch;
            default:
                FromColumns<TLanes>((float*)data + (k * stride) + first, Math.Min(width, Count - first), depth, scratch);
                return scratch;
        }
    }

    private void FromRows<TLanes>(float* from, int columns, int depth, float* to)
        where TLanes : struct, ILanes<TLanes>
    {
        int width = 3 * TLanes.Count;
        Transposition.Transpose<TLanes>(from, stride, columns, depth, to, width);
        for (int k = 0; columns < width && k < depth; k++) new Span<float>(to + (k * width) + columns, width - columns).Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void FromColumns<TLanes>(float* from, int columns, int depth, float* to)
        where TLanes : struct, ILanes<TLanes>
    {
        int width = 3 * TLanes.Count;
        for (int k = 0; k < depth; k++, from += stride, to += width)
        {
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(from + (PrefetchRows * stride));
                Sse.Prefetch0(from + (PrefetchRows * stride) + 16);
                Sse.Prefetch0(from + (PrefetchRows * stride) + 32);
            }

            if (columns == width)
            {
                TLanes.Load(from).Store(to);
                TLanes.Load(from + TLanes.Count).Store(to + TLanes.Count);
                TLanes.Load(from + (2 * TLanes.Count)).Store(to + (2 * TLanes.Count));
                continue;
            }

            new ReadOnlySpan<float>(from, columns).CopyTo(new Span<float>(to, columns));
            new Span<float>(to + columns, width - columns).Clear();
        }
    }
}
