using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>Matrix products against the reference, at every width of lanes the machine has.</summary>
public sealed class GemmTests
{
    // Around the tile's rows, the panel's columns and the pieces of K, of every width of lanes.
    private static readonly (int Rows, int In, int Out)[] s_shapes =
    [
        (1, 1, 1), (1, 5, 47), (2, 17, 48), (3, 16, 49), (4, 33, 24), (5, 48, 23), (7, 64, 12), (8, 31, 96), (9, 100, 97),
        (13, 3, 145), (16, 129, 11), (31, 65, 50), (64, 24, 200), (3, 1024, 49), (5, 1025, 20), (2, 2500, 13), (270, 40, 60), (1100, 9, 30),
    ];

    public static TheoryData<int, int> Machines()
    {
        var data = new TheoryData<int, int>();
        foreach (int lanes in CpuBackend.SupportedLanes)
        {
            foreach (int threads in (int[])[1, 2, 5]) data.Add(lanes, threads);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Machines))]
    public void A_packed_weight_of_any_type_and_orientation_multiplies_as_the_reference_does(int lanes, int threads)
    {
        using var cpu = new CpuBackend(threads, lanes);
        using var reference = new ReferenceBackend();
        foreach ((int rows, int @in, int @out) in s_shapes)
        {
            var random = new Random(rows + @in + @out);
            foreach (ElementType type in Enum.GetValues<ElementType>())
            {
                foreach (bool transposed in (bool[])[false, true])
                {
                    MemorySource source = MemorySource.From(Values(random, @out * @in), @out, @in, type, transposed);
                    CheckLinear(cpu, reference, random, (rows, @in, @out), backend => backend.Pack(source));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Machines))]
    public void A_live_parameter_multiplies_as_the_reference_does_and_follows_its_updates(int lanes, int threads)
    {
        using var cpu = new CpuBackend(threads, lanes);
        using var reference = new ReferenceBackend();
        foreach ((int rows, int @in, int @out) in s_shapes)
        {
            var random = new Random(rows + @in + @out);
            float[] first = Values(random, @out * @in), later = Values(random, @out * @in);
            CheckLinear(cpu, reference, random, (rows, @in, @out), backend =>
            {
                Tensor parameter = backend.Allocate(first.Length);
                backend.Upload(first, parameter);
                WeightMatrix live = backend.Live(parameter.AsRows(@out));
                backend.Upload(later, parameter);
                return live;
            });
        }
    }

    [Theory]
    [MemberData(nameof(Machines))]
    public void Gradients_agree_with_the_reference(int lanes, int threads)
    {
        using var cpu = new CpuBackend(threads, lanes);
        using var reference = new ReferenceBackend();
        foreach ((int rows, int @in, int @out) in s_shapes)
        {
            float[][] fast = Gradients(cpu, rows, @in, @out), slow = Gradients(reference, rows, @in, @out);
            for (int i = 0; i < fast.Length; i++) AssertClose(slow[i], fast[i], i < 2 ? @out : rows, $"gradient {i} of [{rows}, {@in}, {@out}]");
        }
    }

    [Fact]
    public void The_number_of_threads_changes_no_bit()
    {
        foreach (int lanes in CpuBackend.SupportedLanes)
        {
            using var one = new CpuBackend(1, lanes);
            using var two = new CpuBackend(2, lanes);
            using var five = new CpuBackend(5, lanes);
            foreach ((int rows, int @in, int @out) in s_shapes.Append((300, 200, 310)))
            {
                float[][] expected = Gradients(one, rows, @in, @out);
                Assert.Equal(expected, Gradients(two, rows, @in, @out));
                Assert.Equal(expected, Gradients(five, rows, @in, @out));
            }
        }
    }

    [Fact]
    public void A_row_has_the_same_bits_whatever_rows_stand_beside_it()
    {
        const int In = 1100, Out = 77;
        float[] weights = Values(new Random(1), In * Out), x = Values(new Random(2), 300 * In);
        using var cpu = new CpuBackend(1);
        using WeightMatrix packed = cpu.Pack(MemorySource.From(weights, Out, In, ElementType.F32, false));
        using Tensor input = cpu.Allocate(x.Length), output = cpu.Allocate(300 * Out), alone = cpu.Allocate(300 * Out);
        cpu.Upload(x, input);
        cpu.Linear(input.AsRows(300), packed, null, Activation.None, output.AsRows(300));
        for (int first = 0, count = 1; first < 300; first += count, count = Math.Min(300 - first, (count * 2) + 1))
            cpu.Linear(input.AsRows(300).SliceRows(first, count), packed, null, Activation.None, alone.AsRows(300).SliceRows(first, count));
        Assert.Equal(Read(cpu, output), Read(cpu, alone));
    }

    [Fact]
    public void Every_half_and_every_bf16_widens_to_its_value()
    {
        float[] all = new float[1 << 16];
        foreach (int lanes in CpuBackend.SupportedLanes)
        {
            using var cpu = new CpuBackend(1, lanes);
            using Tensor one = cpu.Allocate(1), products = cpu.Allocate(all.Length);
            cpu.Upload([1f], one);
            foreach (ElementType type in (ElementType[])[ElementType.F16, ElementType.BF16])
            {
                using WeightMatrix weight = cpu.Pack(new EveryPattern(type));
                cpu.Linear(one.AsRows(1), weight, null, Activation.None, products.AsRows(1));
                cpu.Download(products, 0, all);
                for (int bits = 0; bits < all.Length; bits++)
                {
                    float expected = type == ElementType.F16 ? (float)BitConverter.UInt16BitsToHalf((ushort)bits) : BitConverter.UInt32BitsToSingle((uint)bits << 16);
                    Assert.True(expected.Equals(all[bits]), $"{type} 0x{bits:x4} at {lanes} lanes: {all[bits]} instead of {expected}");
                }
            }
        }
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused_at_the_door()
    {
        using var cpu = new CpuBackend(1);
        using Tensor x = cpu.Allocate(64), y = cpu.Allocate(64);
        WeightMatrix weight = cpu.Live(x.AsRows(8));
        Assert.Throws<ArgumentException>(() => cpu.Linear(x.AsRows(16), weight, null, Activation.None, y.AsRows(16)));
        Assert.Throws<ArgumentException>(() => cpu.Linear(x.AsRows(8), weight, null, Activation.None, y.AsRows(4)));
        Assert.Throws<ArgumentException>(() => cpu.Linear(x.AsRows(8), weight, null, Activation.Relu, y.AsRows(8), accumulate: true));
        Assert.Throws<ArgumentException>(() => cpu.Live(new TensorView(x, 32, 8, 8)));
        using var other = new ReferenceBackend();
        Assert.Throws<ArgumentException>(() => cpu.Live(other.Allocate(64).AsRows(8)));
        if (CpuBackend.SupportedLanes.Count < 2) return;
        using var narrow = new CpuBackend(1, 4);
        using WeightMatrix packed = cpu.Pack(MemorySource.From(new float[64], 8, 8, ElementType.F32, false));
        Assert.Throws<ArgumentException>(() => narrow.Linear(x.AsRows(8), packed, null, Activation.None, y.AsRows(8)));
        Assert.Throws<NotSupportedException>(() => cpu.LinearBackwardInput(x.AsRows(8), packed, y.AsRows(8)));
    }

    private static void CheckLinear(
        CpuBackend cpu, ReferenceBackend reference, Random random, (int Rows, int In, int Out) shape, Func<IBackend, WeightMatrix> weight)
    {
        (int rows, int @in, int @out) = shape;
        float[] x = Values(random, rows * @in), bias = Values(random, @out), start = Values(random, rows * (@out + 3));
        (Activation Activation, bool Accumulate, bool Biased)[] ways =
            [(Activation.None, false, false), (Activation.None, true, true), (Activation.GeluTanh, false, true)];
        foreach ((Activation activation, bool accumulate, bool biased) in ways)
        {
            float[] slow = Linear(reference), fast = Linear(cpu);
            AssertClose(slow, fast, @in, $"[{rows}, {@in}, {@out}] {activation}, accumulate {accumulate}, {cpu.Description}");

            float[] Linear(IBackend backend)
            {
                using WeightMatrix matrix = weight(backend);
                using Tensor input = backend.Allocate(x.Length), shift = backend.Allocate(bias.Length), output = backend.Allocate(start.Length);
                backend.Upload(x, input);
                backend.Upload(bias, shift);
                backend.Upload(start, output);
                TensorView view = output.AsRows(rows).SliceColumns(1, @out);
                backend.Linear(input.AsRows(rows), matrix, biased ? shift.AsRows(1) : null, activation, view, accumulate);
                return Read(backend, output);
            }
        }
    }

    private static float[][] Gradients(IBackend backend, int rows, int @in, int @out)
    {
        var random = new Random(3);
        float[] xs = Values(random, rows * @in), ws = Values(random, @in * @out), gs = Values(random, rows * @out);
        using Tensor x = backend.Allocate(xs.Length), w = backend.Allocate(ws.Length), g = backend.Allocate(gs.Length);
        using Tensor dx = backend.Allocate(xs.Length), added = backend.Allocate(xs.Length), dw = backend.Allocate(ws.Length), db = backend.Allocate(@out);
        backend.Upload(xs, x);
        backend.Upload(ws, w);
        backend.Upload(gs, g);
        backend.Upload(xs, added);
        backend.Upload(ws, dw);
        using WeightMatrix weight = backend.Live(w.AsRows(@out));
        backend.LinearBackwardInput(g.AsRows(rows), weight, dx.AsRows(rows));
        backend.LinearBackwardInput(g.AsRows(rows), weight, added.AsRows(rows), accumulate: true);
        backend.LinearBackwardWeight(x.AsRows(rows), g.AsRows(rows), dw.AsRows(@out), db.AsRows(1));
        return [Read(backend, dx), Read(backend, added), Read(backend, dw), Read(backend, db)];
    }

    private static float[] Values(Random random, int count)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (2 * random.NextSingle()) - 1;
        return values;
    }

    private static float[] Read(IBackend backend, Tensor tensor)
    {
        float[] values = new float[tensor.Length];
        backend.Download(tensor, 0, values);
        return values;
    }

    // A chain of n fused multiply-adds of numbers up to 1 errs by at most n roundings of a partial sum below n/2; a hundredth of that in practice.
    private static void AssertClose(float[] expected, float[] actual, int terms, string what)
    {
        float tolerance = 4e-7f * (4 + terms);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance, $"{what}: element {i} is {actual[i]:R} instead of {expected[i]:R}");
    }

    /// <summary>The 65,536 bit patterns of a 16-bit type, one to a row.</summary>
    private sealed class EveryPattern(ElementType type) : WeightSource
    {
        public override int Rows => 1 << 16;

        public override int Columns => 1;

        public override ElementType ElementType => type;

        public override ReadOnlySpan<byte> Row(int row) => new byte[] { (byte)row, (byte)(row >> 8) };
    }
}
