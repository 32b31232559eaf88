using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Winnow.Kernels.Cpu.Emit;

namespace Winnow.Kernels.Cpu;

/// <summary>
/// How attention lays out the factors of its two products, queries · keysᵀ and shares · values, and multiplies them. Memory is counted
/// in floats; a pair of bf16 is one.
/// </summary>
internal unsafe interface IAttentionFactors
{
    /// <summary>Rows that are multiplied at a time.</summary>
    int TileRows { get; }

    /// <summary>Scores come in multiples of this.</summary>
    int ScoreMultiple { get; }

    /// <summary>Floats of a row of queries.</summary>
    int QueryFloats { get; }

    /// <summary>Floats of a key among its panel.</summary>
    int KeyFloats { get; }

    /// <summary>Floats of a row of values.</summary>
    int ValueFloats { get; }

    /// <summary>Floats of scratch that laying out needs.</summary>
    int RoomFloats { get; }

    /// <summary>True when values can be multiplied where they lie.</summary>
    bool ReadsValuesInPlace { get; }

    /// <summary>Lays out rows [first, end), times <see cref="AttentionBlocks.QueryFactor"/>.</summary>
    void PackQueries(Matrix queries, int first, int end, float* to, float* room);

    /// <summary>Lays out keys [first, end), of which the first begins a block.</summary>
    void PackKeys(Matrix keys, int first, int end, float* to, float* room);

    /// <summary>Lays out values [first, end), of which the first begins a block.</summary>
    void PackValues(Matrix values, int first, int end, float* to, float* room);

    /// <summary>scores [rows, <see cref="AttentionBlocks.Keys"/>] of a tile of rows with the first <paramref name="count"/> keys of a block.</summary>
    void Scores(float* queries, float* keys, float* scores, int rows, int count);

    /// <summary>output [rows, padded width] += shares · values, over the first <paramref name="count"/> keys of a block. The shares are lost.</summary>
    void AddValues(float* shares, float* values, int valueStride, int count, float* output, int rows);
}

/// <summary>f32: keys in panels [HeadWidth, 3 registers], queries and values in rows of whole registers.</summary>
internal readonly unsafe struct LaneFactors<TLanes>(AttentionBlocks blocks) : IAttentionFactors
    where TLanes : struct, ILanes<TLanes>
{
    /// <inheritdoc/>
    public int TileRows => AttentionBlocks.TileRows<TLanes>();

    /// <inheritdoc/>
    public int ScoreMultiple => TLanes.Count;

    /// <inheritdoc/>
    public int QueryFloats => blocks.PaddedWidth<TLanes>();

    /// <inheritdoc/>
    public int KeyFloats => blocks.Shape.HeadWidth;

    /// <inheritdoc/>
    public int ValueFloats => blocks.PaddedWidth<TLanes>();

    /// <inheritdoc/>
    public int RoomFloats => 0;

    /// <inheritdoc/>
    public bool ReadsValuesInPlace => ValueFloats == blocks.Shape.HeadWidth;

    /// <inheritdoc/>
    public void PackQueries(Matrix queries, int first, int end, float* to, float* room) =>
        blocks.PackQueries<TLanes>(queries, first, end, blocks.QueryFactor, to);

    /// <inheritdoc/>
    public void PackKeys(Matrix keys, int first, int end, float* to, float* room) => blocks.PackPanels<TLanes>(keys, first, end, to);

    /// <inheritdoc/>
    public void PackValues(Matrix values, int first, int end, float* to, float* room) => blocks.PackRows<TLanes>(values, first, end, to);

    /// <inheritdoc/>
    public void Scores(float* queries, float* keys, float* scores, int rows, int count)
    {
        int panel = Gemm.PanelWidth<TLanes>();
        AttentionBlocks.Scores<TLanes>(queries, QueryFloats, keys, KeyFloats, scores, rows, (count + panel - 1) / panel);
    }

    /// <inheritdoc/>
    public void AddValues(float* shares, float* values, int valueStride, int count, float* output, int rows) =>
        AttentionTiles.Multiply<TLanes, AlongKeys>(shares, values, valueStride, count, output, ValueFloats, rows, ValueFloats);
}

