using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Winnow.Kernels.Cpu;

/// <summary>
/// Gradients of <see cref="AttentionWork"/>, one span and one key-value head per part: probabilities are made again from the kept
/// log-sum-exp, block by block.
/// </summary>
/// <param name="shape">Heads, scale, window, soft cap.</param>
/// <param name="queries">[Tq, H·HeadWidth].</param>
/// <param name="keys">[Tk, KV·HeadWidth].</param>
/// <param name="values">[Tk, KV·HeadWidth].</param>
/// <param name="spans">One per KV parts.</param>
/// <param name="output">[Tq, H·HeadWidth].</param>
/// <param name="logSumExp">[Tq, H].</param>
/// <param name="outputGradient">[Tq, H·HeadWidth].</param>
/// <param name="queryGradient">[Tq, H·HeadWidth], overwritten.</param>
/// <param name="keyGradient">[Tk, KV·HeadWidth], overwritten.</param>
/// <param name="valueGradient">[Tk, KV·HeadWidth], overwritten.</param>
internal readonly unsafe struct AttentionBackwardWork(
    AttentionShape shape, Matrix queries, Matrix keys, Matrix values, AttentionSpan* spans, Matrix output, Matrix logSumExp,
    Matrix outputGradient, Matrix queryGradient, Matrix keyGradient, Matrix valueGradient) : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        var blocks = new AttentionBlocks(shape, spans[part / shape.KeyValueHeads], part % shape.KeyValueHeads);
        int keyCount = blocks.Span.KeyCount;
        var memory = new Memory<TLanes>(blocks, scratch);
        blocks.PackPanels<TLanes>(keys, 0, keyCount, memory.KeyPanels);
        blocks.PackPanels<TLanes>(values, 0, keyCount, memory.ValuePanels);
        blocks.PackRows<TLanes>(keys, 0, keyCount, memory.KeyRows);
        for (int first = 0; first < blocks.RowCount; first += AttentionBlocks.Rows)
            RowBlock(blocks, memory, first, Math.Min(blocks.RowCount, first + AttentionBlocks.Rows));

        // Queries were packed with a factor of their own.
        float keyFactor = shape.Scale / blocks.QueryFactor;
        for (int key = 0; key < keyCount; key++)
        {
            long at = (long)key * memory.PaddedWidth;
            AttentionBlocks.StoreScaled<TLanes>(memory.KeySums + at, keyFactor, blocks.Key(keyGradient, key), shape.HeadWidth);
            AttentionBlocks.StoreScaled<TLanes>(memory.ValueSums + at, 1, blocks.Key(valueGradient, key), shape.HeadWidth);
        }
    }

    private void RowBlock<TLanes>(AttentionBlocks blocks, Memory<TLanes> memory, int first, int end)
        where TLanes : struct, ILanes<TLanes>
    {
        int tileRows = AttentionBlocks.TileRows<TLanes>(), padded = memory.PaddedWidth;
        blocks.PackQueries<TLanes>(queries, first, end, blocks.QueryFactor, memory.Queries);
        blocks.PackQueries<TLanes>(outputGradient, first, end, 1, memory.Slopes);
        NativeMemory.Clear(memory.QuerySums, (nuint)(AttentionBlocks.Rows * padded * sizeof(float)));
        for (int row = first; row < end; row++)
        {
            memory.Totals[row - first] = *blocks.PerHead(logSumExp, row) * AttentionBlocks.Log2E;
            memory.Along[row - first] = Dot<TLanes>(memory.Slopes + ((row - first) * padded), blocks.Query(output, row), shape.HeadWidth);
        }

        int lastKey = blocks.LastVisible(end - 1);
        for (int key = blocks.FirstVisible(first) / AttentionBlocks.Keys * AttentionBlocks.Keys; key <= lastKey; key += AttentionBlocks.Keys)
        {
            for (int row = first; row < end; row += tileRows) Tile(blocks, memory, first, row, Math.Min(end - row, tileRows), key);
            for (int tile = key; tile < Math.Min(lastKey + 1, key + AttentionBlocks.Keys); tile += tileRows)
                KeyTile(blocks, memory, first, end, key, tile);
        }

        for (int row = first; row < end; row++)
        {
            AttentionBlocks.StoreScaled<TLanes>(
                memory.QuerySums + ((row - first) * padded), shape.Scale, blocks.Query(queryGradient, row), shape.HeadWidth);
        }
    }

    /// <summary>Probabilities and score gradients of a tile of rows and a block of keys, and what they give the queries.</summary>
    private static void Tile<TLanes>(AttentionBlocks blocks, Memory<TLanes> memory, int first, int row, int rows, int key)
        where TLanes : struct, ILanes<TLanes>
    {
        int count = Math.Min(AttentionBlocks.Keys, blocks.LastVisible(row + rows - 1) + 1 - key);
        if (count <= 0 || blocks.FirstVisible(row) >= key + AttentionBlocks.Keys) return;
        int padded = memory.PaddedWidth, width = blocks.Shape.HeadWidth, panelWidth = Gemm.PanelWidth<TLanes>(), local = row - first;
        int panels = (count + panelWidth - 1) / panelWidth, wide = (count + TLanes.Count - 1) / TLanes.Count * TLanes.Count;
        float* shares = memory.Shares + (local * AttentionBlocks.Keys), slopes = memory.ScoreSlopes + (local * AttentionBlocks.Keys);
        long panelStart = (long)key * width;
        AttentionBlocks.Scores<TLanes>(memory.Queries + (local * padded), padded, memory.KeyPanels + panelStart, width, shares, rows, panels);
        AttentionBlocks.Scores<TLanes>(memory.Slopes + (local * padded), padded, memory.ValuePanels + panelStart, width, slopes, rows, panels);
        bool allVisible = blocks.SeesAll(row, row + rows - 1, key, key + wide - 1);
        for (int r = 0; r < rows; r++)
        {
            float* share = shares + (r * AttentionBlocks.Keys), slope = slopes + (r * AttentionBlocks.Keys);
            (float total, float along) = (memory.Totals[local + r], memory.Along[local + r]);
            if (blocks.Shape.SoftCap > 0)
            {
                float most = blocks.Shape.SoftCap * AttentionBlocks.Log2E;
                Softmax.CapGradient<TLanes>(share, slope, wide, most, along);
                along = 0;
            }

            if (!allVisible) Softmax.Mask<TLanes>(share, wide, blocks.FirstVisible(row + r) - key, blocks.LastVisible(row + r) - key);
            Softmax.Differentiate<TLanes>(share, slope, wide, total, along);
        }

        AttentionTiles.Multiply<TLanes, AlongKeys>(
            slopes, memory.KeyRows + ((long)key * padded), padded, count, memory.QuerySums + (local * padded), padded, rows, padded);
    }

    /// <summary>What the block's rows give a tile of keys and values: rows before the first that sees the tile, or after the last, are left out.</summary>
    private static void KeyTile<TLanes>(AttentionBlocks blocks, Memory<TLanes> memory, int first, int end, int key, int tile)
        where TLanes : struct, ILanes<TLanes>
    {
        int tileRows = AttentionBlocks.TileRows<TLanes>(), padded = memory.PaddedWidth, before = blocks.LastVisible(0);
        int from = Math.Max(first, (tile - before) * blocks.Group), until = end;
        if (blocks.Shape.Window > 0)
            until = (int)Math.Min(end, (tile + tileRows - 1L + blocks.Shape.Window - before) * blocks.Group);
        if (until <= from) return;
        int offset = ((from - first) * AttentionBlocks.Keys) + (tile - key), local = (from - first) * padded;
        long to = (long)tile * padded;
        AttentionTiles.Multiply<TLanes, AlongQueries>(
            memory.Shares + offset, memory.Slopes + local, padded, until - from, memory.ValueSums + to, padded, tileRows, padded);
        AttentionTiles.Multiply<TLanes, AlongQueries>(
            memory.ScoreSlopes + offset, memory.Queries + local, padded, until - from, memory.KeySums + to, padded, tileRows, padded);
    }

    /// <summary>Σ x · y; x holds whole registers with zeros at the end, y just the count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static float Dot<TLanes>(float* x, float* y, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes sum = TLanes.Zero;
        int i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count) sum = TLanes.FusedMultiplyAdd(TLanes.Load(x + i), TLanes.Load(y + i), sum);
        if (i < count) sum = TLanes.FusedMultiplyAdd(TLanes.Load(x + i), TLanes.LoadPartial(y + i, count - i), sum);
        return sum.Sum();
    }

    /// <summary>The parts of a thread's scratch memory.</summary>
    private readonly struct Memory<TLanes>
        where TLanes : struct, ILanes<TLanes>
    {
        public Memory(AttentionBlocks blocks, Scratch scratch)
        {
            const int Square = AttentionBlocks.Rows * AttentionBlocks.Keys;
            int width = blocks.Shape.HeadWidth;
            PaddedWidth = blocks.PaddedWidth<TLanes>();
            int rows = AttentionBlocks.Rows * PaddedWidth;
            long keys = (blocks.Span.KeyCount + AttentionBlocks.Keys - 1) / AttentionBlocks.Keys * (long)AttentionBlocks.Keys;
            long sums = keys * PaddedWidth;
            float* at = scratch.Take((2 * Square) + (3 * rows) + (2 * AttentionBlocks.Rows) + (keys * 2 * width) + (3 * sums));
            Shares = at;
            ScoreSlopes = at += Square;
            Queries = at += Square;
            Slopes = at += rows;
            QuerySums = at += rows;
            Totals = at += rows;
            Along = at += AttentionBlocks.Rows;
            KeyPanels = at += AttentionBlocks.Rows;
            ValuePanels = at += keys * width;
            KeyRows = at += keys * width;
            KeySums = at += sums;
            ValueSums = at + sums;
            NativeMemory.Clear(KeySums, (nuint)(2 * sums) * sizeof(float));
        }

        public int PaddedWidth { get; }

        /// <summary>[Rows, Keys]: probabilities.</summary>
        public float* Shares { get; }

        /// <summary>[Rows, Keys]: gradients of the scores.</summary>
        public float* ScoreSlopes { get; }

        /// <summary>[Rows, PaddedWidth], times <see cref="AttentionBlocks.QueryFactor"/>.</summary>
        public float* Queries { get; }

        /// <summary>[Rows, PaddedWidth]: gradients of the output.</summary>
        public float* Slopes { get; }

        public float* QuerySums { get; }

        /// <summary>[Rows]: log-sum-exp in base 2.</summary>
        public float* Totals { get; }

        /// <summary>[Rows]: output gradient · output.</summary>
        public float* Along { get; }

        public float* KeyPanels { get; }

        public float* ValuePanels { get; }

        public float* KeyRows { get; }

        public float* KeySums { get; }

        public float* ValueSums { get; }
    }
}
