using Winnow.Kernels;

namespace Winnow.Models.Classification;

/// <summary>
/// A decoder with a linear head that reads the hidden state after the last token of each text: softmax over classes, or one number
/// with a squared loss. Decoder and head are trained together.
/// </summary>
public sealed class Classifier : IDisposable
{
    private const double HeadDeviation = 0.02;
    private readonly DecoderParameters _decoder;
    private readonly IBackend _backend;
    private readonly int _outputs;
    private readonly TrainingPass _pass;
    private readonly TokenBatch _batch;
    private readonly Tensor _weight, _bias, _weightGradient, _biasGradient, _last, _lastGradient, _results, _hiddenGradient;
    private readonly WeightMatrix _head;
    private readonly IndexTensor _rows, _targets, _argmax;
    private readonly float[] _downloaded;
    private readonly int[] _rowsHost, _targetsHost;

    /// <summary>A new head on a decoder.</summary>
    /// <param name="decoder">Trained further; not owned.</param>
    /// <param name="outputs">Classes, or 1 for a number.</param>
    /// <param name="seed">Of the head's weights, N(0, 0.02).</param>
    /// <param name="maxTokens">Tokens of one micro-batch; every text must fit.</param>
    public Classifier(DecoderParameters decoder, int outputs, ulong seed, int maxTokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        (_decoder, _backend, _outputs) = (decoder, decoder.Backend, outputs);
        int width = decoder.Config.Width;
        _pass = new TrainingPass(decoder, maxTokens);
        _batch = new TokenBatch(maxTokens);
        _weight = _backend.Allocate((long)outputs * width);
        _weightGradient = _backend.Allocate((long)outputs * width);
        _bias = _backend.Allocate(outputs);
        _biasGradient = _backend.Allocate(outputs);
        _last = _backend.Allocate((long)maxTokens * width);
        _lastGradient = _backend.Allocate((long)maxTokens * width);
        _hiddenGradient = _backend.Allocate((long)maxTokens * width);
        _results = _backend.Allocate(3L * maxTokens);
        _rows = _backend.AllocateIndices(maxTokens);
        _targets = _backend.AllocateIndices(maxTokens);
        _argmax = _backend.AllocateIndices(maxTokens);
        _downloaded = new float[3 * maxTokens];
        _rowsHost = new int[maxTokens];
        _targetsHost = new int[maxTokens];
        _backend.Upload(Normal(outputs * width, seed), _weight);
        _head = _backend.Live(Weight);
        Parameters =
        [
            .. decoder.All,
            new Parameter("score.weight", Weight, new TensorView(_weightGradient, 0, outputs, width), IsMatrix: true, IsTransposed: false),
            new Parameter("score.bias", Bias, new TensorView(_biasGradient, 0, 1, outputs), IsMatrix: false, IsTransposed: false),
        ];
    }

    /// <summary>Everything that is trained: the decoder's parameters, then the head's.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    private TensorView Weight => new(_weight, 0, _outputs, _decoder.Config.Width);

    private TensorView Bias => new(_bias, 0, 1, _outputs);

    /// <summary>Sets every gradient to 0.</summary>
    public void ClearGradients()
    {
        foreach (Parameter parameter in Parameters) _backend.Clear(parameter.Gradient);
    }

    /// <summary>Adds the gradients of <paramref name="scale"/> · Σ loss over the texts.</summary>
    /// <param name="texts">Any number; they are split into micro-batches in order.</param>
    /// <param name="scale">1 / texts of the whole batch for a mean loss.</param>
    /// <returns>Σ loss: nats, or squared errors.</returns>
    public double ForwardBackward(IReadOnlyList<ClassifiedText> texts, double scale)
    {
        double loss = 0;
        for (int first = 0; first < texts.Count;)
        {
            int count = Fill(texts, first);
            loss += Backward(texts, first, count, (float)scale);
            first += count;
        }

        return loss;
    }

