namespace Winnow.Kernels;

/// <content>The operations, each between two looks at the clock.</content>
public sealed partial class TimedBackend
{
    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<float> values, Tensor to, long offset = 0)
    {
        long start = Start();
        _inner.Upload(values, to, offset);
        Stop(Operation.Upload, start, 0, (double)values.Length * FloatBytes);
    }

    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<int> values, IndexTensor to)
    {
        long start = Start();
        _inner.Upload(values, to);
        Stop(Operation.Upload, start, 0, (double)values.Length * FloatBytes);
    }

    /// <inheritdoc/>
    public void Upload(WeightSource source, TensorView to)
    {
        long start = Start();
        _inner.Upload(source, to);
        Stop(Operation.Upload, start, 0, Bytes(to));
    }

    /// <inheritdoc/>
    public void Download(Tensor from, long offset, Span<float> values)
    {
        long start = Start();
        _inner.Download(from, offset, values);
        Stop(Operation.Download, start, 0, (double)values.Length * FloatBytes);
    }

    /// <inheritdoc/>
    public void Download(IndexTensor from, Span<int> values)
    {
        long start = Start();
        _inner.Download(from, values);
        Stop(Operation.Download, start, 0, (double)values.Length * FloatBytes);
    }

    /// <inheritdoc/>
    public void Clear(TensorView x)
    {
        long start = Start();
        _inner.Clear(x);
        Stop(Operation.Clear, start, 0, Bytes(x));
    }

    /// <inheritdoc/>
    public void Copy(TensorView from, TensorView to)
    {
        long start = Start();
        _inner.Copy(from, to);
        Stop(Operation.Copy, start, 0, 2 * Bytes(to));
    }

    /// <inheritdoc/>
    public WeightMatrix Pack(WeightSource source)
    {
        long start = Start();
        WeightMatrix packed = _inner.Pack(source);
        Stop(Operation.Pack, start, 0, packed.Bytes);
        return packed;
    }

    /// <inheritdoc/>
    public void Embed(WeightMatrix table, IndexTensor ids, float scale, TensorView output)
    {
        long start = Start();
        _inner.Embed(table, ids, scale, output);
        Stop(Operation.Embed, start, 0, 2 * Bytes(output));
    }

    /// <inheritdoc/>
    public void EmbedBackward(TensorView gradient, IndexTensor ids, float scale, TensorView tableGradient)
    {
        long start = Start();
        _inner.EmbedBackward(gradient, ids, scale, tableGradient);
        Stop(Operation.EmbedBackward, start, 0, 3 * Bytes(gradient));
    }

    /// <inheritdoc/>
    public void GatherRows(TensorView x, IndexTensor rows, TensorView output)
    {
        long start = Start();
        _inner.GatherRows(x, rows, output);
        Stop(Operation.GatherRows, start, 0, 2 * Bytes(output));
    }

    /// <inheritdoc/>
    public void Add(TensorView x, TensorView y, TensorView output)
    {
        long start = Start();
        _inner.Add(x, y, output);
        Stop(Operation.Add, start, 0, 3 * Bytes(x));
    }

    /// <inheritdoc/>
    public void Scale(TensorView x, float factor)
    {
        long start = Start();
        _inner.Scale(x, factor);
        Stop(Operation.Scale, start, 0, 2 * Bytes(x));
    }

    /// <inheritdoc/>
    public void Clip(TensorView x, float limit)
    {
        long start = Start();
        _inner.Clip(x, limit);
        Stop(Operation.Clip, start, 0, 2 * Bytes(x));
    }

    /// <inheritdoc/>
    public double SumOfSquares(TensorView x)
    {
        long start = Start();
        double sum = _inner.SumOfSquares(x);
        Stop(Operation.SumOfSquares, start, 0, Bytes(x));
        return sum;
    }

    /// <inheritdoc/>
    public void Activate(Activation activation, TensorView x, TensorView output)
    {
        long start = Start();
        _inner.Activate(activation, x, output);
        Stop(Operation.Activate, start, 0, 2 * Bytes(x));
    }

    /// <inheritdoc/>
    public void ActivateBackward(Activation activation, TensorView x, TensorView outputGradient, TensorView inputGradient)
    {
        long start = Start();
        _inner.ActivateBackward(activation, x, outputGradient, inputGradient);
        Stop(Operation.ActivateBackward, start, 0, 3 * Bytes(x));
    }

    /// <inheritdoc/>
    public void Gate(Activation activation, TensorView gate, TensorView up, TensorView output)
    {
        long start = Start();
        _inner.Gate(activation, gate, up, output);
        Stop(Operation.Gate, start, 0, 3 * Bytes(gate));
    }

    /// <inheritdoc/>
    public void GateBackward(
        Activation activation, TensorView gate, TensorView up, TensorView outputGradient, TensorView gateGradient, TensorView upGradient)
    {
        long start = Start();
        _inner.GateBackward(activation, gate, up, outputGradient, gateGradient, upGradient);
        Stop(Operation.GateBackward, start, 0, 5 * Bytes(gate));
    }

    /// <inheritdoc/>
    public void Normalize(NormShape shape, TensorView x, TensorView? gain, TensorView? bias, TensorView output, TensorView? statistics)
    {
        long start = Start();
        _inner.Normalize(shape, x, gain, bias, output, statistics);
        Stop(Operation.Normalize, start, 0, (2 * Bytes(x)) + Bytes(statistics));
    }

    /// <inheritdoc/>
    public void NormalizeBackward(
        NormShape shape, TensorView x, TensorView? gain, TensorView statistics, TensorView outputGradient,
        TensorView inputGradient, bool accumulate, TensorView? gainGradient, TensorView? biasGradient)
    {
        long start = Start();
        _inner.NormalizeBackward(shape, x, gain, statistics, outputGradient, inputGradient, accumulate, gainGradient, biasGradient);
        Stop(Operation.NormalizeBackward, start, 0, ((accumulate ? 4 : 3) * Bytes(x)) + Bytes(statistics));
    }

    /// <inheritdoc/>
    public void Rotate(TensorView x, int headWidth, int rotaryWidth, IndexTensor positions, TensorView table, bool inverse = false)
    {
        long start = Start();
        _inner.Rotate(x, headWidth, rotaryWidth, positions, table, inverse);
        Stop(Operation.Rotate, start, 0, 2 * Bytes(x) * rotaryWidth / headWidth);
    }

    /// <inheritdoc/>
    public void Linear(TensorView x, WeightMatrix weight, TensorView? bias, Activation activation, TensorView output, bool accumulate = false)
    {
        ArgumentNullException.ThrowIfNull(weight);
        long start = Start();
        _inner.Linear(x, weight, bias, activation, output, accumulate);
        Stop(Operation.Linear, start, ProductFlops(x.Rows, weight), Bytes(x) + WeightBytes(weight) + ((accumulate ? 2 : 1) * Bytes(output)));
    }

    /// <inheritdoc/>
    public void LinearBackwardInput(TensorView outputGradient, WeightMatrix weight, TensorView inputGradient, bool accumulate = false)
    {
        ArgumentNullException.ThrowIfNull(weight);
        long start = Start();
        _inner.LinearBackwardInput(outputGradient, weight, inputGradient, accumulate);
        double bytes = Bytes(outputGradient) + WeightBytes(weight) + ((accumulate ? 2 : 1) * Bytes(inputGradient));
        Stop(Operation.LinearBackwardInput, start, ProductFlops(outputGradient.Rows, weight), bytes);
    }

    /// <inheritdoc/>
    public void LinearBackwardWeight(TensorView x, TensorView outputGradient, TensorView weightGradient, TensorView? biasGradient)
    {
        long start = Start();
        _inner.LinearBackwardWeight(x, outputGradient, weightGradient, biasGradient);
        double bytes = Bytes(x) + Bytes(outputGradient) + (2 * (Bytes(weightGradient) + Bytes(biasGradient)));
        Stop(Operation.LinearBackwardWeight, start, 2.0 * x.Rows * weightGradient.Length, bytes);
    }

    /// <inheritdoc/>
    public void Attend(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans,
        TensorView output, TensorView? logSumExp)
    {
        long start = Start();
        _inner.Attend(shape, queries, keys, values, spans, output, logSumExp);
        double bytes = (2 * Bytes(queries)) + (2 * Bytes(keys)) + Bytes(logSumExp);
        Stop(Operation.Attend, start, 4 * AttentionPairs(shape, spans), bytes);
    }

    /// <inheritdoc/>
    public void AttendBackward(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans,
        TensorView output, TensorView logSumExp, TensorView outputGradient,
        TensorView queryGradient, TensorView keyGradient, TensorView valueGradient)
    {
        long start = Start();
        _inner.AttendBackward(
            shape, queries, keys, values, spans, output, logSumExp, outputGradient, queryGradient, keyGradient, valueGradient);
        double bytes = (4 * Bytes(queries)) + (4 * Bytes(keys)) + Bytes(logSumExp);
        Stop(Operation.AttendBackward, start, 8 * AttentionPairs(shape, spans), bytes);
    }

    /// <inheritdoc/>
    public void LinearCrossEntropy(
        TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets,
        TensorView result, IndexTensor? argmax)
    {
        ArgumentNullException.ThrowIfNull(unembedding);
        long start = Start();
        _inner.LinearCrossEntropy(hidden, unembedding, bias, shape, targets, result, argmax);
        double flops = 2.0 * hidden.Length * shape.VocabularySize;
        Stop(Operation.LinearCrossEntropy, start, flops, Bytes(hidden) + WeightBytes(unembedding) + Bytes(result));
    }

    /// <inheritdoc/>
    public void LinearCrossEntropyBackward(
        TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets,
        TensorView result, float scale, TensorView hiddenGradient, TensorView unembeddingGradient, TensorView? biasGradient)
    {
        ArgumentNullException.ThrowIfNull(unembedding);
        long start = Start();
        _inner.LinearCrossEntropyBackward(
            hidden, unembedding, bias, shape, targets, result, scale, hiddenGradient, unembeddingGradient, biasGradient);
        double bytes = (2 * Bytes(hidden)) + WeightBytes(unembedding) + (2 * Bytes(unembeddingGradient)) + Bytes(result);
        Stop(Operation.LinearCrossEntropyBackward, start, 4.0 * hidden.Length * shape.VocabularySize, bytes);
    }

    /// <inheritdoc/>
    public void Logits(TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, TensorView output)
    {
        ArgumentNullException.ThrowIfNull(unembedding);
        long start = Start();
        _inner.Logits(hidden, unembedding, bias, shape, output);
        double flops = 2.0 * hidden.Length * shape.VocabularySize;
        Stop(Operation.Logits, start, flops, Bytes(hidden) + WeightBytes(unembedding) + Bytes(output));
    }

    /// <inheritdoc/>
    public void AdamW(TensorView parameter, TensorView gradient, TensorView firstMoment, TensorView secondMoment, AdamWStep step)
    {
        long start = Start();
        _inner.AdamW(parameter, gradient, firstMoment, secondMoment, step);
        Stop(Operation.AdamW, start, 0, 7 * Bytes(parameter));
    }

    private static double ProductFlops(int rows, WeightMatrix weight) => 2.0 * rows * weight.Rows * weight.Columns;

    /// <summary>What a weight holds; a live one holds nothing itself and is read as binary32.</summary>
    private static double WeightBytes(WeightMatrix weight) =>
        weight.Bytes > 0 ? weight.Bytes : (double)weight.Rows * weight.Columns * FloatBytes;
}
