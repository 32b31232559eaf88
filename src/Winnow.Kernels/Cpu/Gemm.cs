using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>What happens to a tile of a product when its last sum is done.</summary>
/// <param name="Bias">[N], or null.</param>
/// <param name="Activation">Applied last.</param>
/// <param name="Accumulate">True adds the product to what is there.</param>
internal readonly unsafe record struct Epilogue(nint Bias, Activation Activation, bool Accumulate)
{
    /// <summary>The bias of column <paramref name="column"/> on, or null.</summary>
    public float* BiasAt(int column) => Bias == 0 ? null : (float*)Bias + column;
}

/// <summary>
/// How a product [M, N] is cut into parts: one block of rows × one or a few panels. Parts that read the same panels follow each
/// other, so those stay in cache; and a panel is read, and rewritten where it must be, by as few parts as keeps 32 of them.
/// </summary>
internal readonly struct GemmCut
{
    // With A of that many elements in flight the panels stream past it once and it stays in the shared cache.
    private const int GroupRows = 1024;
    private const int GroupElements = 1 << 21;
    private const int BlockRows = 256;
    private const int FewestParts = 32;

    // Multiply-adds that make a part worth handing out; reading a panel counts as much as multiplying it by 16 rows.
    private const long PartWork = 1 << 21;
    private const int ReadingRows = 16;
    private const int RowMultiple = 8;

    private readonly int _rows;
    private readonly int _panels;
    private readonly int _groupRows;
    private readonly int _blockRows;
    private readonly int _panelsPerPart;
    private readonly int _blocksPerGroup;
    private readonly int _panelGroups;

    /// <summary>The cut of [rows, depth] × <paramref name="panels"/> panels of <paramref name="width"/> columns.</summary>
    public GemmCut(int rows, int depth, int panels, int width)
    {
        _rows = rows;
        _panels = panels;
        _groupRows = EvenShare(rows, Math.Clamp(GroupElements / Math.Max(depth, 1), BlockRows, GroupRows));
        _blockRows = _groupRows;
        while (_blockRows > BlockRows && (long)panels * ((rows + _blockRows - 1) / _blockRows) < FewestParts)
            _blockRows = EvenShare(_groupRows, (_blockRows + 1) / 2);
        _blocksPerGroup = _blockRows == 0 ? 0 : (_groupRows + _blockRows - 1) / _blockRows;
        long panelWork = (long)width * depth * (Math.Min(_blockRows, rows) + ReadingRows);
        _panelsPerPart = (int)Math.Clamp(PartWork / Math.Max(panelWork, 1), 1, Math.Max(panels, 1));
        _panelGroups = (panels + _panelsPerPart - 1) / _panelsPerPart;
        int groups = rows == 0 ? 0 : (rows + _groupRows - 1) / _groupRows;
        Parts = groups * _panelGroups * _blocksPerGroup;
    }

    /// <summary>How many parts there are; the last ones of a group may be empty.</summary>
    public int Parts { get; }

    /// <summary>Rows of one part.</summary>
    public (int First, int End) Rows(int part)
    {
        int group = part / (_panelGroups * _blocksPerGroup);
        int groupEnd = Math.Min(_rows, (group + 1) * _groupRows);
        int first = Math.Min(groupEnd, (group * _groupRows) + (part % _blocksPerGroup * _blockRows));
        return (first, Math.Min(groupEnd, first + _blockRows));
    }

    /// <summary>Panels of one part.</summary>
    public (int First, int End) Panels(int part)
    {
        int first = part / _blocksPerGroup % _panelGroups * _panelsPerPart;
        return (first, Math.Min(_panels, first + _panelsPerPart));
    }

    /// <summary>The smallest equal blocks, in whole tiles, of which none is larger than <paramref name="largest"/>.</summary>
    private static int EvenShare(int rows, int largest)
    {
        if (rows <= largest) return rows;
        int blocks = (rows + largest - 1) / largest;
        return ((rows + blocks - 1) / blocks + RowMultiple - 1) / RowMultiple * RowMultiple;
    }
}

/// <summary>C (+)= A · B with an epilogue, one part at a time.</summary>
/// <param name="cut">The parts.</param>
/// <param name="a">[M, K].</param>
/// <param name="b">[K, N].</param>
/// <param name="c">[M, N].</param>
/// <param name="epilogue">What is added and applied.</param>
internal readonly unsafe struct GemmWork(GemmCut cut, Matrix a, Panels b, Matrix c, Epilogue epilogue) : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        int width = Gemm.PanelWidth<TLanes>();
        float* piece = scratch.Take(b.ScratchLength(width));
        (int firstRow, int endRow) = cut.Rows(part);
        (int firstPanel, int endPanel) = cut.Panels(part);
        for (int panel = firstPanel; panel < endPanel && firstRow < endRow; panel++)
        {
            int column = panel * width;
            var target = new Matrix(c.Row(firstRow) + column, endRow - firstRow, Math.Min(width, b.Count - column), c.Stride);
            Matrix source = a.Slice(firstRow, endRow - firstRow);
            Gemm.MultiplyPanel<TLanes>(source, b, panel, target, epilogue with { Bias = (nint)epilogue.BiasAt(column) }, piece);
        }
    }
}

