namespace Winnow.Kernels.Cpu;

/// <summary>
/// How matrices of one shape are walked element by element: as runs of adjacent floats, a few runs to a part. Matrices without gaps
/// are cut into equal runs whatever their columns, so that a vector of a million elements has as many parts as a matrix.
/// </summary>
internal readonly struct Runs
{
    private const int RunLength = 4096;
    private const int PartLength = 16384;

    private readonly bool _flat;
    private readonly int _columns;
    private readonly int _lastColumns;
    private readonly int _runsPerPart;

    /// <summary>Runs over matrices of <paramref name="shape"/>'s shape; <paramref name="dense"/> when none of them has gaps.</summary>
    public Runs(Matrix shape, bool dense)
    {
        long length = (long)shape.Rows * shape.Columns;
        _flat = dense;
        _columns = _flat ? RunLength : shape.Columns;
        Count = length == 0 ? 0 : _flat ? (int)((length + RunLength - 1) / RunLength) : shape.Rows;
        _lastColumns = _flat ? (int)(length - ((Count - 1L) * RunLength)) : shape.Columns;
        _runsPerPart = Math.Max(1, PartLength / Math.Max(_columns, 1));
    }

    /// <summary>How many runs there are.</summary>
    public int Count { get; }

    /// <summary>How many parts they make.</summary>
    public int Parts => (Count + _runsPerPart - 1) / _runsPerPart;

    /// <summary>The first run of a part.</summary>
    public int First(int part) => part * _runsPerPart;

    /// <summary>One past the last run of a part.</summary>
    public int End(int part) => Math.Min(Count, (part + 1) * _runsPerPart);

    /// <summary>Floats in a run.</summary>
    public int Length(int run) => run == Count - 1 ? _lastColumns : _columns;

    /// <summary>The matrix with one run to a row.</summary>
    public unsafe Matrix Fit(Matrix matrix) => _flat ? new Matrix(matrix.Data, Count, _columns, _columns) : matrix;

    /// <summary>True when row follows row without a gap.</summary>
    public static bool IsDense(Matrix matrix) => matrix.Stride == matrix.Columns || matrix.Rows <= 1;
}

/// <summary>What is done to one run of each of up to five matrices of the same shape.</summary>
internal unsafe interface IRunKernel
{
    /// <summary>Works on <paramref name="count"/> adjacent floats; matrices that the kernel has no use for are passed all the same.</summary>
    void Run<TLanes>(float* a, float* b, float* c, float* d, float* e, int count)
        where TLanes : struct, ILanes<TLanes>;
}

/// <summary>A kernel over all runs of its matrices.</summary>
internal readonly unsafe struct RunsWork<TKernel>(TKernel kernel, Runs runs, Matrix a, Matrix b, Matrix c, Matrix d, Matrix e) : ILaneWork
    where TKernel : unmanaged, IRunKernel
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        for (int run = runs.First(part); run < runs.End(part); run++)
            kernel.Run<TLanes>(a.Row(run), b.Row(run), c.Row(run), d.Row(run), e.Row(run), runs.Length(run));
    }
}
