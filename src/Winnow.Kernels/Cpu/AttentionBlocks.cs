using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Winnow.Kernels.Cpu;

/// <summary>
/// One span and one key-value head of an attention operation: how its queries and keys are cut into blocks. All query heads that
/// share the key-value head are taken together: row r is query r / Group of head r % Group of the group. Blocks of keys start at
/// fixed multiples from the span's first key, so that what a query computes depends on its own span alone: not on the batch, on
/// how many queries come with it, or on which keys after it are in memory.
/// </summary>
internal readonly unsafe struct AttentionBlocks(AttentionShape shape, AttentionSpan span, int keyValueHead)
{
    /// <summary>Keys in a block: a multiple of a panel at every width of lanes.</summary>
    public const int Keys = 192;

    /// <summary>Rows in a block.</summary>
    public const int Rows = 64;

    /// <summary>How many rows ahead of its use a row is asked for.</summary>
    public const int Ahead = 32;

    /// <summary>Below every score, and yet score − Lowest is no NaN when the score is −∞.</summary>
    public const float Lowest = -3e38f;

    public const float Log2E = 1.44269504f;

    public const float Ln2 = 0.693147181f;

    public AttentionShape Shape => shape;

    public AttentionSpan Span => span;

    /// <summary>Query heads to a key-value head.</summary>
    public int Group => shape.Heads / shape.KeyValueHeads;

    /// <summary>Rows of all queries.</summary>
    public int RowCount => span.QueryCount * Group;

    /// <summary>What queries are multiplied with: scores are in base 2, or still to be capped.</summary>
    public float QueryFactor => shape.SoftCap > 0 ? shape.Scale / shape.SoftCap : shape.Scale * Log2E;

    /// <summary>The first key that any row sees, at the start of its block.</summary>
    public int FirstKey => FirstVisible(0) / Keys * Keys;

    /// <summary>First column of the head in a row of keys or values.</summary>
    public int KeyColumn => keyValueHead * shape.HeadWidth;

    /// <summary>Rows in a tile.</summary>
    public static int TileRows<TLanes>()
        where TLanes : struct, ILanes<TLanes> => TLanes.Count == 16 ? 8 : 4;

    /// <summary>The head width, up to whole registers.</summary>
    public int PaddedWidth<TLanes>()
        where TLanes : struct, ILanes<TLanes> => (shape.HeadWidth + TLanes.Count - 1) / TLanes.Count * TLanes.Count;

    /// <summary>The last key that row <paramref name="row"/> sees.</summary>
    public int LastVisible(int row) => span.KeyCount - span.QueryCount + (row / Group);

    /// <summary>The first key that row <paramref name="row"/> sees.</summary>
    public int FirstVisible(int row) => shape.Window > 0 ? Math.Max(0, LastVisible(row) - shape.Window + 1) : 0;

    /// <summary>True when every row of a range sees every key of a range.</summary>
    public bool SeesAll(int firstRow, int lastRow, int firstKey, int lastKey) =>
        LastVisible(firstRow) >= lastKey && (shape.Window == 0 || FirstVisible(lastRow) <= firstKey);

    /// <summary>Where a row lies in a [T, H·HeadWidth] matrix.</summary>
    public float* Query(Matrix matrix, int row) =>
        matrix.Row(span.QueryStart + (row / Group)) + (((keyValueHead * Group) + (row % Group)) * shape.HeadWidth);

    /// <summary>Where a row's number lies in a [T, H] matrix.</summary>
    public float* PerHead(Matrix matrix, int row) => matrix.Row(span.QueryStart + (row / Group)) + (keyValueHead * Group) + (row % Group);

    /// <summary>Where a key or value lies in a [T, KV·HeadWidth] matrix.</summary>
    public float* Key(Matrix matrix, int key) => matrix.Row(span.KeyStart + key) + KeyColumn;

    /// <summary>
    /// Asks for the row that will be laid out some rows after this one: the rows of one head are short pieces far apart, which no
    /// hardware foresees.
    /// </summary>
    public void Expect(Matrix matrix, float* row, int ahead)
    {
        const int LineFloats = 16;
        if (!Sse.IsSupported) return;
        row += (long)ahead * matrix.Stride;
        for (int i = 0; i < shape.HeadWidth; i += LineFloats) Sse.Prefetch0(row + i);
    }

    /// <summary>Lays keys out as panels [HeadWidth, 3 registers], zeros beyond the last key: the right factor of the scores.</summary>
    public void PackPanels<TLanes>(Matrix matrix, int first, int end, float* panels)
        where TLanes : struct, ILanes<TLanes>
    {
        int panel = Gemm.PanelWidth<TLanes>(), width = shape.HeadWidth;
        for (int key = first; key < end; key += panel, panels += (long)panel * width)
        {
            int count = Math.Min(panel, end - key);
            if (count < panel) NativeMemory.Clear(panels, (nuint)panel * (nuint)width * sizeof(float));
            for (int i = 0; i < count; i++) Expect(matrix, Key(matrix, key + i), panel);
            Transposition.Transpose<TLanes>(Key(matrix, key), matrix.Stride, count, width, panels, panel);
        }
    }

    /// <summary>Lays keys or values out as rows of whole registers, zeros beyond the head width.</summary>
    public void PackRows<TLanes>(Matrix matrix, int first, int end, float* rows)
        where TLanes : struct, ILanes<TLanes>
    {
        int padded = PaddedWidth<TLanes>();
        for (int key = first; key < end; key++, rows += padded)
        {
            Expect(matrix, Key(matrix, key), Ahead);
            CopyScaled<TLanes>(Key(matrix, key), 1, rows, shape.HeadWidth);
        }
    }

    /// <summary>Copies queries [first, end) of a matrix to rows of whole registers, times a factor, zeros beyond the head width.</summary>
    public void PackQueries<TLanes>(Matrix matrix, int first, int end, float factor, float* rows)
        where TLanes : struct, ILanes<TLanes>
    {
        int padded = PaddedWidth<TLanes>();
        for (int row = first; row < end; row++, rows += padded)
        {
            Expect(matrix, Query(matrix, row), Ahead / Group);
            CopyScaled<TLanes>(Query(matrix, row), factor, rows, shape.HeadWidth);
        }
    }

    /// <summary>to = from · factor; <paramref name="to"/> holds whole registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void CopyScaled<TLanes>(float* from, float factor, float* to, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes by = TLanes.Broadcast(factor);
        int i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count) (TLanes.Load(from + i) * by).Store(to + i);
        if (i < count) (TLanes.LoadPartial(from + i, count - i) * by).Store(to + i);
    }

    /// <summary>to = from · factor; <paramref name="from"/> holds whole registers, <paramref name="to"/> just the count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void StoreScaled<TLanes>(float* from, float factor, float* to, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        TLanes by = TLanes.Broadcast(factor);
        int i = 0;
        for (; i <= count - TLanes.Count; i += TLanes.Count) (TLanes.Load(from + i) * by).Store(to + i);
        if (i < count) (TLanes.Load(from + i) * by).StorePartial(to + i, count - i);
    }

    /// <summary>Scores of a tile of rows with the first <paramref name="panels"/> panels of a block of keys.</summary>
    public static void Scores<TLanes>(float* queries, int padded, float* keyPanels, int width, float* scores, int rows, int panels)
        where TLanes : struct, ILanes<TLanes>
    {
        int panelWidth = Gemm.PanelWidth<TLanes>();
        for (int panel = 0; panel < panels; panel++, scores += panelWidth, keyPanels += (long)panelWidth * width)
        {
            if (rows == 1) GemmTiles.Tile1<TLanes>(queries, keyPanels, width, scores, false, null);
            else if (TLanes.Count < 16 || rows <= 4) GemmTiles.Tile4<TLanes>(queries, padded, keyPanels, width, scores, Keys, rows, false, null);
            else GemmTiles.Tile8<TLanes>(queries, padded, keyPanels, width, scores, Keys, rows, false, null, keyPanels, 0);
        }
    }
}
