using Winnow.Kernels;

namespace Winnow.Tests.Kernels;

/// <summary>Matrix products and the loss head.</summary>
internal static class MatrixCases
{
    public static IEnumerable<KernelCase> All() => Products().Concat(Heads()).Concat(Embedded());

    private static IEnumerable<(int Rows, int In, int Out)> Sizes()
    {
        for (int n = 1; n <= 70; n++) yield return (1 + (n % 9), n, 71 - n);
        foreach (int n in (int[])[95, 96, 97, 128, 193, 257]) yield return (n / 3, n, 100);
        yield return (50, 801, 130);
        yield return (130, 64, 200);
        yield return (0, 8, 8);
    }

    private static IEnumerable<KernelCase> Products()
    {
        foreach ((int rows, int inputs, int outputs) in Sizes())
        {
            string shape = $"[{rows}, {inputs}] to {outputs}";
            var type = (ElementType)(inputs % 3);
            bool transposed = inputs % 2 == 0, accumulate = outputs % 2 == 0;
            var activation = accumulate ? Activation.None : (Activation)(inputs % 5);

            // Partial sums of n products grow like √n, and so does the number of roundings that count.
            (double relative, double absolute) = (2e-6, 2e-6 + (2e-7 * inputs));
            yield return new("Linear", $"{shape} {type} transposed {transposed} {activation}", relative, absolute, stage =>
            {
                TensorView x = stage.Input(rows, inputs, inputs % 4), y = stage.Input(rows, outputs, 3);
                TensorView? bias = inputs % 3 == 0 ? null : stage.Input(1, outputs);
                stage.Backend.Linear(x, stage.Weight(outputs, inputs, type, transposed), bias, activation, y, accumulate);
                stage.Keep("output", y);
            });
            yield return new("Linear, live weight", shape, relative, absolute, stage =>
            {
                TensorView x = stage.Input(rows, inputs), w = stage.Input(outputs, inputs, 1), y = stage.Output(rows, outputs);
                WeightMatrix live = stage.Live(w);
                stage.Backend.Linear(x, live, null, Activation.None, y);
                stage.Backend.Scale(w, 0.5f);
                stage.Backend.Linear(x, live, null, Activation.None, y, accumulate: true);
                stage.Keep("output", y);
            });
            (double backward, double sums) = (2e-6 + (2e-7 * outputs), 2e-6 + (2e-7 * rows));
            yield return new("LinearBackwardInput", $"{shape} accumulate {accumulate}", relative, backward, stage =>
            {
                TensorView dy = stage.Input(rows, outputs, 1), dx = stage.Input(rows, inputs, 2), w = stage.Input(outputs, inputs);
                stage.Backend.LinearBackwardInput(dy, stage.Live(w), dx, accumulate);
                stage.Keep("input gradient", dx);
            });
            yield return new("LinearBackwardWeight", shape, relative, sums, stage =>
            {
                TensorView x = stage.Input(rows, inputs, 1), dy = stage.Input(rows, outputs, 2), dw = stage.Input(outputs, inputs);
                TensorView? db = inputs % 3 == 0 ? null : stage.Input(1, outputs);
                stage.Backend.LinearBackwardWeight(x, dy, dw, db);
                stage.Keep("weight gradient", dw);
                if (db is { } biases) stage.Keep("bias gradient", biases);
            });
        }
    }

