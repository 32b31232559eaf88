using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>
/// What one row has seen of one chunk of the vocabulary. The target's logit stands apart: the sums are over the others, relative to
/// their largest.
/// </summary>
internal struct LogitSums
{
    /// <summary>The argmax of nothing: the vocabulary holds only the target, or no logit is a number.</summary>
    public const int NoToken = int.MaxValue;

    /// <summary>The largest logit other than the target's.</summary>
    public float Maximum;

    /// <summary>Its lowest id.</summary>
    public int Argmax;

    /// <summary>Σ exp(logit − Maximum).</summary>
    public float Sum;

    /// <summary>Σ exp(logit − Maximum)².</summary>
    public float Squares;

    /// <summary>The target's logit where the chunk contains it, else NaN.</summary>
    public float Target;
}

/// <summary>How the loss head is cut: blocks of rows × chunks of the vocabulary; the vocabulary alone decides the chunks.</summary>
internal readonly struct HeadCut
{
    private const int LargestBlock = 1024;
    private const int MostChunks = 16;
    private const int FewestPanels = 64;

    private readonly int _rows;
    private readonly int _blockRows;
    private readonly int _blocks;
    private readonly int _panels;
    private readonly int _chunkPanels;

    /// <summary>The cut of <paramref name="rows"/> × <paramref name="panels"/> panels.</summary>
    public HeadCut(int rows, int panels)
    {
        (_rows, _panels) = (rows, panels);
        _blocks = (rows + LargestBlock - 1) / LargestBlock;
        _blockRows = _blocks == 0 ? 0 : (rows + _blocks - 1) / _blocks;
        _chunkPanels = Math.Max(FewestPanels, (panels + MostChunks - 1) / MostChunks);
        Chunks = (panels + _chunkPanels - 1) / _chunkPanels;
    }

    /// <summary>Chunks of the vocabulary.</summary>
    public int Chunks { get; }

    /// <summary>Blocks of rows × chunks.</summary>
    public int Parts => _blocks * Chunks;

    /// <summary>The chunk of a part.</summary>
    public int Chunk(int part) => part / _blocks;

    /// <summary>The rows of a part.</summary>
    public (int First, int End) Rows(int part)
    {
        int first = part % _blocks * _blockRows;
        return (first, Math.Min(_rows, first + _blockRows));
    }

    /// <summary>The panels of a part.</summary>
    public (int First, int End) Panels(int part)
    {
        int first = Chunk(part) * _chunkPanels;
        return (first, Math.Min(_panels, first + _chunkPanels));
    }
}

