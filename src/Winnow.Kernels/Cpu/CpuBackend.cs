using System.Runtime.CompilerServices;
using Winnow.Kernels.Cpu.Emit;

namespace Winnow.Kernels.Cpu;

/// <summary>
/// The fast backend: SIMD kernels on a few threads. It checks shapes at its door; the kernels behind it check nothing.
/// </summary>
public sealed unsafe partial class CpuBackend : IBackend
{
    private readonly Workers _threads;
    private readonly Lazy<IBackend[]> _workers;
    private readonly Precision _asked;

    /// <summary>A backend that computes on <paramref name="threads"/> threads with registers of <paramref name="lanes"/> floats.</summary>
    /// <param name="threads">Threads inside an operation, the caller's included.</param>
    /// <param name="lanes">16, 8 or 4; 0 takes the widest the machine has.</param>
    /// <param name="precision">Of the weights that are packed and of what they multiply; f32 where bf16 is not supported. Parameters that are trained stay f32.</param>
    public CpuBackend(int threads, int lanes = 0, Precision precision = Precision.F32) : this(threads, lanes, precision, SupportsBF16)
    {
    }

    /// <summary>A backend that may be forbidden to run emitted code.</summary>
    internal CpuBackend(int threads, int lanes, Precision precision, bool emitted)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Lanes = lanes == 0 ? WidestLanes : lanes;
        if (!SupportedLanes.Contains(Lanes))
        {
            throw new ArgumentOutOfRangeException(nameof(lanes), lanes, $"this machine has registers of {string.Join(", ", SupportedLanes)} lanes");
        }