    private static IEnumerable<KernelCase> Heads()
    {
        foreach ((int rows, int width, int vocabulary, int padding) in
            ((int, int, int, int)[])[(1, 1, 1, 0), (3, 5, 2, 1), (7, 16, 47, 1), (9, 33, 48, 0), (20, 24, 300, 20), (65, 64, 1025, 7), (2, 100, 2000, 0)])
        {
            foreach (float cap in (float[])[0, 3])
            {
                foreach (float spread in (float[])[1, 20])
                {
                    bool biased = width % 2 == 0;
                    var shape = new HeadShape(vocabulary, cap);
                    string text = $"[{rows}, {width}] to {vocabulary} + {padding}, cap {cap}, spread {spread}, bias {biased}";
                    double absolute = 2e-6 * spread * (2 + Math.Sqrt(width));
                    yield return new("LinearCrossEntropy", text, 1e-5, absolute, stage => Forward(stage, shape, rows, width, padding, spread, biased));
                    yield return new("LinearCrossEntropyBackward", text, 1e-4, 20 * absolute, stage => Backward(stage, shape, rows, width, padding, spread, biased));
                    yield return new("Logits", text, 1e-5, absolute, stage =>
                    {
                        TensorView hidden = stage.Input(rows, width, 1, spread), w = stage.Input(vocabulary + padding, width), y = stage.Output(rows, vocabulary, 2);
                        stage.Backend.Logits(hidden, stage.Live(w), biased ? stage.Input(1, vocabulary + padding) : null, shape, y);
                        stage.Keep("logits", y);
                    });
                }
            }
        }
    }

    private static void Forward(Stage stage, HeadShape shape, int rows, int width, int padding, float spread, bool biased)
    {
        TensorView hidden = stage.Input(rows, width, 1, spread), result = stage.Output(rows, 3, 1);
        WeightMatrix w = stage.Weight(shape.VocabularySize + padding, width, ElementType.BF16);
        TensorView? bias = biased ? stage.Input(1, shape.VocabularySize + padding) : null;
        IndexTensor targets = stage.Indices(rows + 1, shape.VocabularySize, lowest: -1), argmax = stage.Indices(rows, 1);
        stage.Backend.LinearCrossEntropy(hidden, w, bias, shape, targets, result, argmax);
        stage.Keep("loss, el2n, log-sum-exp", result);

        // A cap makes equals of the great ones, and then rounding decides.
        if (shape.SoftCap == 0) stage.Keep("argmax", argmax);
    }

    private static void Backward(Stage stage, HeadShape shape, int rows, int width, int padding, float spread, bool biased)
    {
        TensorView hidden = stage.Input(rows, width, 1, spread), result = stage.Output(rows, 3), dh = stage.Output(rows, width, 2);
        TensorView w = stage.Input(shape.VocabularySize + padding, width), dw = stage.Input(w.Rows, width);
        TensorView? bias = biased ? stage.Input(1, w.Rows) : null, db = biased ? stage.Input(1, w.Rows) : null;
        IndexTensor targets = stage.Indices(rows, shape.VocabularySize, lowest: -1);
        WeightMatrix live = stage.Live(w);
        stage.Backend.LinearCrossEntropy(hidden, live, bias, shape, targets, result, null);
        stage.Backend.LinearCrossEntropyBackward(hidden, live, bias, shape, targets, result, 0.5f, dh, dw, db);
        stage.Keep("hidden gradient", dh);
        stage.Keep("unembedding gradient", dw);
        if (db is { } biases) stage.Keep("bias gradient", biases);
    }

    private static IEnumerable<KernelCase> Embedded()
    {
        foreach (ElementType type in Enum.GetValues<ElementType>())
        {
            for (int columns = 1; columns <= 70; columns++)
            {
                int width = columns;
                yield return new("Embed", $"{type} of {width}", 1e-7, 0, stage =>
                {
                    TensorView y = stage.Output(5, width, 1);
                    stage.Backend.Embed(stage.Weight(11, width, type), stage.Indices(5, 11), width % 2 == 0 ? 1 : 2.5f, y);
                    stage.Keep("output", y);
                });
                yield return new("Embed, live weight", $"{width}", 1e-7, 0, stage =>
                {
                    TensorView y = stage.Output(5, width, 1);
                    stage.Backend.Embed(stage.Live(stage.Input(11, width)), stage.Indices(5, 11), 2.5f, y);
                    stage.Keep("output", y);
                });
            }
        }
    }
}
