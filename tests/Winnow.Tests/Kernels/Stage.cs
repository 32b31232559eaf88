using System.Runtime.InteropServices;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;

namespace Winnow.Tests.Kernels;

/// <summary>
/// Where a case plays: it makes the tensors of one backend, each exactly as long as its view needs, and collects what comes out.
/// The same case on two stages sees the same numbers.
/// </summary>
internal sealed unsafe class Stage : IDisposable
{
    private readonly List<IDisposable> _owned = [];
    private readonly Random _random = new(20231);

    public Stage(IBackend backend, bool guarded = false)
    {
        Backend = backend;
        Guarded = guarded;
    }

    public IBackend Backend { get; }

    /// <summary>True when every tensor ends at a guard page.</summary>
    public bool Guarded { get; }

    /// <summary>What came out: whole tensors, so that a write between rows shows.</summary>
    public List<(string Name, float[] Values)> Results { get; } = [];

    /// <summary>Normally distributed numbers; <paramref name="gap"/> floats lie unused between the rows.</summary>
    public TensorView Input(int rows, int columns, int gap = 0, float spread = 1, float shift = 0)
    {
        float[] values = new float[Length(rows, columns, gap)];
        for (int i = 0; i < values.Length; i++) values[i] = shift + (spread * Normal());
        return Input(values, rows, columns, gap);
    }

    public TensorView Input(float[] values, int rows, int columns, int gap = 0)
    {
        Tensor tensor = Allocate(Length(rows, columns, gap));
        Backend.Upload(values, tensor);
        return new TensorView(tensor, 0, rows, columns, columns + gap);
    }

    /// <summary>A view full of −77: what is not written is seen.</summary>
    public TensorView Output(int rows, int columns, int gap = 0)
    {
        float[] values = new float[Length(rows, columns, gap)];
        Array.Fill(values, -77);
        return Input(values, rows, columns, gap);
    }

    public IndexTensor Indices(int count, int limit, int lowest = 0)
    {
        int[] values = new int[count];
        for (int i = 0; i < count; i++) values[i] = _random.Next(lowest, limit);
        return Indices(values);
    }

    public IndexTensor Indices(int[] values)
    {
        IndexTensor tensor = Backend.AllocateIndices(values.Length);
        _owned.Add(tensor);
        Backend.Upload(values, tensor);
        return tensor;
    }

    /// <summary>A packed [rows, columns] weight, stored as <paramref name="type"/>.</summary>
    public WeightMatrix Weight(int rows, int columns, ElementType type = ElementType.F32, bool transposed = false, float spread = 1)
    {
        WeightMatrix matrix = Backend.Pack(Stored(rows, columns, type, transposed, spread));
        _owned.Add(matrix);
        return matrix;
    }

    public WeightMatrix Live(TensorView parameter)
    {
        WeightMatrix matrix = Backend.Live(parameter);
        _owned.Add(matrix);
        return matrix;
    }

    public WeightSource Stored(int rows, int columns, ElementType type, bool transposed, float spread = 1)
    {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.Length; i++) values[i] = spread * Normal();
        return transposed ? new ArrayWeight(values, columns, rows, type, true) : new ArrayWeight(values, rows, columns, type, false);
    }

    public void Keep(string name, TensorView view)
    {
        float[] values = new float[view.Tensor.Length];
        Backend.Download(view.Tensor, 0, values);
        Results.Add((name, values));
    }

    public void Keep(string name, IndexTensor indices)
    {
        int[] values = new int[indices.Length];
        Backend.Download(indices, values);
        Results.Add((name, [.. values.Select(i => (float)i)]));
    }

    public void Keep(string name, double value) => Results.Add((name, [(float)value]));

    public void Dispose()
    {
        foreach (IDisposable owned in _owned) owned.Dispose();
    }

    private static int Length(int rows, int columns, int gap) => rows * columns == 0 ? 0 : ((rows - 1) * (columns + gap)) + columns;

    private Tensor Allocate(long length)
    {
        Tensor tensor;
        if (Guarded)
        {
            var memory = new GuardedMemory(length);
            tensor = new CpuTensor(memory.Pointer, length, memory);
        }
        else
        {
            tensor = Backend.Allocate(length);
        }

        _owned.Add(tensor);
        return tensor;
    }

    private float Normal() =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble()));
}

/// <summary>A stored weight in an array.</summary>
internal sealed class ArrayWeight(float[] values, int rows, int columns, ElementType type, bool transposed) : WeightSource
{
    private readonly byte[] _bytes = Narrow(values, type);

    public override int Rows => rows;

    public override int Columns => columns;

    public override ElementType ElementType => type;

    public override bool Transposed => transposed;

    public override ReadOnlySpan<byte> Row(int row)
    {
        int bytes = type == ElementType.F32 ? 4 : 2;
        return _bytes.AsSpan(row * columns * bytes, columns * bytes);
    }

    private static byte[] Narrow(float[] values, ElementType type) => type switch
    {
        ElementType.F32 => MemoryMarshal.AsBytes<float>(values).ToArray(),
        ElementType.F16 => MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, v => (Half)v)).ToArray(),
        ElementType.BF16 =>
            MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16))).ToArray(),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };
}