/// <summary>The pass over the logits: panel by panel, each multiplied into the thread's scratch and folded into the sums at once.</summary>
/// <param name="cut">The parts.</param>
/// <param name="hidden">[T, D].</param>
/// <param name="unembedding">[D, V].</param>
/// <param name="bias">[V] or null.</param>
/// <param name="softCap">0 means none.</param>
/// <param name="targets">[T].</param>
/// <param name="sums">[chunks, T].</param>
internal readonly unsafe struct LogitSumsWork(
    HeadCut cut, Matrix hidden, Panels unembedding, float* bias, float softCap, int* targets, LogitSums* sums) : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        (int firstRow, int endRow) = cut.Rows(part);
        (int firstPanel, int endPanel) = cut.Panels(part);
        int rows = endRow - firstRow, width = Gemm.PanelWidth<TLanes>();
        long lanes = (long)rows * TLanes.Count;
        float* tile = scratch.Take(((long)rows * width) + (2 * lanes) + width + unembedding.ScratchLength(width));
        float* lanewise = tile + ((long)rows * width);
        float* shift = lanewise + (2 * lanes);
        float* piece = shift + width;
        LogitSums* state = sums + ((long)cut.Chunk(part) * hidden.Rows) + firstRow;
        new Span<float>(lanewise, (int)(2 * lanes)).Clear();
        new Span<LogitSums>(state, rows).Fill(new LogitSums { Maximum = float.MinValue, Argmax = LogitSums.NoToken, Target = float.NaN });
        Matrix source = hidden.Slice(firstRow, rows);
        var logits = new Matrix(tile, rows, width, width);
        for (int panel = firstPanel; panel < endPanel; panel++)
        {
            int first = panel * width, columns = Math.Min(width, unembedding.Count - first);
            Gemm.MultiplyPanel<TLanes>(source, unembedding, panel, logits, new Epilogue(Shift(shift, first, columns, width), Activation.None, false), piece);
            Complete<TLanes>(logits, columns);
            Fold<TLanes>(logits, first, targets + firstRow, state, lanewise);
        }

        for (int row = 0; row < rows; row++)
        {
            state[row].Sum = TLanes.Load(lanewise + (2L * row * TLanes.Count)).Sum();
            state[row].Squares = TLanes.Load(lanewise + (((2L * row) + 1) * TLanes.Count)).Sum();
        }
    }

    /// <summary>The panel's bias, padded to the panel's width.</summary>
    private nint Shift(float* shift, int first, int columns, int width)
    {
        if (bias == null) return 0;
        new Span<float>(shift, width).Clear();
        new ReadOnlySpan<float>(bias + first, columns).CopyTo(new Span<float>(shift, columns));
        return (nint)shift;
    }

    /// <summary>Soft cap, and −∞ where the vocabulary has ended.</summary>
    private void Complete<TLanes>(Matrix logits, int columns)
        where TLanes : struct, ILanes<TLanes>
    {
        if (softCap > 0) SoftCap.Apply<TLanes>(logits.Data, logits.Rows * logits.Columns, softCap);
        for (int row = 0; columns < logits.Columns && row < logits.Rows; row++)
            new Span<float>(logits.Row(row) + columns, logits.Columns - columns).Fill(float.NegativeInfinity);
    }

    /// <summary>Adds one panel's logits to the sums of every row, lane by lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Fold<TLanes>(Matrix logits, int first, int* targets, LogitSums* state, float* lanewise)
        where TLanes : struct, ILanes<TLanes>
    {
        float* z = logits.Data;
        for (int row = 0; row < logits.Rows; row++, z += 3 * TLanes.Count, lanewise += 2 * TLanes.Count)
        {
            int target = targets[row] - first;
            if ((uint)target < (uint)logits.Columns)
            {
                state[row].Target = z[target];
                z[target] = float.NegativeInfinity;
            }

            TLanes z0 = TLanes.Load(z), z1 = TLanes.Load(z + TLanes.Count), z2 = TLanes.Load(z + (2 * TLanes.Count));
            TLanes highest = TLanes.Max(TLanes.Max(z0, z1), z2);
            if (TLanes.Any(TLanes.LessThan(TLanes.Broadcast(state[row].Maximum), highest))) Raise(z, first, highest, state + row, lanewise);
            TLanes maximum = TLanes.Broadcast(state[row].Maximum);
            TLanes e0 = VectorMath.Exp(z0 - maximum), e1 = VectorMath.Exp(z1 - maximum), e2 = VectorMath.Exp(z2 - maximum);
            (TLanes.Load(lanewise) + (e0 + e1 + e2)).Store(lanewise);
            TLanes squares = TLanes.FusedMultiplyAdd(e0, e0, TLanes.Load(lanewise + TLanes.Count));
            TLanes.FusedMultiplyAdd(e2, e2, TLanes.FusedMultiplyAdd(e1, e1, squares)).Store(lanewise + TLanes.Count);
        }
    }

    /// <summary>A new largest logit: what was summed so far is made relative to it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Raise<TLanes>(float* z, int first, TLanes highest, LogitSums* state, float* lanewise)
        where TLanes : struct, ILanes<TLanes>
    {
        float maximum = highest.Maximum();
        TLanes factor = TLanes.Broadcast(MathF.Exp(state->Maximum - maximum)), sought = TLanes.Broadcast(maximum);
        (TLanes.Load(lanewise) * factor).Store(lanewise);
        (TLanes.Load(lanewise + TLanes.Count) * factor * factor).Store(lanewise + TLanes.Count);
        state->Maximum = maximum;
        for (int place = 0; place < 3 * TLanes.Count; place += TLanes.Count)
        {
            TLanes found = TLanes.Equal(TLanes.Load(z + place), sought);
            if (!TLanes.Any(found)) continue;
            state->Argmax = first + place + TLanes.First(found);
            break;
        }
    }
}