/// <summary>One panel's worth of a product.</summary>
internal static unsafe class Gemm
{
    // 24 accumulators, 3 of B and 1 of A fill 28 of AVX-512's 32 registers; 12, 3 and 1 fill AVX2's 16.
    private const int WideTileRows = 8;
    private const int NarrowTileRows = 4;

    /// <summary>Columns of a panel: three registers.</summary>
    public static int PanelWidth<TLanes>()
        where TLanes : struct, ILanes<TLanes> => 3 * TLanes.Count;

    /// <summary>c (+)= a · panel, all of K, with the epilogue.</summary>
    /// <param name="a">[M, K]; pairs where the panels are.</param>
    /// <param name="b">Where the panel is read from.</param>
    /// <param name="panel">Which panel.</param>
    /// <param name="c">[M, columns of the panel that exist].</param>
    /// <param name="epilogue">Its bias starts at the panel's first column.</param>
    /// <param name="piece"><see cref="Panels.ScratchLength"/> floats.</param>
    public static void MultiplyPanel<TLanes>(Matrix a, Panels b, int panel, Matrix c, Epilogue epilogue, float* piece)
        where TLanes : struct, ILanes<TLanes>
    {
        int step = b.Piece;
        for (int k = 0; k < b.Depth; k += step)
        {
            int depth = Math.Min(step, b.Depth - k);
            float* panelPiece = b.Read<TLanes>(panel, k, depth, piece);
            bool last = k + depth == b.Depth;
            var now = new Epilogue(last ? epilogue.Bias : 0, last ? epilogue.Activation : Activation.None, epilogue.Accumulate || k > 0);
            var columns = new Matrix(a.Data + k, a.Rows, depth, a.Stride);
            if (b.Paired) GemmPairs.MultiplyPiece<TLanes>(columns, panelPiece, c, now);
            else if (c.Columns == PanelWidth<TLanes>()) MultiplyPiece<TLanes>(columns, panelPiece, c, now, b.Rewritten);
            else MultiplyRagged<TLanes>(columns, panelPiece, c, now);
        }
    }

    private static void MultiplyPiece<TLanes>(Matrix a, float* b, Matrix c, Epilogue epilogue, bool rewritten)
        where TLanes : struct, ILanes<TLanes>
    {
        int most = TLanes.Count == 16 ? WideTileRows : NarrowTileRows, tiles = Math.Max(1, (a.Rows + most - 1) / most), width = PanelWidth<TLanes>();

        // What is read next lies behind this piece. With few rows the time goes into reading it, so each tile asks for a share.
        float* later = b;
        long share = rewritten ? 0 : width / tiles;
        if (share > 0) later += (long)a.Columns * width;
        for (int row = 0; row < a.Rows; row += most, later += share * a.Columns)
        {
            int rows = Math.Min(most, a.Rows - row);
            Tile<TLanes>(a.Row(row), a.Stride, b, a.Columns, c.Row(row), c.Stride, rows, epilogue.Accumulate, epilogue.BiasAt(0), later, share);
            for (int r = 0; r < rows && epilogue.Activation != Activation.None; r++)
                Activations.Apply<TLanes>(epilogue.Activation, c.Row(row + r), c.Row(row + r), c.Columns);
        }
    }

    /// <summary>The last panel where it is not full: tiles go through a buffer, of which only the columns that exist are kept.</summary>
    [SkipLocalsInit]
    private static void MultiplyRagged<TLanes>(Matrix a, float* b, Matrix c, Epilogue epilogue)
        where TLanes : struct, ILanes<TLanes>
    {
        int width = PanelWidth<TLanes>();
        float* tile = stackalloc float[WideTileRows * 48];
        int most = TLanes.Count == 16 ? WideTileRows : NarrowTileRows;
        for (int row = 0; row < a.Rows; row += most)
        {
            int rows = Math.Min(most, a.Rows - row);
            Tile<TLanes>(a.Row(row), a.Stride, b, a.Columns, tile, width, rows, add: false, bias: null, b, 0);
            for (int r = 0; r < rows; r++) Finish<TLanes>(tile + (r * width), c.Row(row + r), c.Columns, epilogue);
        }
    }

    private static void Finish<TLanes>(float* tile, float* c, int columns, Epilogue epilogue)
        where TLanes : struct, ILanes<TLanes>
    {
        float* bias = epilogue.BiasAt(0);
        for (int j = 0; j < columns; j++)
        {
            float sum = epilogue.Accumulate ? tile[j] + c[j] : tile[j];
            c[j] = bias == null ? sum : sum + bias[j];
        }

        if (epilogue.Activation != Activation.None) Activations.Apply<TLanes>(epilogue.Activation, c, c, columns);
    }

    private static void Tile<TLanes>(
        float* a, long aStride, float* b, int depth, float* c, long cStride, int rows, bool add, float* bias, float* later, long laterStride)
        where TLanes : struct, ILanes<TLanes>
    {
        if (rows > NarrowTileRows) GemmTiles.Tile8<TLanes>(a, aStride, b, depth, c, cStride, rows, add, bias, later, laterStride);
        else if (rows > 1) GemmTiles.Tile4<TLanes>(a, aStride, b, depth, c, cStride, rows, add, bias);
        else GemmTiles.Tile1<TLanes>(a, b, depth, c, add, bias);
    }
}
