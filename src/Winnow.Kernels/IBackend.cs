namespace Winnow.Kernels;

/// <summary>
/// The operations of a decoder, forward and backward, on memory that the backend owns. The reference backend is the
/// specification; every other backend must agree with it.
/// <para>Sizes in these comments: T rows (tokens), D model width, V vocabulary, H heads. Views are row-major. An output never
/// overlaps an input unless the operation says so. Gradients of parameters are added to what is there; gradients of activations
/// are overwritten unless the operation says so. Every operation gives the same bits for any number of threads.</para>
/// </summary>
public interface IBackend : IDisposable
{
    /// <summary>What computes, in words: <c>cpu, 2 threads, 16 lanes f32</c>.</summary>
    string Description { get; }

    /// <summary>What the factors of products with packed weights are rounded to.</summary>
    Precision Precision => Precision.F32;

    /// <summary>
    /// Backends that can work at the same time on independent units, sharing the weights packed by this one: one
    /// single-threaded backend per core on a CPU, itself on a GPU. They are disposed with this backend.
    /// </summary>
    IReadOnlyList<IBackend> Workers { get; }

    // Memory

    /// <summary>A new tensor, all zero.</summary>
    Tensor Allocate(long length);

    /// <summary>A new index tensor, all zero.</summary>
    IndexTensor AllocateIndices(int length);

    /// <summary>Copies host values to <paramref name="to"/>, from element <paramref name="offset"/> on.</summary>
    void Upload(ReadOnlySpan<float> values, Tensor to, long offset = 0);

    /// <summary>Copies host values to the start of <paramref name="to"/>.</summary>
    void Upload(ReadOnlySpan<int> values, IndexTensor to);

    /// <summary>Widens a stored weight to [out, in] in <paramref name="to"/> (transposing where the source is transposed).</summary>
    void Upload(WeightSource source, TensorView to);

    /// <summary>Copies elements from <paramref name="offset"/> on to the host; waits for what computes them.</summary>
    void Download(Tensor from, long offset, Span<float> values);

    /// <summary>Copies the first elements to the host; waits for what computes them.</summary>
    void Download(IndexTensor from, Span<int> values);

    /// <summary>Sets every element to 0.</summary>
    void Clear(TensorView x);

    /// <summary>Copies between views of the same shape.</summary>
    void Copy(TensorView from, TensorView to);

    /// <summary>Lays a stored weight out for multiplying; 16-bit weights stay 16-bit.</summary>
    WeightMatrix Pack(WeightSource source);

    /// <summary>A trainable [out, in] f32 parameter as a matrix to multiply with; sees later updates of the parameter. Does not own it.</summary>
    WeightMatrix Live(TensorView parameter);

    // Embedding

    /// <summary>output[t] = scale · table[ids[t]].</summary>
    /// <param name="table">[V, D].</param>
    /// <param name="ids">[≥ T], each in [0, V).</param>
    /// <param name="scale">Multiplies the row.</param>
    /// <param name="output">[T, D].</param>
    void Embed(WeightMatrix table, IndexTensor ids, float scale, TensorView output);

    /// <summary>tableGradient[ids[t]] += scale · gradient[t], in order of t.</summary>
    void EmbedBackward(TensorView gradient, IndexTensor ids, float scale, TensorView tableGradient);

    /// <summary>output[t] = x[rows[t]]; <paramref name="output"/> decides how many rows.</summary>
    void GatherRows(TensorView x, IndexTensor rows, TensorView output);

    // Pointwise and rows

    /// <summary>output = x + y. The output may be either input.</summary>
    void Add(TensorView x, TensorView y, TensorView output);

    /// <summary>x = x · factor.</summary>
    void Scale(TensorView x, float factor);

    /// <summary>x = min(max(x, −limit), limit).</summary>
    void Clip(TensorView x, float limit);

    /// <summary>Σ x², summed in double in a fixed order.</summary>
    double SumOfSquares(TensorView x);

