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
/// <param name="paired">True rounds the factors of both products to bf16.</param>
internal readonly unsafe struct AttentionWork(
    AttentionShape shape, Matrix queries, Matrix keys, Matrix values, AttentionSpan* spans, int parts, Matrix output,
    Matrix logSumExp, bool paired) : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        var blocks = new AttentionBlocks(shape, spans[part / shape.KeyValueHeads], part % shape.KeyValueHeads);
        if (blocks.RowCount == 0) return;
        if (paired) Run<TLanes, PairFactors<TLanes>>(part, blocks, new PairFactors<TLanes>(blocks), scratch);
        else Run<TLanes, LaneFactors<TLanes>>(part, blocks, new LaneFactors<TLanes>(blocks), scratch);
    }

    private void Run<TLanes, TFactors>(int part, AttentionBlocks blocks, TFactors factors, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
        where TFactors : struct, IAttentionFactors
    {
        var memory = new Memory<TLanes, TFactors>(blocks, factors, values, scratch);
        if (memory.OneTile && part + shape.KeyValueHeads < parts) Fetch(spans[(part / shape.KeyValueHeads) + 1], part % shape.KeyValueHeads);
        if (!memory.OneTile)
        {
            factors.PackKeys(keys, memory.FirstKey, blocks.Span.KeyCount, memory.Keys, memory.Room);
            factors.PackValues(values, memory.FirstKey, blocks.Span.KeyCount, memory.Values, memory.Room);
        }

        for (int first = 0; first < blocks.RowCount; first += AttentionBlocks.Rows)
            RowBlock(blocks, factors, memory, first, Math.Min(blocks.RowCount, first + AttentionBlocks.Rows));
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

    private void RowBlock<TLanes, TFactors>(AttentionBlocks blocks, TFactors factors, Memory<TLanes, TFactors> memory, int first, int end)
        where TLanes : struct, ILanes<TLanes>
        where TFactors : struct, IAttentionFactors
    {
        int tileRows = factors.TileRows;
        factors.PackQueries(queries, first, end, memory.Queries, memory.Room);
        memory.Begin(end - first);
        int lastKey = blocks.LastVisible(end - 1);
        for (int key = blocks.FirstVisible(first) / AttentionBlocks.Keys * AttentionBlocks.Keys; key <= lastKey; key += AttentionBlocks.Keys)
        {
            float* panels = memory.Keys + ((long)(key - memory.FirstKey) * factors.KeyFloats);
            float* rows = memory.Values + ((long)(key - memory.FirstKey) * memory.ValueStride);
            if (memory.OneTile)
            {
                int blockEnd = Math.Min(lastKey + 1, key + AttentionBlocks.Keys);
                factors.PackKeys(keys, key, blockEnd, panels = memory.Keys, memory.Room);
                if (memory.CopiesValues) factors.PackValues(values, key, blockEnd, rows = memory.Values, memory.Room);
                else rows = blocks.Key(values, key);
            }

            for (int row = first; row < end; row += tileRows)
                Tile(blocks, factors, memory, first, row, Math.Min(end - row, tileRows), key, panels, rows);
        }

        Finish(blocks, memory, first, end);
    }

    /// <summary>A tile of rows meets a block of keys.</summary>
    private static void Tile<TLanes, TFactors>(
        AttentionBlocks blocks, TFactors factors, Memory<TLanes, TFactors> memory, int first, int row, int rows, int key, float* panels, float* valueRows)
        where TLanes : struct, ILanes<TLanes>
        where TFactors : struct, IAttentionFactors
    {
        int count = Math.Min(AttentionBlocks.Keys, blocks.LastVisible(row + rows - 1) + 1 - key);
        if (count <= 0 || blocks.FirstVisible(row) >= key + AttentionBlocks.Keys) return;
        int padded = memory.PaddedWidth, local = row - first;
        float* outputRows = memory.Output + (local * padded);
        factors.Scores(memory.Queries + (local * factors.QueryFloats), panels, memory.Scores, rows, count);
        int wide = (count + factors.ScoreMultiple - 1) / factors.ScoreMultiple * factors.ScoreMultiple;
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

        factors.AddValues(memory.Scores, valueRows, memory.ValueStride, count, outputRows, rows);
    }

    private void Finish<TLanes, TFactors>(AttentionBlocks blocks, Memory<TLanes, TFactors> memory, int first, int end)
        where TLanes : struct, ILanes<TLanes>
        where TFactors : struct, IAttentionFactors
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
    private readonly struct Memory<TLanes, TFactors>
        where TLanes : struct, ILanes<TLanes>
        where TFactors : struct, IAttentionFactors
    {
        public Memory(AttentionBlocks blocks, TFactors factors, Matrix values, Scratch scratch)
        {
            int tile = factors.TileRows;
            PaddedWidth = blocks.PaddedWidth<TLanes>();
            OneTile = blocks.RowCount <= tile;
            CopiesValues = !OneTile || !factors.ReadsValuesInPlace;
            ValueStride = CopiesValues ? factors.ValueFloats : values.Stride;
            FirstKey = blocks.FirstKey;
            int count = OneTile ? AttentionBlocks.Keys : blocks.Span.KeyCount - FirstKey;
            long panelled = (count + AttentionBlocks.Keys - 1) / AttentionBlocks.Keys * (long)AttentionBlocks.Keys;
            int perRow = factors.QueryFloats + PaddedWidth + TLanes.Count + 1;
            float* at = scratch.Take(
                (panelled * (factors.KeyFloats + factors.ValueFloats)) + (AttentionBlocks.Rows * perRow) + (tile * AttentionBlocks.Keys) + factors.RoomFloats);
            Queries = at;
            Output = at += AttentionBlocks.Rows * factors.QueryFloats;
            Scores = at += AttentionBlocks.Rows * PaddedWidth;
            Sums = at += tile * AttentionBlocks.Keys;
            Greatest = at += AttentionBlocks.Rows * TLanes.Count;
            Keys = at += AttentionBlocks.Rows;
            Values = at += panelled * factors.KeyFloats;
            Room = at + (panelled * factors.ValueFloats);
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

        /// <summary>For laying out.</summary>
        public float* Room { get; }

        public void Begin(int rows)
        {
            NativeMemory.Clear(Output, (nuint)(rows * PaddedWidth * sizeof(float)));
            NativeMemory.Clear(Sums, (nuint)(rows * TLanes.Count * sizeof(float)));
            new Span<float>(Greatest, rows).Fill(AttentionBlocks.Lowest);
        }
    }
}