    /// <summary>The class, or the number, predicted for each text.</summary>
    public double[] Predict(IReadOnlyList<ClassifiedText> texts)
    {
        var predictions = new double[texts.Count];
        var classes = new int[_batch.MaxTokens];
        for (int first = 0; first < texts.Count;)
        {
            int count = Fill(texts, first);
            TensorView last = Last(_pass.Forward(_batch), count);
            if (_outputs == 1)
            {
                Numbers(last, count);
                for (int i = 0; i < count; i++) predictions[first + i] = _downloaded[i];
            }
            else
            {
                Targets(texts, first, count);
                _backend.LinearCrossEntropy(last, _head, Bias, new HeadShape(_outputs), _targets, Results(count), _argmax);
                _backend.Download(_argmax, classes.AsSpan(0, count));
                for (int i = 0; i < count; i++) predictions[first + i] = classes[i];
            }

            first += count;
        }

        return predictions;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pass.Dispose();
        _head.Dispose();
        foreach (Tensor tensor in (ReadOnlySpan<Tensor>)[_weight, _bias, _weightGradient, _biasGradient, _last, _lastGradient, _results, _hiddenGradient])
            tensor.Dispose();
        foreach (IndexTensor indices in (ReadOnlySpan<IndexTensor>)[_rows, _targets, _argmax]) indices.Dispose();
    }

    private double Backward(IReadOnlyList<ClassifiedText> texts, int first, int count, float scale)
    {
        TensorView last = Last(_pass.Forward(_batch), count);
        TensorView lastGradient = new(_lastGradient, 0, count, _decoder.Config.Width);
        TensorView weightGradient = Parameters[^2].Gradient, biasGradient = Parameters[^1].Gradient;
        double loss = 0;
        if (_outputs == 1)
        {
            Numbers(last, count);
            for (int i = 0; i < count; i++)
            {
                double error = _downloaded[i] - texts[first + i].Label;
                loss += error * error;
                _downloaded[i] = (float)(2 * error * scale);
            }

            _backend.Upload(_downloaded.AsSpan(0, count), _results);
            TensorView errors = new(_results, 0, count, 1);
            _backend.LinearBackwardInput(errors, _head, lastGradient);
            _backend.LinearBackwardWeight(last, errors, weightGradient, biasGradient);
        }
        else
        {
            Targets(texts, first, count);
            TensorView results = Results(count);
            _backend.LinearCrossEntropy(last, _head, Bias, new HeadShape(_outputs), _targets, results, null);
            _backend.Download(_results, 0, _downloaded.AsSpan(0, 3 * count));
            for (int i = 0; i < count; i++) loss += _downloaded[3 * i];
            _backend.LinearCrossEntropyBackward(
                last, _head, Bias, new HeadShape(_outputs), _targets, results, scale, lastGradient, weightGradient, biasGradient);
        }

        // Scattering rows is what an embedding's gradient does.
        TensorView hiddenGradient = new(_hiddenGradient, 0, _batch.Tokens, _decoder.Config.Width);
        _backend.Clear(hiddenGradient);
        _backend.EmbedBackward(lastGradient, _rows, 1, hiddenGradient);
        _pass.Backward(hiddenGradient);
        return loss;
    }

    /// <summary>Puts as many texts as fit into the batch and notes the row of each one's last token.</summary>
    private int Fill(IReadOnlyList<ClassifiedText> texts, int first)
    {
        _batch.Clear();
        int count = 0;
        while (first + count < texts.Count && _batch.Fits(texts[first + count].Ids.Count))
        {
            int[] ids = [.. texts[first + count].Ids];
            _rowsHost[count++] = _batch.AddSequence(ids, []) + ids.Length - 1;
        }

        if (count == 0) throw new ArgumentException($"a text of {texts[first].Ids.Count} tokens does not fit into {_batch.MaxTokens}", nameof(texts));
        _backend.Upload(_rowsHost.AsSpan(0, count), _rows);
        return count;
    }

    private TensorView Last(TensorView hidden, int count)
    {
        TensorView last = new(_last, 0, count, _decoder.Config.Width);
        _backend.GatherRows(hidden, _rows, last);
        return last;
    }

    private void Numbers(TensorView last, int count)
    {
        _backend.Linear(last, _head, Bias, Activation.None, new TensorView(_results, 0, count, 1));
        _backend.Download(_results, 0, _downloaded.AsSpan(0, count));
    }

    private void Targets(IReadOnlyList<ClassifiedText> texts, int first, int count)
    {
        for (int i = 0; i < count; i++) _targetsHost[i] = (int)texts[first + i].Label;
        _backend.Upload(_targetsHost.AsSpan(0, count), _targets);
    }

    private TensorView Results(int count) => new(_results, 0, count, 3);

    private static float[] Normal(int count, ulong seed)
    {
        var random = new Random(unchecked((int)(seed ^ (seed >> 32))));
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)(HeadDeviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }
}