        _asked = precision;
        Precision = precision == Precision.BF16 && emitted && Lanes == Bf16Kernels.Columns / 3 ? Precision.BF16 : Precision.F32;
        _threads = new Workers(threads);
        _workers = new Lazy<IBackend[]>(MakeWorkers);
    }

    /// <summary>The widths this machine has registers for, widest first.</summary>
    public static IReadOnlyList<int> SupportedLanes { get; } =
        [.. Lanes16.IsSupported ? [16] : (int[])[], .. Lanes8.IsSupported ? [8] : (int[])[], 4];

    /// <summary>True where bf16 is multiplied by instructions for it: AVX512-BF16 or AMX, and executable memory to emit them into.</summary>
    public static bool SupportsBF16 => Bf16Kernels.Instance is not null;

    /// <summary>Threads inside an operation.</summary>
    public int Threads => _threads.Threads;

    /// <summary>Floats in a register.</summary>
    public int Lanes { get; }

    /// <inheritdoc/>
    public string Description => $"cpu, {Threads} thread{(Threads == 1 ? "" : "s")}, {Lanes} lanes {Words}";

    /// <inheritdoc/>
    public Precision Precision { get; }

    /// <inheritdoc/>
    public IReadOnlyList<IBackend> Workers => _workers.Value;

    private string Words => Precision == Precision.BF16 ? "bf16" : _asked == Precision.BF16 ? "f32 (bf16 is not supported here)" : "f32";

    private static int WidestLanes => SupportedLanes[0];

    /// <inheritdoc/>
    public Tensor Allocate(long length) => new CpuTensor(length);

    /// <inheritdoc/>
    public IndexTensor AllocateIndices(int length) => new CpuIndexTensor(length);

    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<float> values, Tensor to, long offset = 0)
    {
        CpuTensor tensor = Own(to);
        if (offset < 0 || offset + values.Length > tensor.Length) throw Outside(offset, values.Length, tensor.Length);
        values.CopyTo(new Span<float>(tensor.Pointer + offset, values.Length));
    }

    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<int> values, IndexTensor to)
    {
        CpuIndexTensor tensor = Own(to);
        if (values.Length > tensor.Length) throw Outside(0, values.Length, tensor.Length);
        values.CopyTo(new Span<int>(tensor.Pointer, values.Length));
    }

    /// <inheritdoc/>
    public void Download(Tensor from, long offset, Span<float> values)
    {
        CpuTensor tensor = Own(from);
        if (offset < 0 || offset + values.Length > tensor.Length) throw Outside(offset, values.Length, tensor.Length);
        new ReadOnlySpan<float>(tensor.Pointer + offset, values.Length).CopyTo(values);
    }

    /// <inheritdoc/>
    public void Download(IndexTensor from, Span<int> values)
    {
        CpuIndexTensor tensor = Own(from);
        if (values.Length > tensor.Length) throw Outside(0, values.Length, tensor.Length);
        new ReadOnlySpan<int>(tensor.Pointer, values.Length).CopyTo(values);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_workers.IsValueCreated)
        {
            foreach (IBackend worker in _workers.Value)
            {
                if (worker != this) worker.Dispose();
            }
        }

        _threads.Dispose();
    }

    private IBackend[] MakeWorkers()
    {
        if (Threads == 1) return [this];
        var workers = new IBackend[Threads];
        for (int i = 0; i < workers.Length; i++) workers[i] = new CpuBackend(1, Lanes, _asked, Precision == Precision.BF16);
        return workers;
    }

    /// <summary>What a kernel sees of a view, after checking that the view lies inside its tensor.</summary>
    private static Matrix At(TensorView view, [CallerArgumentExpression(nameof(view))] string name = "")
    {
        if (view.Tensor is not CpuTensor tensor) throw Foreign(name);
        if (view.Rows == 0 || view.Columns == 0) return new Matrix(tensor.Pointer, view.Rows, view.Columns, view.Stride);
        long end = view.Offset + ((view.Rows - 1L) * view.Stride) + view.Columns;
        if (view.Rows < 0 || view.Columns < 0 || view.Offset < 0 || end > tensor.Length || (view.Rows > 1 && view.Stride < view.Columns))
        {
            throw new ArgumentException(
                $"[{view.Rows}, {view.Columns}] at {view.Offset} with stride {view.Stride} is outside a tensor of {tensor.Length}", name);
        }

        return new Matrix(tensor.Pointer + view.Offset, view.Rows, view.Columns, view.Stride);
    }

    /// <summary>What a kernel sees of a view of exactly this shape.</summary>
    private static Matrix At(TensorView view, int rows, int columns, [CallerArgumentExpression(nameof(view))] string name = "")
    {
        if (view.Rows != rows || view.Columns != columns)
        {
            throw new ArgumentException($"[{view.Rows}, {view.Columns}] where [{rows}, {columns}] belongs", name);
        }

        return At(view, name);
    }

    /// <summary>The row of an optional [1, columns] vector (more columns are allowed), or null.</summary>
    private static float* At(TensorView? vector, int columns, [CallerArgumentExpression(nameof(vector))] string name = "")
    {
        if (vector is not { } view) return null;
        if (view.Rows != 1 || view.Columns < columns)
        {
            throw new ArgumentException($"[{view.Rows}, {view.Columns}] where [1, {columns}] belongs", name);
        }

        return At(view, name).Data;
    }

    /// <summary>The first of at least <paramref name="count"/> indices.</summary>
    private static int* At(IndexTensor indices, int count, [CallerArgumentExpression(nameof(indices))] string name = "")
    {
        CpuIndexTensor tensor = Own(indices, name);
        if (tensor.Length < count) throw new ArgumentException($"{tensor.Length} indices where {count} are needed", name);
        return tensor.Pointer;
    }

    private static CpuTensor Own(Tensor tensor, [CallerArgumentExpression(nameof(tensor))] string name = "") =>
        tensor as CpuTensor ?? throw Foreign(name);

    private static CpuIndexTensor Own(IndexTensor tensor, [CallerArgumentExpression(nameof(tensor))] string name = "") =>
        tensor as CpuIndexTensor ?? throw Foreign(name);

    private static CpuWeightMatrix Own(WeightMatrix matrix, [CallerArgumentExpression(nameof(matrix))] string name = "") =>
        matrix as CpuWeightMatrix ?? throw Foreign(name);

    private static ArgumentException Foreign(string name) => new("it was made by another backend", name);

    private static ArgumentException Outside(long offset, long count, long length) =>
        new($"[{offset}, {offset + count}) is outside a tensor of {length}");
}
