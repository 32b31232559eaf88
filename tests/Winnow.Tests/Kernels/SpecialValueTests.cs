using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>Zeros of both signs, infinities, NaN, the largest and the smallest numbers, in every lane.</summary>
public sealed class SpecialValueTests
{
    private static readonly float[] Special =
    [
        0f, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, float.MaxValue, float.MinValue, float.Epsilon, -float.Epsilon,
        1.17549435e-38f, 1e-20f, -1e-20f, 87f, 88.5f, 89f, 104f, -87f, -88.5f, -104f, 5f, -5f, 9.9f, -9.9f, 13f, -13f, 15f, -15f, 1e30f, -1e30f,
    ];

    public static TheoryData<Activation, int> ActivationsAndLanes()
    {
        var data = new TheoryData<Activation, int>();
        foreach (Activation activation in Enum.GetValues<Activation>())
            foreach (int lanes in CpuBackend.SupportedLanes) data.Add(activation, lanes);
        return data;
    }

    public static TheoryData<int> Lanes() => [.. CpuBackend.SupportedLanes];

    [Theory]
    [MemberData(nameof(ActivationsAndLanes))]
    public void Activations_agree_with_the_reference_on_special_values(Activation activation, int lanes)
    {
        float[] expected = Play(new ReferenceBackend(), Activate), found = Play(new CpuBackend(1, lanes), Activate);
        for (int i = 0; i < expected.Length; i++)
        {
            // −∞ · 0 is NaN for some forms of a formula and −0 for others; the limit is −0 and both are told apart from it by nobody.
            if (float.IsNegativeInfinity(Special[i % Special.Length])) continue;
            Assert.True(Agree(expected[i], found[i], 1e-6, 1e-7), $"{activation}({Special[i % Special.Length]:g9}) is {found[i]:g9}, the reference {expected[i]:g9}");
        }

        void Activate(Stage stage, TensorView x, TensorView y) => stage.Backend.Activate(activation, x, y);
    }

    [Theory]
    [MemberData(nameof(ActivationsAndLanes))]
    public void Slopes_are_finite_where_the_argument_is(Activation activation, int lanes)
    {
        float[] found = Play(new CpuBackend(1, lanes), (stage, x, y) =>
        {
            TensorView ones = stage.Input([.. Enumerable.Repeat(1f, x.Columns)], 1, x.Columns);
            stage.Backend.ActivateBackward(activation, x, ones, y);
        });
        for (int i = 0; i < found.Length; i++)
        {
            float x = Special[i % Special.Length];
            if (float.IsNaN(x) && activation is not (Activation.None or Activation.Relu)) Assert.True(float.IsNaN(found[i]), $"{activation}′(NaN) is {found[i]}");
            if (!float.IsFinite(x)) continue;
            double expected = ReferenceMath.Slope(activation, x);
            if (double.IsFinite(expected)) Assert.True(Agree((float)expected, found[i], 1e-6, 4e-6), $"{activation}′({x:g9}) is {found[i]:g9}, the reference {expected:g9}");
            else Assert.True(float.IsFinite(found[i]), $"{activation}′({x:g9}) is {found[i]:g9}");
        }
    }

    [Theory]
    [MemberData(nameof(Lanes))]
    public void Sums_products_and_limits_are_bit_for_bit_the_same_on_special_values(int lanes)
    {
        static void Compute(Stage stage, TensorView x, TensorView y)
        {
            stage.Backend.Copy(x, y);
            stage.Backend.Scale(y, -0.5f);
            stage.Backend.Add(x, y, y);
            stage.Backend.Clip(y, 100);
        }

        float[] expected = Play(new ReferenceBackend(), Compute), found = Play(new CpuBackend(1, lanes), Compute);
        for (int i = 0; i < expected.Length; i++) Assert.True(Agree(expected[i], found[i], 0, 0), $"element {i} is {found[i]:g9}, the reference {expected[i]:g9}");
    }

    [Theory]
    [MemberData(nameof(Lanes))]
    public void A_token_that_is_not_a_number_spoils_no_earlier_one(int lanes)
    {
        using var backend = new CpuBackend(1, lanes);
        using var stage = new Stage(backend);
        var shape = new AttentionShape(1, 1, 16, 0.25f);
        AttentionSpan[] spans = [new(0, 100, 0, 100), new(100, 50, 100, 50)];
        TensorView q = stage.Input(150, 16), k = stage.Input(150, 16), v = stage.Input(150, 16), o = stage.Output(150, 16);
        backend.Upload([float.NaN], k.Tensor, 93 * 16);
        backend.Attend(shape, q, k, v, spans, o, null);
        float[] values = new float[150 * 16];
        backend.Download(o.Tensor, 0, values);
        for (int t = 0; t < 150; t++)
        {
            bool spoilt = t is >= 93 and < 100;
            Assert.True(float.IsNaN(values[t * 16]) == spoilt, $"token {t} is {values[t * 16]}");
        }
    }

    // Once per position within a register.
    private static float[] Play(IBackend backend, Action<Stage, TensorView, TensorView> compute)
    {
        using (backend)
        {
            using var stage = new Stage(backend);
            float[] values = [.. Enumerable.Repeat(Special, 17).SelectMany(v => v)];
            TensorView x = stage.Input(values, 1, values.Length), y = stage.Output(1, values.Length);
            compute(stage, x, y);
            backend.Download(y.Tensor, 0, values);
            return values;
        }
    }

    private static bool Agree(float expected, float found, double relative, double absolute) =>
        float.IsFinite(expected) && float.IsFinite(found)
            ? Math.Abs((double)expected - found) <= (relative * Math.Abs((double)expected)) + absolute
            : expected.Equals(found);
}