    /// <summary>output = activation(x). The output may be the input.</summary>
    void Activate(Activation activation, TensorView x, TensorView output);

    /// <summary>inputGradient = outputGradient · activation′(x). The gradients may be the same view.</summary>
    void ActivateBackward(Activation activation, TensorView x, TensorView outputGradient, TensorView inputGradient);

    /// <summary>output = activation(gate) · up (SwiGLU and its kin). The output may be either input.</summary>
    void Gate(Activation activation, TensorView gate, TensorView up, TensorView output);

    /// <summary>Gradients of <see cref="Gate"/> for both inputs.</summary>
    void GateBackward(
        Activation activation, TensorView gate, TensorView up, TensorView outputGradient, TensorView gateGradient, TensorView upGradient);

    /// <summary>LayerNorm or RMSNorm of every group of <c>shape.Width</c> columns, times gain, plus bias. The output may be the input.</summary>
    /// <param name="shape">Kind, group width, ε.</param>
    /// <param name="x">[T, G·Width].</param>
    /// <param name="gain">[1, Width], or null for 1.</param>
    /// <param name="bias">[1, Width], or null for 0.</param>
    /// <param name="output">[T, G·Width].</param>
    /// <param name="statistics">[T, 2·G]: mean (0 for RMS) and reciprocal standard deviation per group, for the backward pass; null when not needed.</param>
    void Normalize(NormShape shape, TensorView x, TensorView? gain, TensorView? bias, TensorView output, TensorView? statistics);

    /// <summary>Gradient of <see cref="Normalize"/>.</summary>
    /// <param name="shape">Kind, group width, ε.</param>
    /// <param name="x">[T, G·Width]: the forward input.</param>
    /// <param name="gain">[1, Width], or null for 1.</param>
    /// <param name="statistics">[T, 2·G]: as the forward pass left it.</param>
    /// <param name="outputGradient">[T, G·Width].</param>
    /// <param name="inputGradient">[T, G·Width]; may be <paramref name="outputGradient"/>.</param>
    /// <param name="accumulate">True adds to the input gradient (a residual branch) instead of overwriting it.</param>
    /// <param name="gainGradient">[1, Width], added to; null when there is no gain.</param>
    /// <param name="biasGradient">[1, Width], added to; null when there is no bias.</param>
    void NormalizeBackward(
        NormShape shape, TensorView x, TensorView? gain, TensorView statistics, TensorView outputGradient,
        TensorView inputGradient, bool accumulate, TensorView? gainGradient, TensorView? biasGradient);

    /// <summary>
    /// Rotary position embedding in place (Su et al., arXiv 2104.09864; the half-split layout of Hugging Face): the first
    /// <paramref name="rotaryWidth"/> columns of each head are rotated, the rest stay.
    /// </summary>
    /// <param name="x">[T, heads·headWidth].</param>
    /// <param name="headWidth">Columns per head.</param>
    /// <param name="rotaryWidth">Even, at most headWidth.</param>
    /// <param name="positions">[≥ T]: row of the table per token.</param>
    /// <param name="table">[positions, rotaryWidth]: cosines, then sines, of the rotaryWidth / 2 angles.</param>
    /// <param name="inverse">True rotates back: the gradient.</param>
    void Rotate(TensorView x, int headWidth, int rotaryWidth, IndexTensor positions, TensorView table, bool inverse = false);

    // Matrix products

    /// <summary>output = activation(x · weightᵀ + bias), or output += x · weightᵀ + bias.</summary>
    /// <param name="x">[T, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[1, out] or null.</param>
    /// <param name="activation">Applied last; must be None when accumulating.</param>
    /// <param name="output">[T, out].</param>
    /// <param name="accumulate">True adds to the output (a residual stream).</param>
    void Linear(TensorView x, WeightMatrix weight, TensorView? bias, Activation activation, TensorView output, bool accumulate = false);

