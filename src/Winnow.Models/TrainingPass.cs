using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>
/// Forward with saved activations and backward of a decoder that is trained. All memory is allocated once. What is cheap to compute
/// again (normed rows, activations) is not saved.
/// </summary>
public sealed class TrainingPass : IDisposable
{
    private readonly Decoder _decoder;
    private readonly DecoderConfig _config;
    private readonly DecoderWeights _weights;
    private readonly IBackend _backend;
    private readonly RotaryTables _rotary;
    private readonly SavedBlock[] _saved;
    private readonly List<Tensor> _tensors = [];
    private readonly Tensor _last;
    private readonly Tensor _lastStatistics;
    private readonly Tensor _hidden;
    private readonly Tensor _result;
    private readonly Tensor _normed;
    private readonly Tensor _inner;
    private readonly Tensor _residualGradient;
    private readonly Tensor _rowGradient;
    private readonly Tensor _innerGradient;
    private readonly Tensor _wideGradient;
    private readonly IndexTensor _ids;
    private readonly IndexTensor _positions;
    private readonly IndexTensor _targets;
    private readonly int[] _scratchRows;
    private readonly float[] _hostResult;
    private readonly AttentionSpan[] _spans;
    private int _tokens;
    private int _sequences;

    /// <summary>Memory for passes of up to <paramref name="maxTokens"/> tokens: about 10·Width floats per token and layer.</summary>
    public TrainingPass(DecoderParameters parameters, int maxTokens)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        _decoder = parameters.Decoder;
        _config = parameters.Config;
        _weights = _decoder.Weights;
        _backend = parameters.Backend;
        MaxTokens = maxTokens;
        _rotary = new RotaryTables(_config, _backend, Math.Min(maxTokens, _config.MaxLength));
        _saved = new SavedBlock[_config.Layers];
        for (int layer = 0; layer < _saved.Length; layer++) _saved[layer] = Save();
        _last = Allocate(_config.Width);
        _lastStatistics = Allocate(2);
        _hidden = Allocate(_config.Width);
        _result = Allocate(3);
        _normed = Allocate(_config.Width);
        _inner = Allocate(Math.Max(_config.HiddenWidth, _config.QueryWidth));
        _residualGradient = Allocate(_config.Width);
        _rowGradient = Allocate(_config.Width);
        _innerGradient = Allocate(_config.HiddenWidth);
        _wideGradient = Allocate(Math.Max(_config.QueryKeyValueWidth, _config.Gated ? _config.ExpandedWidth : 0));
        _ids = _backend.AllocateIndices(maxTokens);
        _positions = _backend.AllocateIndices(maxTokens);
        _targets = _backend.AllocateIndices(maxTokens);
        _scratchRows = new int[maxTokens];
        _hostResult = new float[3 * maxTokens];
        _spans = new AttentionSpan[maxTokens];
    }

    /// <summary>Largest batch, in tokens.</summary>
    public int MaxTokens { get; }

    /// <summary>Adds the gradients of <paramref name="scale"/> · Σ loss to the parameters' gradients.</summary>
    /// <param name="batch">At least one sequence; none may continue a cache.</param>
    /// <param name="scale">1 / counted tokens of the whole (accumulated) batch for a mean loss.</param>
    /// <returns>Σ loss over counted tokens, in nats, not scaled.</returns>
    public double ForwardBackward(TokenBatch batch, double scale)
    {
        double loss = Evaluate(batch);
        var head = _weights.Head;
        var gradient = Rows(_rowGradient, _config.Width);
        _backend.LinearCrossEntropyBackward(
            Rows(_hidden, _config.Width), head.Weight, null, HeadShape, _targets, Rows(_result, 3), (float)scale,
            gradient, head.WeightGradient, null);
        Backward(gradient);
        return loss;
    }

    /// <summary>Σ loss over counted tokens, in nats; no gradients.</summary>
    public double Evaluate(TokenBatch batch)
    {
        var hidden = Forward(batch);
        _backend.Upload(batch.Targets.AsSpan(0, _tokens), _targets);
        _backend.LinearCrossEntropy(hidden, _weights.Head.Weight, null, HeadShape, _targets, Rows(_result, 3), null);
        _backend.Download(_result, 0, _hostResult.AsSpan(0, 3 * _tokens));
        double sum = 0;
        for (int row = 0; row < _tokens; row++) sum += _hostResult[3 * row];
        return sum;
    }

    /// <summary>Runs the blocks, saving what <see cref="Backward"/> needs.</summary>
    /// <returns>[T, Width]: hidden states after the last norm, valid until the next pass.</returns>
    public TensorView Forward(TokenBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        BatchCheck.Require(batch, _decoder, MaxTokens, Math.Min(MaxTokens, _config.MaxLength));
        if (batch.Slots.ContainsAnyExcept(-1)) throw new ArgumentException("a sequence that continues a cache cannot be trained on", nameof(batch));
        _tokens = batch.Tokens;
        _sequences = batch.Sequences;
        batch.Spans.CopyTo(_spans);
        _backend.Upload(batch.Ids.AsSpan(0, _tokens), _ids);
        _backend.Upload(_rotary.Rows(batch, _scratchRows), _positions);
        var residual = Input(0);
        _backend.Embed(_weights.Embedding.Weight, _ids, _config.EmbeddingScale, residual);
        if (_weights.Positions is { } positions)
        {
            var rows = Rows(_normed, _config.Width);
            _backend.Embed(positions.Weight, _positions, 1, rows);
            _backend.Add(residual, rows, residual);
        }

        for (int layer = 0; layer < _config.Layers; layer++) ForwardBlock(layer);
        var hidden = Rows(_hidden, _config.Width);
        Normalize(_weights.FinalNorm!, Input(_config.Layers), hidden, Rows(_lastStatistics, 2));
        return hidden;
    }

    /// <summary>Adds the parameters' gradients for a loss that was computed on the hidden states of the last <see cref="Forward"/>.</summary>
    /// <param name="hiddenGradient">[T, Width]: the loss's gradient by the hidden states.</param>
    public void Backward(TensorView hiddenGradient)
    {
        var gradient = Rows(_residualGradient, _config.Width);
        NormalizeBackward(_weights.FinalNorm!, Input(_config.Layers), Rows(_lastStatistics, 2), hiddenGradient, gradient, accumulate: false);
        for (int layer = _config.Layers - 1; layer >= 0; layer--)
        {
            MlpBackward(layer, gradient);
            AttentionBackward(layer, gradient);
        }

        _backend.EmbedBackward(gradient, _ids, _config.EmbeddingScale, _weights.Embedding.WeightGradient);
        if (_weights.Positions is { } positions) _backend.EmbedBackward(gradient, _positions, 1, positions.WeightGradient);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rotary.Dispose();
        foreach (var tensor in _tensors) tensor.Dispose();
        foreach (var indices in new[] { _ids, _positions, _targets }) indices.Dispose();
    }

    private HeadShape HeadShape => new(_decoder.VocabularySize);

    private ReadOnlySpan<AttentionSpan> Spans => _spans.AsSpan(0, _sequences);

    private TensorView Rows(Tensor tensor, int columns) => new(tensor, 0, _tokens, columns);

    /// <summary>The residual stream before a layer; after the last one for <paramref name="layer"/> = Layers.</summary>
    private TensorView Input(int layer) => Rows(layer == _saved.Length ? _last : _saved[layer].Input, _config.Width);

    private Tensor Allocate(int columns)
    {
        var tensor = _backend.Allocate((long)MaxTokens * columns);
        _tensors.Add(tensor);
        return tensor;
    }

    private SavedBlock Save() => new(
        Allocate(_config.Width), Allocate(2), Allocate(_config.QueryKeyValueWidth), Allocate(_config.QueryWidth), Allocate(_config.Heads),
        Allocate(_config.Width), Allocate(2), Allocate(_config.ExpandedWidth));

    private void ForwardBlock(int layer)
    {
        var block = _weights.Blocks[layer];
        var saved = _saved[layer];
        var input = Input(layer);
        var normed = Rows(_normed, _config.Width);
        Normalize(block.AttentionNorm!, input, normed, Rows(saved.AttentionStatistics, 2));
        var all = Rows(saved.QueryKeyValue, _config.QueryKeyValueWidth);
        _backend.Linear(normed, block.QueryKeyValue.Weight, block.QueryKeyValue.Bias, Activation.None, all);
        var (queries, keys, values) = Split(all);
        Rotate(layer, queries, keys, inverse: false);
        var attended = Rows(saved.Attended, _config.QueryWidth);
        _backend.Attend(_config.Attention(layer), queries, keys, values, Spans, attended, Rows(saved.LogSumExp, _config.Heads));

        var middle = Rows(saved.Middle, _config.Width);
        _backend.Copy(input, middle);
        _backend.Linear(attended, block.AttentionOutput.Weight, block.AttentionOutput.Bias, Activation.None, middle, accumulate: true);
        Normalize(block.MlpNorm!, middle, normed, Rows(saved.MlpStatistics, 2));
        var expanded = Rows(saved.Expanded, _config.ExpandedWidth);
        _backend.Linear(normed, block.Expand.Weight, block.Expand.Bias, Activation.None, expanded);
        var inner = Activate(expanded);

        var output = Input(layer + 1);
        _backend.Copy(middle, output);
        _backend.Linear(inner, block.Contract.Weight, block.Contract.Bias, Activation.None, output, accumulate: true);
    }

    /// <summary>gradient: of the block's output in, of the sum after the attention out.</summary>
    private void MlpBackward(int layer, TensorView gradient)
    {
        var block = _weights.Blocks[layer];
        var saved = _saved[layer];
        var expanded = Rows(saved.Expanded, _config.ExpandedWidth);
        BackwardWeight(block.Contract, Activate(expanded), gradient);
        var innerGradient = Rows(_innerGradient, _config.HiddenWidth);
        _backend.LinearBackwardInput(gradient, block.Contract.Weight, innerGradient);
        var expandedGradient = ActivateBackward(expanded, innerGradient);

        var middle = Rows(saved.Middle, _config.Width);
        var normed = Rows(_normed, _config.Width);
        Normalize(block.MlpNorm!, middle, normed, null);
        BackwardWeight(block.Expand, normed, expandedGradient);
        var normedGradient = Rows(_rowGradient, _config.Width);
        _backend.LinearBackwardInput(expandedGradient, block.Expand.Weight, normedGradient);
        NormalizeBackward(block.MlpNorm!, middle, Rows(saved.MlpStatistics, 2), normedGradient, gradient, accumulate: true);
    }

    /// <summary>gradient: of the sum after the attention in, of the block's input out.</summary>
    private void AttentionBackward(int layer, TensorView gradient)
    {
        var block = _weights.Blocks[layer];
        var saved = _saved[layer];
        var attended = Rows(saved.Attended, _config.QueryWidth);
        BackwardWeight(block.AttentionOutput, attended, gradient);
        var attendedGradient = Rows(_inner, _config.QueryWidth);
        _backend.LinearBackwardInput(gradient, block.AttentionOutput.Weight, attendedGradient);

        var (queries, keys, values) = Split(Rows(saved.QueryKeyValue, _config.QueryKeyValueWidth));
        var allGradient = Rows(_wideGradient, _config.QueryKeyValueWidth);
        var (queryGradient, keyGradient, valueGradient) = Split(allGradient);
        _backend.AttendBackward(
            _config.Attention(layer), queries, keys, values, Spans, attended, Rows(saved.LogSumExp, _config.Heads), attendedGradient,
            queryGradient, keyGradient, valueGradient);
        Rotate(layer, queryGradient, keyGradient, inverse: true);

        var input = Input(layer);
        var normed = Rows(_normed, _config.Width);
        Normalize(block.AttentionNorm!, input, normed, null);
        BackwardWeight(block.QueryKeyValue, normed, allGradient);
        var normedGradient = Rows(_rowGradient, _config.Width);
        _backend.LinearBackwardInput(allGradient, block.QueryKeyValue.Weight, normedGradient);
        NormalizeBackward(block.AttentionNorm!, input, Rows(saved.AttentionStatistics, 2), normedGradient, gradient, accumulate: true);
    }

    private (TensorView Queries, TensorView Keys, TensorView Values) Split(TensorView all) => (
        all.SliceColumns(0, _config.QueryWidth),
        all.SliceColumns(_config.QueryWidth, _config.KeyValueWidth),
        all.SliceColumns(_config.QueryWidth + _config.KeyValueWidth, _config.KeyValueWidth));

    private void Rotate(int layer, TensorView queries, TensorView keys, bool inverse)
    {
        if (_rotary.Table(layer) is not { } table) return;
        _backend.Rotate(queries, _config.HeadWidth, _config.RotaryWidth, _positions, table, inverse);
        _backend.Rotate(keys, _config.HeadWidth, _config.RotaryWidth, _positions, table, inverse);
    }

    private TensorView Activate(TensorView expanded)
    {
        var inner = Rows(_inner, _config.HiddenWidth);
        if (_config.Gated) _backend.Gate(_config.Activation, Gate(expanded), Up(expanded), inner);
        else _backend.Activate(_config.Activation, expanded, inner);
        return inner;
    }

    private TensorView ActivateBackward(TensorView expanded, TensorView innerGradient)
    {
        if (!_config.Gated)
        {
            _backend.ActivateBackward(_config.Activation, expanded, innerGradient, innerGradient);
            return innerGradient;
        }

        var expandedGradient = Rows(_wideGradient, _config.ExpandedWidth);
        _backend.GateBackward(
            _config.Activation, Gate(expanded), Up(expanded), innerGradient, Gate(expandedGradient), Up(expandedGradient));
        return expandedGradient;
    }

    private TensorView Gate(TensorView expanded) => expanded.SliceColumns(0, _config.HiddenWidth);

    private TensorView Up(TensorView expanded) => expanded.SliceColumns(_config.HiddenWidth, _config.HiddenWidth);

    private void Normalize(NormWeights norm, TensorView x, TensorView output, TensorView? statistics) =>
        _backend.Normalize(_config.NormShape, x, norm.Gain, norm.Bias, output, statistics);

    private void NormalizeBackward(
        NormWeights norm, TensorView x, TensorView statistics, TensorView outputGradient, TensorView inputGradient, bool accumulate) =>
        _backend.NormalizeBackward(
            _config.NormShape, x, norm.Gain, statistics, outputGradient, inputGradient, accumulate, norm.GainGradient, norm.BiasGradient);

    private void BackwardWeight(Projection projection, TensorView x, TensorView outputGradient) =>
        _backend.LinearBackwardWeight(x, outputGradient, projection.WeightGradient, projection.BiasGradient);

    /// <summary>What one block's backward needs from its forward; [T, …] each.</summary>
    private sealed record SavedBlock(
        Tensor Input, Tensor AttentionStatistics, Tensor QueryKeyValue, Tensor Attended, Tensor LogSumExp,
        Tensor Middle, Tensor MlpStatistics, Tensor Expanded);
}
