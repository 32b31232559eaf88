using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>
/// Runs a decoder forward on one worker. All memory is allocated here, once: a pass after the first allocates nothing on the
/// managed heap, and activations of T tokens take a few tens of MB whatever the depth.
/// </summary>
public sealed class DecoderPass : IDisposable
{
    private readonly Decoder _decoder;
    private readonly DecoderConfig _config;
    private readonly DecoderWeights _weights;
    private readonly IBackend _worker;
    private readonly RotaryTables _rotary;
    private readonly Tensor _residual;
    private readonly Tensor _normed;
    private readonly Tensor _attended;
    private readonly Tensor _work;
    private readonly Tensor _result;
    private readonly IndexTensor _ids;
    private readonly IndexTensor _positions;
    private readonly IndexTensor _targets;
    private readonly IndexTensor _argmax;
    private readonly int[] _hostIndices;
    private readonly int[] _hostArgmax;
    private readonly float[] _hostResult;
    private int _tokens;

    /// <summary>Memory for passes of up to <paramref name="maxTokens"/> tokens.</summary>
    /// <param name="decoder">The model.</param>
    /// <param name="worker">The backend that packed the weights, or one of its workers.</param>
    /// <param name="maxTokens">Tokens of all sequences of a batch together.</param>
    /// <param name="maxLength">Longest sequence, cached tokens included; by default <paramref name="maxTokens"/>, at most the model's maximum length.</param>
    public DecoderPass(Decoder decoder, IBackend worker, int maxTokens, int maxLength = 0)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        ArgumentNullException.ThrowIfNull(worker);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(maxLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxLength, decoder.Config.MaxLength);
        _decoder = decoder;
        _config = decoder.Config;
        _weights = decoder.Weights;
        _worker = worker;
        MaxTokens = maxTokens;
        MaxLength = maxLength > 0 ? maxLength : Math.Min(maxTokens, _config.MaxLength);
        _rotary = new RotaryTables(_config, worker, MaxLength);
        _residual = worker.Allocate((long)maxTokens * _config.Width);
        _normed = worker.Allocate((long)maxTokens * _config.Width);
        _attended = worker.Allocate((long)maxTokens * _config.QueryWidth);
        _work = worker.Allocate(WorkFloats(_config, maxTokens));
        _result = worker.Allocate(3L * maxTokens);
        _ids = worker.AllocateIndices(maxTokens);
        _positions = worker.AllocateIndices(maxTokens);
        _targets = worker.AllocateIndices(maxTokens);
        _argmax = worker.AllocateIndices(maxTokens);
        _hostIndices = new int[maxTokens];
        _hostArgmax = new int[maxTokens];
        _hostResult = new float[3 * maxTokens];
    }

    /// <summary>Largest batch, in tokens.</summary>
    public int MaxTokens { get; }

    /// <summary>Longest sequence, in tokens.</summary>
    public int MaxLength { get; }

    /// <summary>[T, Width]: the last forward's hidden states, after the last norm: what the head reads.</summary>
    public TensorView Hidden => Rows(_config.FinalNorm ? _normed : _residual, _config.Width);

    /// <summary>Runs the blocks; <see cref="Hidden"/> holds the result until the next pass.</summary>
    /// <param name="batch">At least one sequence.</param>
    /// <param name="cache">Keys and values of the sequences that continue; required when there are any, and then all must.</param>
    /// <exception cref="ModelException">An id or target lies outside the vocabulary, or a sequence is longer than the model allows.</exception>
    public void Forward(TokenBatch batch, DecoderCache? cache = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        BatchCheck.Require(batch, _decoder, MaxTokens, MaxLength);
        RequireCache(batch, cache);
        _tokens = batch.Tokens;
        _worker.Upload(batch.Ids.AsSpan(0, _tokens), _ids);
        _worker.Upload(_rotary.Rows(batch, _hostIndices), _positions);
        Embed();
        for (int layer = 0; layer < _config.Layers; layer++) Block(layer, batch, cache);
        if (_weights.FinalNorm is { } norm) Normalize(norm, Rows(_residual, _config.Width), Rows(_normed, _config.Width));
        cache?.Extend(batch);
    }

    /// <summary>Runs the blocks and scores every counted token.</summary>
    /// <param name="batch">At least one sequence.</param>
    /// <param name="loss">[≥ T], nats: −ln p(target); 0 where the target is −1.</param>
    /// <param name="el2n">[≥ T]: ‖p − onehot(target)‖₂; 0 where the target is −1. Empty when not needed.</param>
    /// <param name="argmax">[≥ T]: the greedy token, ties to the lowest id; −1 where the target is −1. Empty when not needed.</param>
    /// <param name="cache">As in <see cref="Forward"/>.</param>
    public void Score(TokenBatch batch, Span<float> loss, Span<float> el2n, Span<int> argmax, DecoderCache? cache = null)
    {
        Forward(batch, cache);
        loss[.._tokens].Clear();
        if (!el2n.IsEmpty) el2n[.._tokens].Clear();
        if (!argmax.IsEmpty) argmax[.._tokens].Fill(-1);
        int counted = batch.Counted;
        if (counted == 0) return;
        Head(CountedRows(batch), counted, !argmax.IsEmpty);
        _worker.Download(_result, 0, _hostResult.AsSpan(0, 3 * counted));
        if (!argmax.IsEmpty) _worker.Download(_argmax, _hostArgmax.AsSpan(0, counted));
        for (int row = 0, i = 0; row < _tokens; row++)
        {
            if (batch.Targets[row] < 0) continue;
            loss[row] = _hostResult[3 * i];
            if (!el2n.IsEmpty) el2n[row] = _hostResult[(3 * i) + 1];
            if (!argmax.IsEmpty) argmax[row] = _hostArgmax[i];
            i++;
        }
    }

    /// <summary>Runs the blocks and says which token greedy decoding continues each sequence with.</summary>
    /// <param name="batch">At least one sequence.</param>
    /// <param name="next">[≥ sequences].</param>
    /// <param name="cache">As in <see cref="Forward"/>.</param>
    public void Next(TokenBatch batch, Span<int> next, DecoderCache? cache = null)
    {
        Forward(batch, cache);
        int sequences = batch.Sequences;
        for (int i = 0; i < sequences; i++)
        {
            var span = batch.Spans[i];
            _hostIndices[i] = span.QueryStart + span.QueryCount - 1;
            _hostArgmax[i] = -1;
        }

        _worker.Upload(_hostArgmax.AsSpan(0, sequences), _targets);
        Head(Gather(sequences), sequences, wantArgmax: true);
        _worker.Download(_argmax, next[..sequences]);
    }

    /// <summary>The logits [T, V] of the last forward's rows, for inspection and tests.</summary>
    public float[] Logits()
    {
        int vocabulary = _decoder.VocabularySize;
        using var logits = _worker.Allocate((long)_tokens * vocabulary);
        _worker.Logits(Hidden, _weights.Head.Weight, _weights.Head.Bias, HeadShape, logits.AsRows(_tokens));
        var values = new float[checked(_tokens * vocabulary)];
        _worker.Download(logits, 0, values);
        return values;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rotary.Dispose();
        foreach (var tensor in new[] { _residual, _normed, _attended, _work, _result }) tensor.Dispose();
        foreach (var indices in new[] { _ids, _positions, _targets, _argmax }) indices.Dispose();
    }

    internal static long ActivationFloats(DecoderConfig config, int tokens) =>
        (tokens * ((2L * config.Width) + config.QueryWidth + 3)) + WorkFloats(config, tokens);

    private HeadShape HeadShape => new(_decoder.VocabularySize, _config.LogitSoftCap);

    // Queries, keys and values of all tokens, or the MLP's hidden columns of as many tokens as then fit: a wide MLP goes through in
    // slices of rows instead of asking for more memory.
    private static long WorkFloats(DecoderConfig config, int tokens) =>
        Math.Max((long)tokens * Math.Max(config.QueryKeyValueWidth, config.Width), (long)Math.Min(tokens, MinMlpRows) * config.ExpandedWidth);

    private const int MinMlpRows = 256;

    private TensorView Rows(Tensor tensor, int columns) => new(tensor, 0, _tokens, columns);

    private static void RequireCache(TokenBatch batch, DecoderCache? cache)
    {
        foreach (int slot in batch.Slots)
        {
            if (slot >= 0 != cache is not null)
                throw new ArgumentException("either every sequence of a batch continues a cache, or none does", nameof(cache));
        }
    }

    private void Embed()
    {
        var residual = Rows(_residual, _config.Width);
        _worker.Embed(_weights.Embedding.Weight, _ids, _config.EmbeddingScale, residual);
        if (_weights.Positions is not { } positions) return;
        var rows = Rows(_normed, _config.Width);
        _worker.Embed(positions.Weight, _positions, 1, rows);
        _worker.Add(residual, rows, residual);
    }

    private void Block(int layer, TokenBatch batch, DecoderCache? cache)
    {
        var block = _weights.Blocks[layer];
        var residual = Rows(_residual, _config.Width);
        var attended = Rows(_attended, _config.QueryWidth);
        var input = Normalized(block.AttentionNorm, residual, residual);
        Attend(layer, block, input, batch, cache, attended);

        // A parallel block's MLP reads what the attention read, so its norm comes before the attention's output is added.
        var mlpInput = _config.ParallelResidual ? Normalized(block.MlpNorm, residual, input) : default;
        AddBranch(attended, block.AttentionOutput, block.AttentionPostNorm, residual, _config.ParallelResidual ? default : Rows(_normed, _config.Width));
        if (!_config.ParallelResidual) mlpInput = Normalized(block.MlpNorm, residual, residual);
        Mlp(block, mlpInput, residual);
    }

    /// <summary>The normed rows, or <paramref name="otherwise"/> where the config has no norm here.</summary>
    private TensorView Normalized(NormWeights? norm, TensorView x, TensorView otherwise)
    {
        if (norm is null) return otherwise;
        var normed = Rows(_normed, _config.Width);
        Normalize(norm, x, normed);
        return normed;
    }

    private void Normalize(NormWeights norm, TensorView x, TensorView output) =>
        _worker.Normalize(_config.NormShape, x, norm.Gain, norm.Bias, output, null);

    private void Attend(int layer, BlockWeights block, TensorView input, TokenBatch batch, DecoderCache? cache, TensorView output)
    {
        var all = Rows(_work, _config.QueryKeyValueWidth);
        _worker.Linear(input, block.QueryKeyValue.Weight, block.QueryKeyValue.Bias, Activation.None, all);
        if (_config.QueryKeyValueClip > 0) _worker.Clip(all, _config.QueryKeyValueClip);
        var queries = all.SliceColumns(0, _config.QueryWidth);
        var keys = all.SliceColumns(_config.QueryWidth, _config.KeyValueWidth);
        var values = all.SliceColumns(_config.QueryWidth + _config.KeyValueWidth, _config.KeyValueWidth);
        NormalizeHeads(block.QueryNorm, queries);
        NormalizeHeads(block.KeyNorm, keys);
        if (_rotary.Table(layer) is { } table)
        {
            _worker.Rotate(queries, _config.HeadWidth, _config.RotaryWidth, _positions, table);
            _worker.Rotate(keys, _config.HeadWidth, _config.RotaryWidth, _positions, table);
        }

        if (cache is not null) (keys, values) = Store(layer, keys, values, batch, cache);
        _worker.Attend(_config.Attention(layer), queries, keys, values, batch.Spans, output, null);
    }

    private void NormalizeHeads(NormWeights? norm, TensorView x)
    {
        if (norm is null) return;
        int width = _config.QueryKeyNorm == QueryKeyNorm.Head ? _config.HeadWidth : x.Columns;
        _worker.Normalize(_config.NormShape with { Width = width }, x, norm.Gain, norm.Bias, x, null);
    }

    private (TensorView Keys, TensorView Values) Store(int layer, TensorView keys, TensorView values, TokenBatch batch, DecoderCache cache)
    {
        var cachedKeys = cache.Keys(layer);
        var cachedValues = cache.Values(layer);
        foreach (var span in batch.Spans)
        {
            int row = span.KeyStart + span.KeyCount - span.QueryCount;
            _worker.Copy(keys.SliceRows(span.QueryStart, span.QueryCount), cachedKeys.SliceRows(row, span.QueryCount));
            _worker.Copy(values.SliceRows(span.QueryStart, span.QueryCount), cachedValues.SliceRows(row, span.QueryCount));
        }

        return (cachedKeys, cachedValues);
    }

    /// <summary>residual += norm(x · weightᵀ), where the norm may be absent, or of the sum.</summary>
    /// <param name="x">[T, in].</param>
    /// <param name="projection">[Width, in].</param>
    /// <param name="norm">What normalises the branch, or null.</param>
    /// <param name="residual">[T, Width].</param>
    /// <param name="scratch">[T, Width]: needed where the branch is normalised by itself.</param>
    private void AddBranch(TensorView x, Projection projection, NormWeights? norm, TensorView residual, TensorView scratch)
    {
        if (norm is null || _config.NormPlacement == NormPlacement.OnResidual)
        {
            _worker.Linear(x, projection.Weight, projection.Bias, Activation.None, residual, accumulate: true);
            if (norm is not null) Normalize(norm, residual, residual);
            return;
        }

        _worker.Linear(x, projection.Weight, projection.Bias, Activation.None, scratch);
        Normalize(norm, scratch, scratch);
        _worker.Add(residual, scratch, residual);
    }

    private void Mlp(BlockWeights block, TensorView input, TensorView residual)
    {
        int fits = (int)Math.Min(_tokens, _work.Length / _config.ExpandedWidth);
        int slices = (_tokens + fits - 1) / fits;
        int rows = (_tokens + slices - 1) / slices;
        var scratch = Rows(_normed, _config.Width);
        for (int first = 0; first < _tokens; first += rows)
        {
            int count = Math.Min(rows, _tokens - first);
            var hidden = Expand(block.Expand, input.SliceRows(first, count));
            AddBranch(hidden, block.Contract, block.MlpPostNorm, residual.SliceRows(first, count), scratch.SliceRows(first, count));
        }
    }

    private TensorView Expand(Projection projection, TensorView input)
    {
        var expanded = new TensorView(_work, 0, input.Rows, _config.ExpandedWidth);
        if (!_config.Gated)
        {
            _worker.Linear(input, projection.Weight, projection.Bias, _config.Activation, expanded);
            return expanded;
        }

        _worker.Linear(input, projection.Weight, projection.Bias, Activation.None, expanded);
        var gate = expanded.SliceColumns(0, _config.HiddenWidth);
        _worker.Gate(_config.Activation, gate, expanded.SliceColumns(_config.HiddenWidth, _config.HiddenWidth), gate);
        return gate;
    }

    /// <summary>The hidden rows whose target counts, side by side; their targets uploaded.</summary>
    private TensorView CountedRows(TokenBatch batch)
    {
        if (batch.Counted == _tokens)
        {
            _worker.Upload(batch.Targets.AsSpan(0, _tokens), _targets);
            return Hidden;
        }

        int counted = 0;
        for (int row = 0; row < _tokens; row++)
        {
            if (batch.Targets[row] < 0) continue;
            _hostIndices[counted] = row;
            _hostArgmax[counted++] = batch.Targets[row];
        }

        _worker.Upload(_hostArgmax.AsSpan(0, counted), _targets);
        return Gather(counted);
    }

    private TensorView Gather(int count)
    {
        _worker.Upload(_hostIndices.AsSpan(0, count), _argmax);
        var gathered = new TensorView(_work, 0, count, _config.Width);
        _worker.GatherRows(Hidden, _argmax, gathered);
        return gathered;
    }

    private void Head(TensorView hidden, int count, bool wantArgmax) => _worker.LinearCrossEntropy(
        hidden, _weights.Head.Weight, _weights.Head.Bias, HeadShape, _targets, _result.AsRows(MaxTokens).SliceRows(0, count),
        wantArgmax ? _argmax : null);
}
