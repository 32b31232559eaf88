namespace Winnow.Kernels;

/// <content>Matrix products and the loss head.</content>
public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    public void Linear(TensorView x, WeightMatrix weight, TensorView? bias, Activation activation, TensorView output, bool accumulate = false)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Shapes.Linear(x, weight.Rows, weight.Columns, bias, output);
        Shapes.Require(!accumulate || activation == Activation.None, "an accumulating product takes no activation");
        (ReferenceView from, ReferenceView w, ReferenceView to) = (Open(x), Open(weight), Open(output));
        ReferenceView? b = Open(bias);
        for (int t = 0; t < to.Rows; t++)
        {
            for (int o = 0; o < to.Columns; o++)
            {
                double sum = Dot(from, t, w, o) + (b?[0, o] ?? 0);
                to[t, o] = accumulate ? to[t, o] + sum : ReferenceMath.Activate(activation, sum);
            }
        }
    }

    /// <inheritdoc/>
    public void LinearBackwardInput(TensorView outputGradient, WeightMatrix weight, TensorView inputGradient, bool accumulate = false)
    {
        ArgumentNullException.ThrowIfNull(weight);
        Shapes.Linear(inputGradient, weight.Rows, weight.Columns, null, outputGradient);
        (ReferenceView dy, ReferenceView w, ReferenceView dx) = (Open(outputGradient), Open(weight), Open(inputGradient));
        for (int t = 0; t < dx.Rows; t++)
        {
            for (int i = 0; i < dx.Columns; i++)
            {
                double sum = accumulate ? dx[t, i] : 0;
                for (int o = 0; o < dy.Columns; o++) sum += dy[t, o] * w[o, i];
                dx[t, i] = sum;
            }
        }
    }

    /// <inheritdoc/>
    public void LinearBackwardWeight(TensorView x, TensorView outputGradient, TensorView weightGradient, TensorView? biasGradient)
    {
        Shapes.Linear(x, weightGradient.Rows, weightGradient.Columns, biasGradient, outputGradient);
        (ReferenceView from, ReferenceView dy, ReferenceView dw) = (Open(x), Open(outputGradient), Open(weightGradient));
        for (int o = 0; o < dw.Rows; o++)
        {
            for (int i = 0; i < dw.Columns; i++)
            {
                double sum = dw[o, i];
                for (int t = 0; t < from.Rows; t++) sum += dy[t, o] * from[t, i];
                dw[o, i] = sum;
            }
        }

        if (Open(biasGradient) is not { } db) return;
        for (int o = 0; o < dw.Rows; o++)
        {
            double sum = db[0, o];
            for (int t = 0; t < from.Rows; t++) sum += dy[t, o];
            db[0, o] = sum;
        }
    }

    /// <inheritdoc/>
    public void LinearCrossEntropy(
        TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets,
        TensorView result, IndexTensor? argmax)
    {
        ArgumentNullException.ThrowIfNull(unembedding);
        Shapes.Head(hidden, unembedding, bias, shape, targets, result);
        if (argmax is not null) Shapes.Holds(argmax, hidden.Rows);
        (ReferenceView h, ReferenceView w, ReferenceView y) = (Open(hidden), Open(unembedding), Open(result));
        ReferenceView? b = Open(bias);
        ReadOnlySpan<int> wanted = Values(targets).AsSpan(0, h.Rows);
        Shapes.Below(wanted, shape.VocabularySize, lowest: -1);
        double[] logits = new double[shape.VocabularySize];
        for (int t = 0; t < h.Rows; t++)
        {
            for (int v = 0; v < logits.Length; v++) logits[v] = Logit(h, t, w, v, b, shape.SoftCap);
            (y[t, 0], y[t, 1], y[t, 2]) = CrossEntropy(logits, wanted[t]);
            if (argmax is not null) Values(argmax)[t] = FirstGreatest(logits);
        }
    }

    /// <inheritdoc/>
    public void LinearCrossEntropyBackward(
        TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets,
        TensorView result, float scale, TensorView hiddenGradient, TensorView unembeddingGradient, TensorView? biasGradient)
    {
        ArgumentNullException.ThrowIfNull(unembedding);
        Shapes.Head(hidden, unembedding, bias, shape, targets, result);
        Shapes.Same(hidden, hiddenGradient);
        Shapes.Is(unembeddingGradient, unembedding.Rows, unembedding.Columns);
        if (bias is { } some) Shapes.Is(biasGradient, 1, some.Columns);
        (ReferenceView h, ReferenceView w, ReferenceView kept) = (Open(hidden), Open(unembedding), Open(result));
        (ReferenceView dh, ReferenceView dw) = (Open(hiddenGradient), Open(unembeddingGradient));
        (ReferenceView? b, ReferenceView? db) = (Open(bias), Open(biasGradient));
        ReadOnlySpan<int> wanted = Values(targets).AsSpan(0, h.Rows);
        Shapes.Below(wanted, shape.VocabularySize, lowest: -1);
        double[] sums = new double[h.Columns];
        for (int t = 0; t < h.Rows; t++)
        {
            Array.Clear(sums);
            for (int v = 0; wanted[t] >= 0 && v < shape.VocabularySize; v++)
            {
                double logit = Logit(h, t, w, v, b, shape.SoftCap);
                double slope = v == wanted[t] ? Math.Exp(-kept[t, 0]) - 1 : Math.Exp(logit - kept[t, 2]);
                slope *= scale * CapSlope(logit, shape.SoftCap);
                for (int d = 0; d < h.Columns; d++)
                {
                    sums[d] += slope * w[v, d];
                    dw[v, d] += slope * h[t, d];
                }

                if (db is { } biases) biases[0, v] += slope;
            }

            for (int d = 0; d < h.Columns; d++) dh[t, d] = sums[d];
        }
    }

    /// <inheritdoc/>
    public void Logits(TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, TensorView output)
    {
        ArgumentNullException.ThrowIfNull(unembedding);
        Shapes.Is(output, hidden.Rows, shape.VocabularySize);
        Shapes.Require(shape.VocabularySize <= unembedding.Rows, $"{shape} does not fit an unembedding of {unembedding.Rows} rows");
        (ReferenceView h, ReferenceView w, ReferenceView y) = (Open(hidden), Open(unembedding), Open(output));
        ReferenceView? b = Open(bias);
        for (int t = 0; t < y.Rows; t++)
            for (int v = 0; v < y.Columns; v++) y[t, v] = Logit(h, t, w, v, b, shape.SoftCap);
    }

    private static double Dot(ReferenceView x, int row, ReferenceView w, int weightRow)
    {
        double sum = 0;
        for (int i = 0; i < x.Columns; i++) sum += x[row, i] * w[weightRow, i];
        return sum;
    }

    private static double Logit(ReferenceView hidden, int t, ReferenceView w, int v, ReferenceView? bias, double cap) =>
        Cap(Dot(hidden, t, w, v) + (bias?[0, v] ?? 0), cap);

    private static double Cap(double score, double cap) => cap > 0 ? cap * Math.Tanh(score / cap) : score;

    /// <summary>d capped / d score, from the capped value.</summary>
    private static double CapSlope(double capped, double cap) => cap > 0 ? 1 - (capped / cap * (capped / cap)) : 1;

    /// <summary>Loss, EL2N and log-sum-exp. The target's share is left out of the sums: 1 − p is their ratio, not a difference.</summary>
    private static (double Loss, double El2n, double LogSumExp) CrossEntropy(double[] logits, int target)
    {
        double greatest = double.NegativeInfinity;
        foreach (double logit in logits) greatest = Math.Max(greatest, logit);
        (double others, double squares) = (0, 0);
        for (int v = 0; v < logits.Length; v++)
        {
            double share = v == target ? 0 : Math.Exp(logits[v] - greatest);
            others += share;
            squares += share * share;
        }

        if (target < 0) return (0, 0, greatest + Math.Log(others));
        double own = Math.Exp(logits[target] - greatest);
        double total = others + own;
        double loss = others < own ? LogOnePlus(others / own) : Math.Log(total) - (logits[target] - greatest);
        double el2n = Math.Sqrt(squares + (others * others)) / total;
        return (loss, el2n, greatest + Math.Log(total));
    }

    /// <summary>ln(1 + x), exact for tiny x: rounding 1 + x is undone by the factor.</summary>
    private static double LogOnePlus(double x)
    {
        double rounded = 1 + x;
        return rounded == 1 ? x : Math.Log(rounded) * (x / (rounded - 1));
    }

    private static int FirstGreatest(double[] values)
    {
        int best = 0;
        for (int v = 1; v < values.Length; v++)
        {
            // As binary32, the way every backend sees them: a tie there goes to the lowest id.
            if ((float)values[v] > (float)values[best]) best = v;
        }

        return best;
    }
}
