using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Winnow.Kernels.Cpu;

/// <summary>
/// Attention of one span and one key-value head per part (online softmax: Milakov and Gimelshein, arXiv 1805.02867; blocks as in
/// FlashAttention: Dao et al., arXiv 2205.14135). Scores are kept in base 2.
/// </summary>
/// <param name="shape">Heads, scale, window, soft cap.</param>
/// <param name="queries">[Tq, H·HeadWidth].</param>
/// <param name="keys">[Tk, KV·HeadWidth].</param>
/// <param name="values">[Tk, KV·HeadWidth].</param>
/// <param name="spans">One per KV parts.</param>
/// <param name="parts">All parts.</param>
/// <param name="output">[Tq, H·HeadWidth].</param>
/// <param name="logSumExp">[Tq, H], or no data when not wanted.</param>
internal readonly unsafe struct AttentionWork(
    AttentionShape shape, Matrix queries, Matrix keys, Matrix values, AttentionSpan* spans, int parts, Matrix output,
    Matrix logSumExp) : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        var blocks = new AttentionBlocks(shape, spans[part / shape.KeyValueHeads], part % shape.KeyValueHeads);
        if (blocks.RowCount == 0) return;
        var memory = new Memory<TLanes>(blocks, values, scratch);
        if (memory.OneTile && part + shape.KeyValueHeads < parts) Fetch(spans[(part / shape.KeyValueHeads) + 1], part % shape.KeyValueHeads);
        if (!memory.OneTile)
        {
            blocks.PackPanels<TLanes>(keys, memory.FirstKey, blocks.Span.KeyCount, memory.Keys);
            blocks.PackRows<TLanes>(values, memory.FirstKey, blocks.Span.KeyCount, memory.Values);
        }

        for (int first = 0; first < blocks.RowCount; first += AttentionBlocks.Rows)
            RowBlock(blocks, memory, first, Math.Min(blocks.RowCount, first + AttentionBlocks.Rows));
    }

    /// <summary>
    /// Asks the caches for one head's share of the next span's rows. With few queries the time goes into reading keys and values,
    /// and head by head they are short pieces far apart, which no hardware foresees.
    /// </summary>
    private void Fetch(AttentionSpan span, int share)
    {
        const int LineFloats = 16;
        const long MostFloats = 1 << 17;
        if (!Sse.IsSupported || (long)span.KeyCount * keys.Columns > MostFloats) return;
        int first = (int)((long)span.KeyCount * share / shape.KeyValueHeads), end = (int)((long)span.KeyCount * (share + 1) / shape.KeyValueHeads);
        for (int key = first; key < end; key++)
        {
            float* keyRow = keys.Row(span.KeyStart + key), valueRow = values.Row(span.KeyStart + key);
            for (int i = 0; i < keys.Columns; i += LineFloats)
            {
                Sse.Prefetch1(keyRow + i);
                Sse.Prefetch1(valueRow + i);
            }
        }
    }

    private void RowBlock<TLanes>(AttentionBlocks blocks, Memory<TLanes> memory, int first, int end)
        where TLanes : struct, ILanes<TLanes>
    {
        int tileRows = AttentionBlocks.TileRows<TLanes>();
        blocks.PackQueries<TLanes>(queries, first, end, blocks.QueryFactor, memory.Queries);
        memory.Begin(end - first);
        int lastKey = blocks.LastVisible(end - 1);
        for (int key = blocks.FirstVisible(first) / AttentionBlocks.Keys * AttentionBlocks.Keys; key <= lastKey; key += AttentionBlocks.Keys)
        {
            float* panels = memory.Keys + ((long)(key - memory.FirstKey) * shape.HeadWidth);
            float* rows = memory.Values + ((long)(key - memory.FirstKey) * memory.ValueStride);
            if (memory.OneTile)
            {
                int blockEnd = Math.Min(lastKey + 1, key + AttentionBlocks.Keys);
                blocks.PackPanels<TLanes>(keys, key, blockEnd, panels = memory.Keys);
                if (memory.CopiesValues) blocks.PackRows<TLanes>(values, key, blockEnd, rows = memory.Values);
                else rows = blocks.Key(values, key);
            }

            for (int row = first; row < end; row += tileRows)
                Tile(blocks, memory, first, row, Math.Min(end - row, tileRows), key, panels, rows);
        }

        Finish(blocks, memory, first, end);
    }

    /// <summary>A tile of rows meets a block of keys.</summary>
    private static void Tile<TLanes>(
        AttentionBlocks blocks, Memory<TLanes> memory, int first, int row, int rows, int key, float* panels, float* valueRows)
        where TLanes : struct, ILanes<TLanes>
    {
        int count = Math.Min(AttentionBlocks.Keys, blocks.LastVisible(row + rows - 1) + 1 - key);
        if (count <= 0 || blocks.FirstVisible(row) >= key + AttentionBlocks.Keys) return;
        int padded = memory.PaddedWidth, panelWidth = Gemm.PanelWidth<TLanes>(), local = row - first;
        float* queryRows = memory.Queries + (local * padded), outputRows = memory.Output + (local * padded);
        AttentionBlocks.Scores<TLanes>(
            queryRows, padded, panels, blocks.Shape.HeadWidth, memory.Scores, rows, (count + panelWidth - 1) / panelWidth);
        int wide = (count + TLanes.Count - 1) / TLanes.Count * TLanes.Count;
        bool allVisible = blocks.SeesAll(row, row + rows - 1, key, key + wide - 1);
        for (int r = 0; r < rows; r++)
        {
            float* scores = memory.Scores + (r * AttentionBlocks.Keys);
            if (blocks.Shape.SoftCap > 0) Softmax.Cap<TLanes>(scores, wide, blocks.Shape.SoftCap * AttentionBlocks.Log2E);
            if (!allVisible) Softmax.Mask<TLanes>(scores, wide, blocks.FirstVisible(row + r) - key, blocks.LastVisible(row + r) - key);
            float before = memory.Greatest[local + r];
            float* sums = memory.Sums + ((local + r) * TLanes.Count);
            float greatest = Softmax.Exponentiate<TLanes>(scores, wide, before, sums);
            if (greatest == before) continue;
            memory.Greatest[local + r] = greatest;
            Softmax.Rescale<TLanes>(outputRows + (r * padded), padded, before - greatest);
        }

        AttentionTiles.Multiply<TLanes, AlongKeys>(
            memory.Scores, valueRows, memory.ValueStride, count, outputRows, padded, rows, padded);
    }

    private void Finish<TLanes>(AttentionBlocks blocks, Memory<TLanes> memory, int first, int end)
        where TLanes : struct, ILanes<TLanes>
    {
        for (int row = first; row < end; row++)
        {
            int local = row - first;
            float sum = TLanes.Load(memory.Sums + (local * TLanes.Count)).Sum();
            AttentionBlocks.StoreScaled<TLanes>(
                memory.Output + (local * memory.PaddedWidth), 1 / sum, blocks.Query(output, row), shape.HeadWidth);
            if (logSumExp.Data is null) continue;
            *blocks.PerHead(logSumExp, row) = (float)((memory.Greatest[local] + Math.Log2(sum)) / Math.Log2(Math.E));
        }
    }

    /// <summary>The parts of a thread's scratch memory.</summary>
    private readonly struct Memory<TLanes>
        where TLanes : struct, ILanes<TLanes>
    {
        public Memory(AttentionBlocks blocks, Matrix values, Scratch scratch)
        {
            int width = blocks.Shape.HeadWidth;
            PaddedWidth = blocks.PaddedWidth<TLanes>();
            OneTile = blocks.RowCount <= AttentionBlocks.TileRows<TLanes>();
            CopiesValues = !OneTile || width != PaddedWidth;
            ValueStride = CopiesValues ? PaddedWidth : values.Stride;
            FirstKey = blocks.FirstKey;
            int count = OneTile ? AttentionBlocks.Keys : blocks.Span.KeyCount - FirstKey;
            long panelled = (count + AttentionBlocks.Keys - 1) / AttentionBlocks.Keys * (long)AttentionBlocks.Keys;
            int tile = AttentionBlocks.TileRows<TLanes>();
            float* at = scratch.Take(
                (panelled * (width + PaddedWidth)) + (AttentionBlocks.Rows * ((2 * PaddedWidth) + TLanes.Count + 1)) + (tile * AttentionBlocks.Keys));
            Queries = at;
            Output = at += AttentionBlocks.Rows * PaddedWidth;
            Scores = at += AttentionBlocks.Rows * PaddedWidth;
            Sums = at += tile * AttentionBlocks.Keys;
            Greatest = at += AttentionBlocks.Rows * TLanes.Count;
            Keys = at += AttentionBlocks.Rows;
            Values = at + (panelled * width);
        }

        /// <summary>True when all rows make one tile: then keys are laid out block by block, just before their one use.</summary>
        public bool OneTile { get; }

        public bool CopiesValues { get; }

        public int PaddedWidth { get; }

        public int ValueStride { get; }

        public int FirstKey { get; }

        public float* Queries { get; }

        public float* Output { get; }

        public float* Scores { get; }

        public float* Sums { get; }

        public float* Greatest { get; }

        public float* Keys { get; }

        public float* Values { get; }

        public void Begin(int rows)
        {
            NativeMemory.Clear(Output, (nuint)(rows * PaddedWidth * sizeof(float)));
            NativeMemory.Clear(Sums, (nuint)(rows * TLanes.Count * sizeof(float)));
            new Span<float>(Greatest, rows).Fill(AttentionBlocks.Lowest);
        }
    }
}