    /// <summary>inputGradient = outputGradient · weight, overwriting or adding.</summary>
    /// <param name="outputGradient">[T, out].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="inputGradient">[T, in].</param>
    /// <param name="accumulate">True adds.</param>
    void LinearBackwardInput(TensorView outputGradient, WeightMatrix weight, TensorView inputGradient, bool accumulate = false);

    /// <summary>weightGradient += outputGradientᵀ · x; biasGradient += column sums of outputGradient.</summary>
    /// <param name="x">[T, in]: the forward input.</param>
    /// <param name="outputGradient">[T, out].</param>
    /// <param name="weightGradient">[out, in].</param>
    /// <param name="biasGradient">[1, out] or null.</param>
    void LinearBackwardWeight(TensorView x, TensorView outputGradient, TensorView weightGradient, TensorView? biasGradient);

    // Attention

    /// <summary>Causal attention within each span, online softmax; no [T, T] matrix in memory.</summary>
    /// <param name="shape">Heads, scale, window, soft cap.</param>
    /// <param name="queries">[Tq, H·headWidth].</param>
    /// <param name="keys">[Tk, KV·headWidth].</param>
    /// <param name="values">[Tk, KV·headWidth].</param>
    /// <param name="spans">Which keys each query may see.</param>
    /// <param name="output">[Tq, H·headWidth].</param>
    /// <param name="logSumExp">[Tq, H]: log Σ exp(score) per head, for the backward pass; null when not needed.</param>
    void Attend(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans,
        TensorView output, TensorView? logSumExp);

    /// <summary>Gradients of <see cref="Attend"/>; overwrites the rows that the spans cover.</summary>
    void AttendBackward(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans,
        TensorView output, TensorView logSumExp, TensorView outputGradient,
        TensorView queryGradient, TensorView keyGradient, TensorView valueGradient);

    // Loss head

    /// <summary>
    /// Cross-entropy of the next token and what comes with it, without ever holding [T, V] logits. The sums leave the target
    /// out and add it at the end, so that nothing cancels where p → 1.
    /// </summary>
    /// <param name="hidden">[T, D]: output of the last norm.</param>
    /// <param name="unembedding">[≥ V, D].</param>
    /// <param name="bias">[1, ≥ V] or null.</param>
    /// <param name="shape">V and the soft cap.</param>
    /// <param name="targets">[≥ T]: ids in [0, V), or −1 for a position that does not count.</param>
    /// <param name="result">[T, 3]: loss in nats, EL2N = ‖p − onehot‖₂, log-sum-exp of the logits. Loss and EL2N are 0 where the target is −1.</param>
    /// <param name="argmax">[≥ T]: the greedy token at each position, ties to the lowest id; null when not needed.</param>
    void LinearCrossEntropy(
        TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets,
        TensorView result, IndexTensor? argmax);

    /// <summary>Gradients of scale · Σ loss.</summary>
    /// <param name="hidden">[T, D].</param>
    /// <param name="unembedding">[≥ V, D].</param>
    /// <param name="bias">[1, ≥ V] or null.</param>
    /// <param name="shape">V and the soft cap.</param>
    /// <param name="targets">[≥ T]; −1 gives no gradient.</param>
    /// <param name="result">[T, 3]: as the forward pass left it.</param>
    /// <param name="scale">Multiplies every gradient (1 / counted tokens for a mean).</param>
    /// <param name="hiddenGradient">[T, D], overwritten.</param>
    /// <param name="unembeddingGradient">[≥ V, D], added to.</param>
    /// <param name="biasGradient">[1, ≥ V] or null, added to.</param>
    void LinearCrossEntropyBackward(
        TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets,
        TensorView result, float scale, TensorView hiddenGradient, TensorView unembeddingGradient, TensorView? biasGradient);

    /// <summary>output = logits [T, V] of the given rows, soft-capped; for inspection and tests, not for scoring.</summary>
    void Logits(TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, TensorView output);

    // Optimiser

    /// <summary>One AdamW update of a parameter and its two moments.</summary>
    void AdamW(TensorView parameter, TensorView gradient, TensorView firstMoment, TensorView secondMoment, AdamWStep step);
}
