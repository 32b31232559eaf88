using Winnow.Kernels;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>
/// The reference's gradients against central differences of the reference itself, in double: with a step of 1e-5 the formula is
/// right to about 1e-9 of the third derivative, so 1e-6 tells a wrong gradient from rounding.
/// </summary>
public sealed class GradientTests
{
    private const double Step = 1e-5;
    private const double Tolerance = 1e-6;

    [Theory]
    [InlineData(Activation.None)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.GeluTanh)]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Relu)]
    public void Activations_and_gates_have_the_slope_that_is_measured(Activation activation)
    {
        using var stage = Exact();
        TensorView x = stage.Input(3, 7), up = stage.Input(3, 7), y = stage.Output(3, 7), weights = stage.Input(3, 7);
        TensorView dx = stage.Output(3, 7), dUp = stage.Output(3, 7);
        stage.Backend.ActivateBackward(activation, x, weights, dx);
        AssertGradient(x, dx, () => Loss(y, weights, () => stage.Backend.Activate(activation, x, y)));
        stage.Backend.GateBackward(activation, x, up, weights, dx, dUp);
        double Gated() => Loss(y, weights, () => stage.Backend.Gate(activation, x, up, y));
        AssertGradient(x, dx, Gated);
        AssertGradient(up, dUp, Gated);
    }

    [Theory]
    [InlineData(NormKind.Layer, 10)]
    [InlineData(NormKind.Rms, 10)]
    [InlineData(NormKind.Layer, 5)]
    [InlineData(NormKind.Rms, 2)]
    public void Norms_have_the_slope_that_is_measured(NormKind kind, int width)
    {
        using var stage = Exact();
        var shape = new NormShape(kind, width, 1e-3f);
        TensorView x = stage.Input(3, 10), gain = stage.Input(1, width), bias = stage.Input(1, width), weights = stage.Input(3, 10);
        TensorView y = stage.Output(3, 10), statistics = stage.Output(3, 20 / width), dx = stage.Output(3, 10);
        TensorView dGain = Zeros(stage, 1, width), dBias = Zeros(stage, 1, width);
        double Forward() => Loss(y, weights, () => stage.Backend.Normalize(shape, x, gain, bias, y, statistics));
        Forward();
        stage.Backend.NormalizeBackward(shape, x, gain, statistics, weights, dx, false, dGain, dBias);
        AssertGradient(x, dx, Forward);
        AssertGradient(gain, dGain, Forward);
        AssertGradient(bias, dBias, Forward);
    }

    [Fact]
    public void Embedding_and_rotation_have_the_slope_that_is_measured()
    {
        using var stage = Exact();
        TensorView table = stage.Input(4, 6), y = stage.Output(5, 6), weights = stage.Input(5, 6), dTable = Zeros(stage, 4, 6);
        IndexTensor ids = stage.Indices(5, 4);
        WeightMatrix live = stage.Live(table);
        stage.Backend.EmbedBackward(weights, ids, 1.5f, dTable);
        AssertGradient(table, dTable, () => Loss(y, weights, () => stage.Backend.Embed(live, ids, 1.5f, y)));

        TensorView x = stage.Input(5, 12), angles = Angles(stage, 4), turned = stage.Output(5, 12), slope = stage.Input(5, 12), dx = stage.Output(5, 12);
        stage.Backend.Copy(slope, dx);
        stage.Backend.Rotate(dx, 6, 4, ids, angles, inverse: true);
        AssertGradient(x, dx, () => Loss(turned, slope, () =>
        {
            stage.Backend.Copy(x, turned);
            stage.Backend.Rotate(turned, 6, 4, ids, angles);
        }));
    }

    [Fact]
    public void Matrix_products_have_the_slope_that_is_measured()
    {
        using var stage = Exact();
        TensorView x = stage.Input(4, 6), w = stage.Input(5, 6), bias = stage.Input(1, 5), y = stage.Output(4, 5), weights = stage.Input(4, 5);
        TensorView dx = stage.Output(4, 6), dw = Zeros(stage, 5, 6), db = Zeros(stage, 1, 5);
        WeightMatrix live = stage.Live(w);
        stage.Backend.LinearBackwardInput(weights, live, dx);
        stage.Backend.LinearBackwardWeight(x, weights, dw, db);
        double Forward() => Loss(y, weights, () => stage.Backend.Linear(x, live, bias, Activation.None, y));
        AssertGradient(x, dx, Forward);
        AssertGradient(w, dw, Forward);
        AssertGradient(bias, db, Forward);
    }

    [Theory]
    [InlineData(2, 2, 0, 0)]
    [InlineData(4, 2, 0, 0)]
    [InlineData(2, 1, 3, 0)]
    [InlineData(2, 2, 0, 1.5f)]
    [InlineData(4, 1, 4, 0.7f)]
    public void Attention_has_the_slope_that_is_measured(int heads, int keyValueHeads, int window, float cap)
    {
        using var stage = Exact();
        var shape = new AttentionShape(heads, keyValueHeads, 3, 0.8f, window, cap);
        AttentionSpan[] spans = [new(0, 5, 0, 5), new(5, 2, 5, 6)];
        TensorView q = stage.Input(7, heads * 3), k = stage.Input(11, keyValueHeads * 3), v = stage.Input(11, keyValueHeads * 3);
        TensorView o = stage.Output(7, heads * 3), kept = stage.Output(7, heads), weights = stage.Input(7, heads * 3);
        TensorView dq = stage.Output(7, heads * 3), dk = stage.Output(11, keyValueHeads * 3), dv = stage.Output(11, keyValueHeads * 3);
        double Forward() => Loss(o, weights, () => stage.Backend.Attend(shape, q, k, v, spans, o, kept));
        Forward();
        stage.Backend.AttendBackward(shape, q, k, v, spans, o, kept, weights, dq, dk, dv);
        AssertGradient(q, dq, Forward);
        AssertGradient(k, dk, Forward);
        AssertGradient(v, dv, Forward);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void The_loss_head_has_the_slope_that_is_measured(float cap)
    {
        using var stage = Exact();
        var shape = new HeadShape(9, cap);
        TensorView hidden = stage.Input(4, 5), w = stage.Input(11, 5), bias = stage.Input(1, 11), result = stage.Output(4, 3);
        IndexTensor targets = stage.Indices([3, -1, 8, 0]);
        WeightMatrix live = stage.Live(w);
        TensorView dh = stage.Output(4, 5), dw = Zeros(stage, 11, 5), db = Zeros(stage, 1, 11);
        double Forward()
        {
            stage.Backend.LinearCrossEntropy(hidden, live, bias, shape, targets, result, null);
            double[] values = Values(result);
            return 0.25 * Enumerable.Range(0, 4).Sum(t => values[3 * t]);
        }

        Forward();
        stage.Backend.LinearCrossEntropyBackward(hidden, live, bias, shape, targets, result, 0.25f, dh, dw, db);
        AssertGradient(hidden, dh, Forward);
        AssertGradient(w, dw, Forward);
        AssertGradient(bias, db, Forward);
    }

    private static Stage Exact() => new(new ReferenceBackend(rounds: false));

    private static double[] Values(TensorView view) => ReferenceBackend.Values(view.Tensor);

    private static TensorView Zeros(Stage stage, int rows, int columns) => stage.Input(new float[rows * columns], rows, columns);

    /// <summary>A table of true rotations: with any other numbers the inverse is no transpose.</summary>
    private static TensorView Angles(Stage stage, int positions)
    {
        float[] table = new float[positions * 4];
        for (int i = 0; i < positions; i++)
            for (int pair = 0; pair < 2; pair++) (table[(4 * i) + pair], table[(4 * i) + 2 + pair]) = (MathF.Cos(i + pair), MathF.Sin(i + pair));
        return stage.Input(table, positions, 4);
    }

    /// <summary>Σ weights · output after a forward pass: its gradient is the backward pass on the weights.</summary>
    private static double Loss(TensorView output, TensorView weights, Action forward)
    {
        forward();
        return Values(output).Zip(Values(weights), (y, w) => y * w).Sum();
    }

    private static void AssertGradient(TensorView x, TensorView gradient, Func<double> loss)
    {
        double[] values = Values(x);
        double[] slopes = Values(gradient);
        for (int i = 0; i < values.Length; i++)
        {
            double at = values[i];
            values[i] = at + Step;
            double above = loss();
            values[i] = at - Step;
            double below = loss();
            values[i] = at;
            double measured = (above - below) / (2 * Step);
            Assert.True(
                Math.Abs(measured - slopes[i]) <= Tolerance * (1 + Math.Abs(measured)), $"element {i}: gradient {slopes[i]:g9}, measured {measured:g9}");
        }

        loss();
    }
}