/// <summary>The chunks of every row put together, in double and in order.</summary>
/// <param name="chunks">How many chunks there are.</param>
/// <param name="sums">[chunks, T].</param>
/// <param name="targets">[T].</param>
/// <param name="result">[T, 3].</param>
/// <param name="argmax">[T] or null.</param>
internal readonly unsafe struct LossWork(int chunks, LogitSums* sums, int* targets, Matrix result, int* argmax) : ILaneWork
{
    private const int RowsPerPart = 64;

    /// <summary>How many parts there are.</summary>
    public static int Parts(int rows) => (rows + RowsPerPart - 1) / RowsPerPart;

    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        for (int row = part * RowsPerPart; row < Math.Min(result.Rows, (part + 1) * RowsPerPart); row++) Finish(row);
    }

    private void Finish(int row)
    {
        LogitSums all = sums[row];
        for (int chunk = 1; chunk < chunks; chunk++)
        {
            ref LogitSums next = ref sums[((long)chunk * result.Rows) + row];
            if (next.Maximum > all.Maximum) (all.Maximum, all.Argmax) = (next.Maximum, next.Argmax);
            if (!float.IsNaN(next.Target)) all.Target = next.Target;
        }

        double sum = 0, squares = 0;
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            ref LogitSums next = ref sums[((long)chunk * result.Rows) + row];
            double factor = Math.Exp((double)next.Maximum - all.Maximum);
            sum += next.Sum * factor;
            squares += next.Squares * factor * factor;
        }

        int target = targets[row];
        float* to = result.Row(row);
        if (target < 0)
        {
            (to[0], to[1], to[2]) = (0, 0, (float)(all.Maximum + Math.Log(sum)));
        }
        else
        {
            (double loss, double error) = Loss((double)all.Maximum - all.Target, sum, squares);
            (to[0], to[1], to[2]) = ((float)loss, (float)error, (float)(loss + all.Target));
        }

        if (argmax == null) return;
        bool greedy = target >= 0 && (all.Target > all.Maximum || (all.Target == all.Maximum && target < all.Argmax));
        argmax[row] = greedy ? target : all.Argmax == LogitSums.NoToken ? Math.Max(target, 0) : all.Argmax;
    }

    /// <summary>Loss and ‖p − onehot‖ from the sums over the other logits, relative to their largest, which lies <paramref name="lead"/> above the target's.</summary>
    private static (double Loss, double Error) Loss(double lead, double sum, double squares)
    {
        // Everything relative to the larger of the two, so that nothing overflows; log(1 + others) where the target leads, so that
        // p → 1 keeps its digits.
        if (lead <= 0)
        {
            double factor = Math.Exp(lead);
            double others = sum * factor, total = 1 + others;
            return (LogOnePlus(others), Math.Sqrt((others * others) + (squares * factor * factor)) / total);
        }

        double all = sum + Math.Exp(-lead);
        return (lead + Math.Log(all), Math.Sqrt((sum * sum) + squares) / all);
    }

    /// <summary>ln(1 + x) for x ≥ 0, exact to the last bits for small x: the rounding of 1 + x is divided out again.</summary>
    private static double LogOnePlus(double x)
    {
        double rounded = 1 + x;
        return rounded == 1 ? x : double.IsInfinity(rounded) ? rounded : Math.Log(rounded) * (x / (rounded - 1));
    }
}
