using Winnow.Kernels;

namespace Winnow.Tests.Kernels;

/// <summary>Operations on elements and rows, at every length from 1 to 257 and a few that make several parts.</summary>
internal static class RowCases
{
    private static readonly Activation[] Activations =
        [Activation.None, Activation.Gelu, Activation.GeluTanh, Activation.Silu, Activation.Relu];

    // Rows, columns, gap: every length, then sizes that several threads share, dense and not.
    private static IEnumerable<(int Rows, int Columns, int Gap)> Sizes()
    {
        for (int n = 1; n <= 257; n++) yield return (1 + (n % 3), n, n % 2 * 3);
        yield return (1, 70_001, 0);
        yield return (70, 515, 0);
        yield return (70, 515, 2);
        yield return (0, 8, 0);
    }

    public static IEnumerable<KernelCase> All() =>
        Memory().Concat(Arithmetic()).Concat(Activated()).Concat(Gated()).Concat(Normalized()).Concat(Rotated()).Concat(Embedded()).Concat(Optimised());

    private static IEnumerable<KernelCase> Memory()
    {
        foreach ((int rows, int columns, int gap) in Sizes())
        {
            string shape = $"[{rows}, {columns}] gap {gap}";
            yield return new("Clear", shape, 0, 0, stage =>
            {
                TensorView x = stage.Input(rows, columns, gap);
                stage.Backend.Clear(x);
                stage.Keep("x", x);
            });
            yield return new("Copy", shape, 0, 0, stage =>
            {
                TensorView x = stage.Input(rows, columns, gap), y = stage.Output(rows, columns, 1);
                stage.Backend.Copy(x, y);
                stage.Keep("to", y);
            });
            yield return new("GatherRows", shape, 0, 0, stage =>
            {
                TensorView x = stage.Input(5, columns, gap), y = stage.Output(rows, columns, 1);
                stage.Backend.GatherRows(x, stage.Indices(rows + 2, 5), y);
                stage.Keep("output", y);
            });
        }

        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            foreach (bool transposed in (bool[])[false, true])
            {
                yield return new("Upload", $"{type}, transposed {transposed}", 0, 0, stage =>
                {
                    TensorView y = stage.Output(7, 19, 3);
                    stage.Backend.Upload(stage.Stored(7, 19, type, transposed), y);
                    stage.Keep("to", y);
                });
            }
        }
    }

    private static IEnumerable<KernelCase> Arithmetic()
    {
        foreach ((int rows, int columns, int gap) in Sizes())
        {
            string shape = $"[{rows}, {columns}] gap {gap}";
            yield return new("Add", shape, 0, 0, stage =>
            {
                TensorView x = stage.Input(rows, columns, gap), y = stage.Input(rows, columns), sum = stage.Output(rows, columns, gap);
                stage.Backend.Add(x, y, sum);
                stage.Keep("output", sum);
            });
            yield return new("Add in place", shape, 0, 0, stage =>
            {
                TensorView x = stage.Input(rows, columns, gap), y = stage.Input(rows, columns, gap);
                stage.Backend.Add(x, y, x);
                stage.Backend.Add(x, y, y);
                stage.Keep("x", x);
                stage.Keep("y", y);
            });
            yield return new("Scale", shape, 0, 0, stage =>
            {
                TensorView x = stage.Input(rows, columns, gap);
                stage.Backend.Scale(x, 0.37f);
                stage.Keep("x", x);
            });
            yield return new("Clip", shape, 0, 0, stage =>
            {
                TensorView x = stage.Input(rows, columns, gap);
                stage.Backend.Clip(x, 0.8f);
                stage.Keep("x", x);
            });
            yield return new("SumOfSquares", shape, 1e-7, 0, stage =>
            {
                TensorView x = stage.Input(rows, columns, gap);
                stage.Keep("sum", stage.Backend.SumOfSquares(x));
            });
        }
    }

    private static IEnumerable<KernelCase> Activated()
    {
        // Five units in the last place, and in the left tail the rounding of the exponent, seen from 1.
        (double relative, double absolute) = (6e-7, 3e-7);
        foreach (Activation activation in Activations)
        {
            foreach ((int rows, int columns, int gap) in Sizes())
            {
                string shape = $"{activation} [{rows}, {columns}] gap {gap}";
                yield return new("Activate", shape, relative, absolute, stage =>
                {
                    TensorView x = stage.Input(rows, columns, gap, spread: 3), y = stage.Output(rows, columns, 1);
                    stage.Backend.Activate(activation, x, y);
                    stage.Backend.Activate(activation, x, x);
                    stage.Keep("output", y);
                    stage.Keep("in place", x);
                });
                yield return new("ActivateBackward", shape, relative, 5 * absolute, stage =>
                {
                    TensorView x = stage.Input(rows, columns, gap, spread: 3), dy = stage.Input(rows, columns), dx = stage.Output(rows, columns, gap);
                    stage.Backend.ActivateBackward(activation, x, dy, dx);
                    stage.Backend.ActivateBackward(activation, x, dy, dy);
                    stage.Keep("input gradient", dx);
                    stage.Keep("in place", dy);
                });
            }
        }
    }

    private static IEnumerable<KernelCase> Gated()
    {
        foreach (Activation activation in Activations)
        {
            foreach ((int rows, int columns, int gap) in Sizes())
            {
                string shape = $"{activation} [{rows}, {columns}] gap {gap}";
                yield return new("Gate", shape, 6e-7, 1e-6, stage =>
                {
                    TensorView gate = stage.Input(rows, columns, gap), up = stage.Input(rows, columns), y = stage.Output(rows, columns);
                    stage.Backend.Gate(activation, gate, up, y);
                    stage.Backend.Gate(activation, gate, up, gate);
                    stage.Keep("output", y);
                    stage.Keep("in place of the gate", gate);
                });
                yield return new("GateBackward", shape, 1e-6, 4e-6, stage =>
                {
                    TensorView gate = stage.Input(rows, columns, gap), up = stage.Input(rows, columns), dy = stage.Input(rows, columns, gap);
                    TensorView dGate = stage.Output(rows, columns), dUp = stage.Output(rows, columns, 2);
                    stage.Backend.GateBackward(activation, gate, up, dy, dGate, dUp);
                    stage.Keep("gate gradient", dGate);
                    stage.Keep("up gradient", dUp);
                });
            }
        }
    }

    private static IEnumerable<KernelCase> Normalized()
    {
        foreach (NormKind kind in Enum.GetValues<NormKind>())
        {
            foreach ((int rows, int columns, int gap) in Sizes())
            {
                // One group of every length; groups of a third where that is whole.
                int width = columns % 3 == 0 && columns > 3 ? columns / 3 : columns;
                var shape = new NormShape(kind, width, 1e-5f);
                string text = $"{kind} of {width} in [{rows}, {columns}] gap {gap}";
                for (int variant = 0; variant < 3; variant++)
                {
                    int which = variant;
                    yield return new("Normalize", $"{text} variant {which}", 3e-6, 3e-6, stage => Normalize(stage, shape, rows, columns, gap, which));
                    yield return new("NormalizeBackward", $"{text} variant {which}", 1e-5, 4e-5, stage => NormalizeBackward(stage, shape, rows, columns, gap, which));
                }
            }
        }
    }

    // Variant 0: gain and bias; 1: gain, in place; 2: neither.
    private static void Normalize(Stage stage, NormShape shape, int rows, int columns, int gap, int variant)
    {
        TensorView x = stage.Input(rows, columns, gap, shift: 2), y = variant == 1 ? x : stage.Output(rows, columns, 1);
        TensorView? gain = variant == 2 ? null : stage.Input(1, shape.Width), bias = variant == 0 ? stage.Input(1, shape.Width) : null;
        TensorView? statistics = variant == 1 ? null : stage.Output(rows, 2 * (columns / shape.Width), 1);
        stage.Backend.Normalize(shape, x, gain, bias, y, statistics);
        stage.Keep("output", y);
        if (statistics is { } kept && shape.Width > 1) stage.Keep("statistics", kept);
    }

    private static void NormalizeBackward(Stage stage, NormShape shape, int rows, int columns, int gap, int variant)
    {
        TensorView x = stage.Input(rows, columns, gap, shift: 2), y = stage.Output(rows, columns), dy = stage.Input(rows, columns, gap);
        TensorView? gain = variant == 2 ? null : stage.Input(1, shape.Width);
        TensorView? dGain = variant == 2 ? null : stage.Input(1, shape.Width), dBias = variant == 0 ? stage.Input(1, shape.Width) : null;
        TensorView statistics = stage.Output(rows, 2 * (columns / shape.Width));

        // A wide ε keeps the gradient of very short groups from being a difference of nothing.
        NormShape soft = shape with { Epsilon = 0.1f };
        stage.Backend.Normalize(soft, x, gain, null, y, statistics);
        TensorView dx = variant == 1 ? dy : stage.Input(rows, columns, 2);
        stage.Backend.NormalizeBackward(soft, x, gain, statistics, dy, dx, accumulate: variant == 0, dGain, dBias);
        stage.Keep("input gradient", dx);
        if (dGain is { } gains) stage.Keep("gain gradient", gains);
        if (dBias is { } biases) stage.Keep("bias gradient", biases);
    }

    private static IEnumerable<KernelCase> Rotated()
    {
        for (int half = 0; half <= 65; half++)
        {
            foreach (bool inverse in (bool[])[false, true])
            {
                (int pairs, int rest) = (half, half % 4);
                int headWidth = Math.Max(1, (2 * pairs) + rest);
                yield return new("Rotate", $"{2 * pairs} of {headWidth} columns, inverse {inverse}", 3e-7, 3e-7, stage =>
                {
                    int rows = pairs == 64 ? 200 : 3;
                    TensorView x = stage.Input(rows, 3 * headWidth, pairs % 2), table = stage.Input(9, 2 * pairs, 1);
                    stage.Backend.Rotate(x, headWidth, 2 * pairs, stage.Indices(rows, 9), table, inverse);
                    stage.Keep("x", x);
                });
            }
        }
    }

    private static IEnumerable<KernelCase> Embedded()
    {
        foreach ((int rows, int columns, int gap) in Sizes().Where(size => size.Columns < 1000))
        {
            foreach (float scale in (float[])[1, 2.5f])
            {
                string shape = $"[{rows}, {columns}] gap {gap} scale {scale}";
                yield return new("EmbedBackward", shape, 1e-6, 1e-5, stage =>
                {
                    TensorView dy = stage.Input(rows, columns, gap), dTable = stage.Input(11, columns, 1);
                    stage.Backend.EmbedBackward(dy, stage.Indices(rows, 11), scale, dTable);
                    stage.Keep("table gradient", dTable);
                });
            }
        }
    }

    private static IEnumerable<KernelCase> Optimised()
    {
        foreach ((int rows, int columns, int gap) in Sizes())
        {
            yield return new("AdamW", $"[{rows}, {columns}] gap {gap}", 1e-6, 1e-7, stage =>
            {
                TensorView p = stage.Input(rows, columns, gap), g = stage.Input(rows, columns);
                TensorView m = stage.Input(rows, columns, spread: 0), v = stage.Input(rows, columns, spread: 0);
                for (int step = 1; step <= 3; step++) stage.Backend.AdamW(p, g, m, v, new AdamWStep(1e-3, 0.9, 0.95, 1e-8, 0.1, step, 0.5));
                stage.Keep("parameter", p);
                stage.Keep("first moment", m);
                stage.Keep("second moment", v);
            });
        }
    }
}
