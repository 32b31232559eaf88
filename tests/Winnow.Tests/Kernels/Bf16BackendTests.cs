using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Winnow.Models;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>
/// The backend that multiplies bf16, against the reference with inputs rounded to bf16 beforehand: what is left is f32's rounding of
/// sums. Where the machine has no bf16 these tests see the f32 fallback, which must agree as well.
/// </summary>
public sealed class Bf16BackendTests
{
    // Around the tile's 8 rows and 48 columns, odd K, pieces of K, several parts.
    private static readonly (int Rows, int In, int Out)[] s_shapes =
    [
        (1, 1, 1), (1, 5, 47), (2, 17, 48), (3, 16, 49), (4, 33, 24), (5, 48, 95), (6, 2, 96), (7, 64, 12), (8, 31, 96), (9, 100, 97),
        (13, 3, 145), (16, 129, 11), (64, 24, 200), (3, 2048, 49), (5, 2051, 20), (2, 5001, 13), (270, 40, 60), (1100, 9, 30),
    ];

    private static readonly (Activation Activation, bool Accumulate, bool Biased)[] s_epilogues =
        [(Activation.None, false, false), (Activation.None, true, false), (Activation.None, true, true), (Activation.GeluTanh, false, true)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void A_weight_of_any_type_and_orientation_multiplies_as_the_reference_does(int threads)
    {
        using CpuBackend cpu = Narrow(threads);
        using var reference = new ReferenceBackend();
        foreach ((int rows, int @in, int @out) in s_shapes)
        {
            float[] x = Rounded(1, rows * @in), weights = Rounded(2, @in * @out), bias = Rounded(3, @out), start = Rounded(4, rows * (@out + 3));
            foreach (ElementType type in Enum.GetValues<ElementType>())
            {
                // The reference reads what the source holds; of f16 the values that fit bf16 too.
                float[] stored = type == ElementType.F16 ? [.. weights.Select(w => Round((float)(Half)w))] : weights;
                foreach (bool transposed in (bool[])[false, true])
                {
                    MemorySource source = MemorySource.From(stored, @out, @in, type, transposed);
                    foreach (var way in s_epilogues)
                    {
                        float[] fast = Linear(cpu, source, x, bias, start, rows, way), slow = Linear(reference, source, x, bias, start, rows, way);
                        AssertClose(slow, fast, 4e-7f * (4 + @in), $"[{rows}, {@in}, {@out}] {type} {way}");
                    }
                }
            }
        }
    }

    [Fact]
    public void Inputs_are_rounded_to_the_nearest_bf16_ties_to_even_and_nan_stays()
    {
        Assert.SkipUnless(CpuBackend.SupportsBF16, "the processor has no bf16 products");
        float[] values =
        [
            1f, 1.00390625f, 1.01171875f, 1.0039063f, 1.0039061f, -1.00390625f, 0f, -0f, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue,
            float.NaN, BitConverter.Int32BitsToSingle(0x7F800001), 3.1415927f, 1e-30f, 65504f, 0.1f,
        ];
        using CpuBackend cpu = Narrow(1);
        foreach (int padding in (int[])[0, 40])
        {
            // As many as fill a register, and the rest; each alone in its row, times one.
            float[] row = [.. values, .. new float[padding]];
            using WeightMatrix table = cpu.Pack(MemorySource.From(row, 1, row.Length, ElementType.F32, transposed: false));
            using Tensor widened = cpu.Allocate(row.Length);
            using IndexTensor ids = cpu.AllocateIndices(1);
            cpu.Embed(table, ids, 1, widened.AsRows(1));
            Assert.Equal(row.Select(Round), Read(cpu, widened));
            using WeightMatrix one = cpu.Pack(MemorySource.From([1f], 1, 1, ElementType.F32, transposed: false));
            using Tensor column = cpu.Allocate(row.Length), product = cpu.Allocate(row.Length);
            cpu.Upload(row, column);
            cpu.Linear(column.AsRows(row.Length), one, null, Activation.None, product.AsRows(row.Length));
            Assert.Equal(row.Select(Round), Read(cpu, product));
        }
    }

    [Fact]
    public void The_number_of_threads_changes_no_bit()
    {
        using CpuBackend one = Narrow(1), two = Narrow(2), five = Narrow(5);
        foreach ((int rows, int @in, int @out) in s_shapes.Append((300, 200, 310)))
        {
            float[] x = Values(1, rows * @in), bias = Values(3, @out), start = Values(4, rows * (@out + 3));
            MemorySource source = MemorySource.From(Values(2, @in * @out), @out, @in, ElementType.F32, transposed: false);
            foreach (var way in s_epilogues)
            {
                float[] expected = Linear(one, source, x, bias, start, rows, way);
                Assert.Equal(expected, Linear(two, source, x, bias, start, rows, way));
                Assert.Equal(expected, Linear(five, source, x, bias, start, rows, way));
            }
        }

        (float[] losses, int[] best) = Head(one, 300, 50, 3200, 1.5f);
        foreach (CpuBackend other in (CpuBackend[])[two, five])
        {
            (float[] same, int[] also) = Head(other, 300, 50, 3200, 1.5f);
            Assert.Equal(losses, same);
            Assert.Equal(best, also);
        }
    }

    [Fact]
    public void A_row_has_the_same_bits_whatever_rows_stand_beside_it()
    {
        const int In = 2301, Out = 77;
        using CpuBackend cpu = Narrow(1);
        using WeightMatrix packed = cpu.Pack(MemorySource.From(Values(1, In * Out), Out, In, ElementType.F32, false));
        using Tensor input = cpu.Allocate(300 * In), together = cpu.Allocate(300 * Out), alone = cpu.Allocate(300 * Out);
        cpu.Upload(Values(2, 300 * In), input);
        cpu.Linear(input.AsRows(300), packed, null, Activation.None, together.AsRows(300));
        for (int first = 0, count = 1; first < 300; first += count, count = Math.Min(300 - first, (count * 2) + 1))
            cpu.Linear(input.AsRows(300).SliceRows(first, count), packed, null, Activation.None, alone.AsRows(300).SliceRows(first, count));
        Assert.Equal(Read(cpu, together), Read(cpu, alone));
    }

    [Fact]
    public void Loss_el2n_greedy_token_and_logits_agree_with_the_reference()
    {
        using CpuBackend cpu = Narrow(2);
        using var reference = new ReferenceBackend();
        foreach ((int tokens, int width, int vocabulary) in ((int, int, int)[])[(1, 1, 1), (2, 3, 2), (5, 7, 47), (3, 16, 48), (9, 33, 145), (17, 20, 1000), (1030, 5, 130), (6, 11, 3200)])
        {
            foreach (float softCap in (float[])[0, 1.5f])
            {
                (float[] losses, int[] best) = Head(cpu, tokens, width, vocabulary, softCap);
                (float[] expected, int[] greedy) = Head(reference, tokens, width, vocabulary, softCap);
                AssertClose(expected, losses, 6e-6f, $"[{tokens}, {width}, {vocabulary}] soft cap {softCap}");
                Assert.Equal(greedy, best);
            }
        }
    }

    [Fact]
    public void A_decoders_scores_stay_near_those_of_f32()
    {
        DecoderConfig config = Presets.Named("tiny", 500, 64);
        (float[] loss, float[] el2n) = Score(config, Precision.F32);
        (float[] narrowLoss, float[] narrowEl2n) = Score(config, Precision.BF16);

        // A rounding is up to 2⁻⁸ of a factor; they average out over K.
        AssertClose(loss, narrowLoss, 0.02f, "loss");
        AssertClose(el2n, narrowEl2n, 0.005f, "EL2N");
        Assert.Equal(CpuBackend.SupportsBF16, !loss.SequenceEqual(narrowLoss));
    }

    [Fact]
    public void Where_bf16_is_not_supported_f32_computes_and_the_description_says_so()
    {
        using var forbidden = new CpuBackend(2, 0, Precision.BF16, emitted: false);
        int lanes = CpuBackend.SupportedLanes[0];
        Assert.Equal($"cpu, 2 threads, {lanes} lanes f32 (bf16 is not supported here)", forbidden.Description);
        Assert.Equal(Precision.F32, forbidden.Precision);
        Assert.All(forbidden.Workers, worker => Assert.Equal($"cpu, 1 thread, {lanes} lanes f32 (bf16 is not supported here)", worker.Description));
        using var plain = new CpuBackend(2);
        Assert.Equal(Head(plain, 9, 33, 145, 0).Losses, Head(forbidden, 9, 33, 145, 0).Losses);
        using var few = new CpuBackend(1, 4, Precision.BF16);
        Assert.Equal(Precision.F32, few.Precision);
    }

    [Fact]
    public void Workers_multiply_as_their_backend_does_and_share_its_weights()
    {
        using CpuBackend cpu = Narrow(2);
        Assert.Equal(CpuBackend.SupportsBF16 ? Precision.BF16 : Precision.F32, cpu.Precision);
        if (CpuBackend.SupportsBF16) Assert.Equal("cpu, 2 threads, 16 lanes bf16", cpu.Description);
        Assert.All(cpu.Workers, worker => Assert.Equal(cpu.Precision, worker.Precision));
        using WeightMatrix weight = cpu.Pack(MemorySource.From(Values(1, 96 * 64), 96, 64, ElementType.F32, transposed: false));
        if (CpuBackend.SupportsBF16) Assert.Equal(96 * 64 * 2, weight.Bytes);
        using Tensor x = cpu.Allocate(5 * 64), whole = cpu.Allocate(5 * 96), part = cpu.Allocate(5 * 96);
        cpu.Upload(Values(2, 5 * 64), x);
        cpu.Linear(x.AsRows(5), weight, null, Activation.None, whole.AsRows(5));
        cpu.Workers[1].Linear(x.AsRows(5), weight, null, Activation.None, part.AsRows(5));
        Assert.Equal(Read(cpu, whole), Read(cpu, part));
    }

    [Fact]
    public void The_bf16_peak_is_above_the_f32_peak()
    {
        Assert.SkipUnless(CpuBackend.SupportsBF16, "the processor has no bf16 products");
        Assert.True(MachinePeak.Measure(1, precision: Precision.BF16) > MachinePeak.Measure(1));
    }

    private static CpuBackend Narrow(int threads) => new(threads, 0, Precision.BF16);

    private static (float[] Loss, float[] El2n) Score(DecoderConfig config, Precision precision)
    {
        using var backend = new CpuBackend(1, 0, precision);
        using Decoder decoder = Decoder.Create(config, 1, backend);
        using var pass = new DecoderPass(decoder, backend, 64);
        var random = new Random(1);
        var batch = new TokenBatch(64);
        batch.AddText([.. Enumerable.Range(0, 65).Select(_ => random.Next(config.VocabularySize))]);
        float[] loss = new float[64], el2n = new float[64];
        pass.Score(batch, loss, el2n, []);
        return (loss, el2n);
    }

    private static float[] Linear(
        IBackend backend, WeightSource source, float[] x, float[] bias, float[] start, int rows, (Activation Activation, bool Accumulate, bool Biased) way)
    {
        using WeightMatrix weight = backend.Pack(source);
        using Tensor input = backend.Allocate(x.Length), shift = backend.Allocate(bias.Length), output = backend.Allocate(start.Length);
        backend.Upload(x, input);
        backend.Upload(bias, shift);
        backend.Upload(start, output);
        TensorView view = output.AsRows(rows).SliceColumns(1, weight.Rows);
        backend.Linear(input.AsRows(rows), weight, way.Biased ? shift.AsRows(1) : null, way.Activation, view, way.Accumulate);
        return Read(backend, output);
    }

    private static (float[] Losses, int[] Argmax) Head(IBackend backend, int tokens, int width, int vocabulary, float softCap)
    {
        const int Unused = 3;
        float[] weights = [.. Values(2, (vocabulary + Unused) * width).Select(w => Round(w * 4 / MathF.Sqrt(width)))];
        using WeightMatrix unembedding = backend.Pack(MemorySource.From(weights, vocabulary + Unused, width, ElementType.BF16, transposed: false));
        using Tensor hidden = backend.Allocate(tokens * width), bias = backend.Allocate(vocabulary), result = backend.Allocate(3 * tokens);
        using IndexTensor targets = backend.AllocateIndices(tokens), argmax = backend.AllocateIndices(tokens);
        var random = new Random(5);
        backend.Upload(Rounded(1, tokens * width), hidden);
        backend.Upload(Values(3, vocabulary), bias);
        backend.Upload([.. Enumerable.Range(0, tokens).Select(_ => random.Next(-1, vocabulary))], targets);
        backend.LinearCrossEntropy(hidden.AsRows(tokens), unembedding, bias.AsRows(1), new HeadShape(vocabulary, softCap), targets, result.AsRows(tokens), argmax);
        using Tensor logits = backend.Allocate((long)tokens * vocabulary);
        backend.Logits(hidden.AsRows(tokens), unembedding, bias.AsRows(1), new HeadShape(vocabulary, softCap), logits.AsRows(tokens));
        int[] best = new int[tokens];
        backend.Download(argmax, best);
        return ([.. Read(backend, result), .. Read(backend, logits)], best);
    }

    private static float[] Values(int seed, int count)
    {
        var random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (2 * random.NextSingle()) - 1;
        return values;
    }

    private static float[] Rounded(int seed, int count) => [.. Values(seed, count).Select(Round)];

    /// <summary>The nearest bf16, found through its two neighbours.</summary>
    private static float Round(float value)
    {
        if (!float.IsFinite(value)) return value;
        uint down = BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000, up = down + 0x10000;
        double low = BitConverter.UInt32BitsToSingle(down), high = BitConverter.UInt32BitsToSingle(up);

        // One step beyond the largest number stands for infinity.
        if (double.IsInfinity(high)) high = low * 256 / 255;
        double below = Math.Abs(value - low), above = Math.Abs(high - value);
        bool even = (down & 0x10000) == 0;
        return BitConverter.UInt32BitsToSingle(below < above || (below == above && even) ? down : up);
    }

    private static float[] Read(IBackend backend, Tensor tensor)
    {
        float[] values = new float[tensor.Length];
        backend.Download(tensor, 0, values);
        return values;
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance, string what)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= tolerance * Math.Max(1, Math.Abs(expected[i])),
                $"{what}: element {i} is {actual[i]:R} instead of {expected[i]:R}");
        }
    }
}
