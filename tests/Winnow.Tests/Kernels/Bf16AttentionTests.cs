using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>
/// Attention in bf16 against the reference at every shape, with keys, values and scaled queries that are bf16 already: what is left
/// is the rounding of the shares, at most 2⁻⁸ of each, and f32's of sums.
/// </summary>
public sealed class Bf16AttentionTests
{
    private const float Log2E = 1.44269504f;

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    public void Every_shape_agrees_with_the_reference_on_any_number_of_threads(float sharper)
    {
        Assert.SkipUnless(CpuBackend.SupportsBF16, "the processor has no bf16 products");
        using CpuBackend cpu = new(1, 0, Precision.BF16), three = new(3, 0, Precision.BF16);
        using var reference = new ReferenceBackend();
        foreach ((string text, AttentionShape shape, AttentionSpan[] spans, float spread) in AttentionCases.Shapes())
        {
            Inputs inputs = Make(shape, spans, spread * sharper);
            float[] expected = Attend(reference, inputs), found = Attend(cpu, inputs);
            Assert.Equal(found, Attend(three, inputs));
            float[] size = Attend(reference, inputs with { Values = [.. inputs.Values.Select(Math.Abs)] });
            for (int i = 0; i < expected.Length; i++)
            {
                // Rows of no span keep what they held.
                double tolerance = expected[i] == Untouched ? 0 : (size[i] / 256) + (3e-5 * spread * sharper);
                Assert.True(Math.Abs(expected[i] - found[i]) <= tolerance, $"{text} sharper {sharper}: [{i}] is {found[i]:g9}, the reference {expected[i]:g9} ± {tolerance:g3}");
            }
        }
    }

    [Fact]
    public void Equal_scores_give_the_mean_of_the_values_to_f32()
    {
        Assert.SkipUnless(CpuBackend.SupportsBF16, "the processor has no bf16 products");
        using CpuBackend cpu = new(1, 0, Precision.BF16);
        using var reference = new ReferenceBackend();
        foreach ((string text, AttentionShape shape, AttentionSpan[] spans, float spread) in AttentionCases.Shapes())
        {
            Inputs inputs = Make(shape, spans, spread);
            inputs = inputs with { Queries = new float[inputs.Queries.Length] };
            float[] expected = Attend(reference, inputs), found = Attend(cpu, inputs);
            for (int i = 0; i < expected.Length; i++)
                Assert.True(Math.Abs(expected[i] - found[i]) <= 2e-6 * Math.Max(1, Math.Abs(expected[i])), $"{text}: [{i}] is {found[i]:g9}, the reference {expected[i]:g9}");
        }
    }

    [Fact]
    public void Training_keeps_f32()
    {
        var shape = new AttentionShape(2, 1, 16, 0.25f);
        AttentionSpan[] spans = [new(0, 30, 0, 30)];
        using CpuBackend narrow = new(1, 0, Precision.BF16), wide = new(1);
        Inputs inputs = Make(shape, spans, 1);
        Assert.Equal(Attend(wide, inputs, keepsLogSumExp: true), Attend(narrow, inputs, keepsLogSumExp: true));
        Assert.Equal(CpuBackend.SupportsBF16, !Attend(wide, inputs).SequenceEqual(Attend(narrow, inputs)));
    }

    private const float Untouched = -77;

    private sealed record Inputs(AttentionShape Shape, AttentionSpan[] Spans, float[] Queries, float[] Keys, float[] Values);

    private static Inputs Make(AttentionShape shape, AttentionSpan[] spans, float spread)
    {
        var random = new Random(11);
        int queries = spans.Max(span => span.QueryStart + span.QueryCount), keys = spans.Max(span => span.KeyStart + span.KeyCount);
        float factor = shape.SoftCap > 0 ? shape.Scale / shape.SoftCap : shape.Scale * Log2E;
        int width = shape.KeyValueHeads * shape.HeadWidth;
        float[] q = [.. Normal(random, queries * shape.Heads * shape.HeadWidth).Select(x => Round(x * spread * factor) / factor)];
        return new Inputs(shape, spans, q, [.. Normal(random, keys * width).Select(Round)], [.. Normal(random, keys * width).Select(Round)]);
    }

    private static float[] Attend(IBackend backend, Inputs inputs, bool keepsLogSumExp = false)
    {
        using var stage = new Stage(backend, guarded: backend is CpuBackend && OperatingSystem.IsLinux());
        AttentionShape shape = inputs.Shape;
        int width = shape.Heads * shape.HeadWidth, narrow = shape.KeyValueHeads * shape.HeadWidth;
        int queries = inputs.Queries.Length / width, keys = inputs.Keys.Length / narrow;
        TensorView q = stage.Input(inputs.Queries, queries, width), k = stage.Input(inputs.Keys, keys, narrow), v = stage.Input(inputs.Values, keys, narrow);
        TensorView output = stage.Output(queries, width);
        backend.Attend(shape, q, k, v, inputs.Spans, output, keepsLogSumExp ? stage.Output(queries, shape.Heads) : null);
        stage.Keep("output", output);
        return stage.Results[0].Values;
    }

    private static IEnumerable<float> Normal(Random random, int count)
    {
        for (int i = 0; i < count; i++)
            yield return (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
    }

    private static float Round(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }
}
