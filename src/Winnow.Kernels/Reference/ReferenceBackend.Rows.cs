namespace Winnow.Kernels;

/// <content>Embedding, pointwise and row operations, and the optimiser.</content>
public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    public void Embed(WeightMatrix table, IndexTensor ids, float scale, TensorView output)
    {
        ArgumentNullException.ThrowIfNull(table);
        (ReferenceView w, ReferenceView y) = (Open(table), Open(output));
        Shapes.Is(output, output.Rows, table.Columns);
        ReadOnlySpan<int> rows = Indices(ids, y.Rows, w.Rows);
        for (int t = 0; t < y.Rows; t++)
            for (int d = 0; d < y.Columns; d++) y[t, d] = scale * w[rows[t], d];
    }

    /// <inheritdoc/>
    public void EmbedBackward(TensorView gradient, IndexTensor ids, float scale, TensorView tableGradient)
    {
        (ReferenceView dy, ReferenceView dw) = (Open(gradient), Open(tableGradient));
        Shapes.Is(tableGradient, tableGradient.Rows, gradient.Columns);
        ReadOnlySpan<int> rows = Indices(ids, dy.Rows, dw.Rows);
        for (int t = 0; t < dy.Rows; t++)
            for (int d = 0; d < dy.Columns; d++) dw[rows[t], d] += scale * dy[t, d];
    }

    /// <inheritdoc/>
    public void GatherRows(TensorView x, IndexTensor rows, TensorView output)
    {
        (ReferenceView from, ReferenceView to) = (Open(x), Open(output));
        Shapes.Is(output, output.Rows, x.Columns);
        ReadOnlySpan<int> which = Indices(rows, to.Rows, from.Rows);
        for (int t = 0; t < to.Rows; t++)
            for (int d = 0; d < to.Columns; d++) to[t, d] = from[which[t], d];
    }

    /// <inheritdoc/>
    public void Add(TensorView x, TensorView y, TensorView output)
    {
        Shapes.Same(x, y, output);
        (ReferenceView a, ReferenceView b, ReferenceView sum) = (Open(x), Open(y), Open(output));
        for (int t = 0; t < a.Rows; t++)
            for (int d = 0; d < a.Columns; d++) sum[t, d] = a[t, d] + b[t, d];
    }

    /// <inheritdoc/>
    public void Scale(TensorView x, float factor)
    {
        ReferenceView y = Open(x);
        for (int t = 0; t < y.Rows; t++)
            for (int d = 0; d < y.Columns; d++) y[t, d] *= factor;
    }

    /// <inheritdoc/>
    public void Clip(TensorView x, float limit)
    {
        ReferenceView y = Open(x);
        for (int t = 0; t < y.Rows; t++)
            for (int d = 0; d < y.Columns; d++) y[t, d] = Math.Min(Math.Max(y[t, d], -limit), limit);
    }

    /// <inheritdoc/>
    public double SumOfSquares(TensorView x)
    {
        ReferenceView y = Open(x);
        double sum = 0;
        for (int t = 0; t < y.Rows; t++)
            for (int d = 0; d < y.Columns; d++) sum += y[t, d] * y[t, d];
        return sum;
    }

    /// <inheritdoc/>
    public void Activate(Activation activation, TensorView x, TensorView output)
    {
        Shapes.Same(x, output);
        (ReferenceView from, ReferenceView to) = (Open(x), Open(output));
        for (int t = 0; t < from.Rows; t++)
            for (int d = 0; d < from.Columns; d++) to[t, d] = ReferenceMath.Activate(activation, from[t, d]);
    }

    /// <inheritdoc/>
    public void ActivateBackward(Activation activation, TensorView x, TensorView outputGradient, TensorView inputGradient)
    {
        Shapes.Same(x, outputGradient, inputGradient);
        (ReferenceView from, ReferenceView dy, ReferenceView dx) = (Open(x), Open(outputGradient), Open(inputGradient));
        for (int t = 0; t < from.Rows; t++)
            for (int d = 0; d < from.Columns; d++) dx[t, d] = dy[t, d] * ReferenceMath.Slope(activation, from[t, d]);
    }

    /// <inheritdoc/>
    public void Gate(Activation activation, TensorView gate, TensorView up, TensorView output)
    {
        Shapes.Same(gate, up, output);
        (ReferenceView g, ReferenceView u, ReferenceView y) = (Open(gate), Open(up), Open(output));
        for (int t = 0; t < g.Rows; t++)
            for (int d = 0; d < g.Columns; d++) y[t, d] = ReferenceMath.Activate(activation, g[t, d]) * u[t, d];
    }

    /// <inheritdoc/>
    public void GateBackward(
        Activation activation, TensorView gate, TensorView up, TensorView outputGradient, TensorView gateGradient, TensorView upGradient)
    {
        Shapes.Same(gate, up, outputGradient);
        Shapes.Same(gate, gateGradient, upGradient);
        (ReferenceView g, ReferenceView u, ReferenceView dy) = (Open(gate), Open(up), Open(outputGradient));
        (ReferenceView dg, ReferenceView du) = (Open(gateGradient), Open(upGradient));
        for (int t = 0; t < g.Rows; t++)
        {
            for (int d = 0; d < g.Columns; d++)
            {
                (double gateValue, double upValue, double slope) = (g[t, d], u[t, d], dy[t, d]);
                dg[t, d] = slope * upValue * ReferenceMath.Slope(activation, gateValue);
                du[t, d] = slope * ReferenceMath.Activate(activation, gateValue);
            }
        }
    }

    /// <inheritdoc/>
    public void Normalize(NormShape shape, TensorView x, TensorView? gain, TensorView? bias, TensorView output, TensorView? statistics)
    {
        int groups = Shapes.Norm(shape, x, gain, bias, statistics);
        Shapes.Same(x, output);
        (ReferenceView from, ReferenceView to) = (Open(x), Open(output));
        (ReferenceView? g, ReferenceView? b, ReferenceView? kept) = (Open(gain), Open(bias), Open(statistics));
        for (int t = 0; t < from.Rows; t++)
        {
            for (int group = 0; group < groups; group++)
            {
                int start = group * shape.Width;
                (double mean, double reciprocal) = Statistics(shape, from, t, start);
                for (int i = 0; i < shape.Width; i++)
                    to[t, start + i] = ((from[t, start + i] - mean) * reciprocal * (g?[0, i] ?? 1)) + (b?[0, i] ?? 0);
                if (kept is not { } statistic) continue;
                statistic[t, 2 * group] = mean;
                statistic[t, (2 * group) + 1] = reciprocal;
            }
        }
    }

    /// <inheritdoc/>
    public void NormalizeBackward(
        NormShape shape, TensorView x, TensorView? gain, TensorView statistics, TensorView outputGradient,
        TensorView inputGradient, bool accumulate, TensorView? gainGradient, TensorView? biasGradient)
    {
        int groups = Shapes.Norm(shape, x, gain, biasGradient, statistics);
        Shapes.Is(gainGradient, 1, shape.Width);
        Shapes.Same(x, outputGradient, inputGradient);
        (ReferenceView from, ReferenceView kept) = (Open(x), Open(statistics));
        (ReferenceView dy, ReferenceView dx) = (Open(outputGradient), Open(inputGradient));
        (ReferenceView? g, ReferenceView? dg, ReferenceView? db) = (Open(gain), Open(gainGradient), Open(biasGradient));
        double[] gainSum = new double[shape.Width];
        double[] biasSum = new double[shape.Width];
        for (int t = 0; t < from.Rows; t++)
        {
            for (int group = 0; group < groups; group++)
            {
                int start = group * shape.Width;
                (double mean, double reciprocal) = (kept[t, 2 * group], kept[t, (2 * group) + 1]);
                (double plain, double along) = (0, 0);
                for (int i = 0; i < shape.Width; i++)
                {
                    double normal = (from[t, start + i] - mean) * reciprocal;
                    double slope = dy[t, start + i];
                    gainSum[i] += slope * normal;
                    biasSum[i] += slope;
                    plain += slope * (g?[0, i] ?? 1) / shape.Width;
                    along += slope * (g?[0, i] ?? 1) * normal / shape.Width;
                }

                if (shape.Kind == NormKind.Rms) plain = 0;
                for (int i = 0; i < shape.Width; i++)
                {
                    double normal = (from[t, start + i] - mean) * reciprocal;
                    double slope = reciprocal * ((dy[t, start + i] * (g?[0, i] ?? 1)) - plain - (normal * along));
                    dx[t, start + i] = accumulate ? dx[t, start + i] + slope : slope;
                }
            }
        }

        for (int i = 0; i < shape.Width; i++)
        {
            if (dg is { } gains) gains[0, i] += gainSum[i];
            if (db is { } biases) biases[0, i] += biasSum[i];
        }
    }

    /// <inheritdoc/>
    public void Rotate(TensorView x, int headWidth, int rotaryWidth, IndexTensor positions, TensorView table, bool inverse = false)
    {
        int heads = Shapes.Rotary(x, headWidth, rotaryWidth, positions, table);
        (ReferenceView y, ReferenceView angles) = (Open(x), Open(table));
        ReadOnlySpan<int> rows = Indices(positions, y.Rows, angles.Rows);
        int half = rotaryWidth / 2;
        for (int t = 0; t < y.Rows; t++)
        {
            for (int head = 0; head < heads; head++)
            {
                for (int i = 0; i < half; i++)
                {
                    double cosine = angles[rows[t], i];
                    double sine = inverse ? -angles[rows[t], half + i] : angles[rows[t], half + i];
                    (int first, int second) = ((head * headWidth) + i, (head * headWidth) + half + i);
                    (double a, double b) = (y[t, first], y[t, second]);
                    y[t, first] = (a * cosine) - (b * sine);
                    y[t, second] = (b * cosine) + (a * sine);
                }
            }
        }
    }

    /// <inheritdoc/>
    public void AdamW(TensorView parameter, TensorView gradient, TensorView firstMoment, TensorView secondMoment, AdamWStep step)
    {
        Shapes.Same(parameter, gradient);
        Shapes.Same(parameter, firstMoment, secondMoment);
        (ReferenceView p, ReferenceView g) = (Open(parameter), Open(gradient));
        (ReferenceView m, ReferenceView v) = (Open(firstMoment), Open(secondMoment));
        double firstCorrection = 1 - Math.Pow(step.Beta1, step.Step);
        double secondCorrection = 1 - Math.Pow(step.Beta2, step.Step);
        for (int t = 0; t < p.Rows; t++)
        {
            for (int d = 0; d < p.Columns; d++)
            {
                double slope = g[t, d] * step.GradientScale;
                double first = (step.Beta1 * m[t, d]) + ((1 - step.Beta1) * slope);
                double second = (step.Beta2 * v[t, d]) + ((1 - step.Beta2) * slope * slope);
                double update = first / firstCorrection / (Math.Sqrt(second / secondCorrection) + step.Epsilon);
                p[t, d] = (p[t, d] * (1 - (step.LearningRate * step.WeightDecay))) - (step.LearningRate * update);
                m[t, d] = first;
                v[t, d] = second;
            }
        }
    }

    private static (double Mean, double Reciprocal) Statistics(NormShape shape, ReferenceView x, int row, int start)
    {
        double mean = 0;
        if (shape.Kind == NormKind.Layer)
        {
            for (int i = 0; i < shape.Width; i++) mean += x[row, start + i];
            mean /= shape.Width;
        }

        double variance = 0;
        for (int i = 0; i < shape.Width; i++) variance += (x[row, start + i] - mean) * (x[row, start + i] - mean);
        return (mean, 1 / Math.Sqrt((variance / shape.Width) + shape.Epsilon));
    }

    private static ReadOnlySpan<int> Indices(IndexTensor tensor, int count, int limit)
    {
        Shapes.Holds(tensor, count);
        ReadOnlySpan<int> indices = Values(tensor).AsSpan(0, count);
        Shapes.Below(indices, limit);
        return indices;
    }
}