/// <summary>
/// Pairs of bf16 for the emitted tiles: queries in rows, keys in panels [pairs of HeadWidth, 48], and each block of values in
/// panels [pairs of keys, 48, 32 or 16]. Shares are rounded just before they are multiplied.
/// </summary>
internal readonly unsafe struct PairFactors<TLanes> : IAttentionFactors
    where TLanes : struct, ILanes<TLanes>
{
    private const int BlockPairs = AttentionBlocks.Keys / 2;

    private readonly AttentionBlocks _blocks;
    private readonly Bf16Kernels _kernels;
    private readonly int _depth;
    private readonly int _padded;

    /// <summary>Factors of one span and one key-value head, on the calling thread.</summary>
    public PairFactors(AttentionBlocks blocks)
    {
        (_blocks, _kernels) = (blocks, Bf16Kernels.Instance!);
        _kernels.PrepareThread();
        (_depth, _padded) = (GemmPairs.Depth(blocks.Shape.HeadWidth), blocks.PaddedWidth<TLanes>());
    }

    /// <inheritdoc/>
    public int TileRows => _kernels.Rows;

    /// <summary>What is rounded at once, and a tile's inner dimension at most.</summary>
    public int ScoreMultiple => 32;

    /// <inheritdoc/>
    public int QueryFloats => _depth;

    /// <inheritdoc/>
    public int KeyFloats => _depth;

    /// <inheritdoc/>
    public int ValueFloats => _padded / 2;

    /// <inheritdoc/>
    public int RoomFloats => Math.Max(Bf16Kernels.Columns * _depth, _padded);

    /// <inheritdoc/>
    public bool ReadsValuesInPlace => false;

    /// <inheritdoc/>
    public void PackQueries(Matrix queries, int first, int end, float* to, float* room)
    {
        for (int row = first; row < end; row++, to += _depth)
        {
            _blocks.Expect(queries, _blocks.Query(queries, row), AttentionBlocks.Ahead / _blocks.Group);
            AttentionBlocks.CopyScaled<TLanes>(_blocks.Query(queries, row), _blocks.QueryFactor, room, _blocks.Shape.HeadWidth);
            GemmPairs.Round(room, _blocks.Shape.HeadWidth, to, _depth);
        }
    }

    /// <inheritdoc/>
    public void PackKeys(Matrix keys, int first, int end, float* to, float* room)
    {
        const int Panel = Bf16Kernels.Columns;
        for (int key = first; key < end; key += Panel, to += (long)Panel * _depth)
        {
            int count = Math.Min(Panel, end - key);
            if (count < Panel) NativeMemory.Clear(to, (nuint)Panel * (nuint)_depth * sizeof(float));
            for (int i = 0; i < count; i++)
            {
                float* row = _blocks.Key(keys, key + i);
                _blocks.Expect(keys, row, AttentionBlocks.Ahead);
                GemmPairs.Round(row, _blocks.Shape.HeadWidth, room + (i * _depth), _depth);
            }

            Transposition.Transpose<TLanes>(room, _depth, count, _depth, to, Panel);
        }
    }

    /// <inheritdoc/>
    public void PackValues(Matrix values, int first, int end, float* to, float* room)
    {
        // Zeros up to the next multiple of what the tiles may read: beyond it nothing is multiplied.
        for (int key = first; key < (end + ScoreMultiple - 1) / ScoreMultiple * ScoreMultiple; key += 2)
        {
            float* block = to + ((long)(key - first) / AttentionBlocks.Keys * AttentionBlocks.Keys * ValueFloats);
            PackPair(values, key, end, block, (key - first) % AttentionBlocks.Keys / 2, room);
        }
    }

    /// <inheritdoc/>
    public void Scores(float* queries, float* keys, float* scores, int rows, int count)
    {
        for (int key = 0; key < count; key += Bf16Kernels.Columns)
        {
            _kernels.Multiply(
                (ushort*)queries, (ushort*)(keys + ((long)key * _depth)), scores + key, rows, Bf16Kernels.Columns, _depth, 2L * _depth, AttentionBlocks.Keys, false);
        }
    }

    /// <inheritdoc/>
    public void AddValues(float* shares, float* values, int valueStride, int count, float* output, int rows)
    {
        int whole = (count + ScoreMultiple - 1) / ScoreMultiple * ScoreMultiple;
        for (int row = 0; row < rows; row++) _kernels.Round(shares + (row * AttentionBlocks.Keys), (ushort*)(shares + (row * AttentionBlocks.Keys)), whole);
        int pairs = (((count + 1) / 2) + _kernels.PairsMultiple - 1) / _kernels.PairsMultiple * _kernels.PairsMultiple;
        for (int column = 0, width; column < _padded; column += width)
        {
            width = Panel(_padded - column);
            _kernels.Multiply(
                (ushort*)shares, (ushort*)(values + ((long)column * BlockPairs)), output + column, rows, width, pairs, 2 * AttentionBlocks.Keys, _padded, true);
        }
    }

    /// <summary>Columns of the next panel of values: 48, but two of 32 rather than 48 and 16.</summary>
    private static int Panel(int columns) => columns == 64 ? 32 : Math.Min(columns, Bf16Kernels.Columns);

    /// <summary>Deals two values into a block's panels; those after the last are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackPair(Matrix values, int key, int end, float* block, int pair, float* room)
    {
        var even = (ushort*)room;
        ushort* odd = even + _padded;
        for (int i = 0; i < 2; i++)
        {
            int count = key + i < end ? _blocks.Shape.HeadWidth : 0;
            float* row = _blocks.Key(values, key + i);
            _blocks.Expect(values, row, AttentionBlocks.Ahead);
            GemmPairs.Round(row, count, room + (i * _padded / 2), _padded / 2);
        }

        for (int column = 0, width; column < _padded; column += width)
        {
            width = Panel(_padded - column);
            float* to = block + ((long)column * BlockPairs) + (pair * width);
            for (int j = 0; j < width; j += TLanes.Count, to += TLanes.Count)
                TLanes.Or(TLanes.LoadUInt16(even + column + j), TLanes.ShiftLeft(TLanes.LoadUInt16(odd + column + j), 16)).Store(to);
        }
    }
}
