using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>
/// Runs a decoder forward on one worker. All memory is allocated here, once: a pass after the first allocates nothing on the
/// managed heap, and activations of T tokens take a few tens of MB whatever the depth.
/// </summary>
public sealed class DecoderPass : IDisposable
{
    /// <summary>Memory for passes of up to <paramref name="maxTokens"/> tokens.</summary>
    /// <param name="decoder">The model.</param>
    /// <param name="worker">The backend that packed the weights, or one of its workers.</param>
    /// <param name="maxTokens">Tokens of all sequences of a batch together.</param>
    /// <param name="maxLength">Longest sequence, cached tokens included; by default <paramref name="maxTokens"/>, at most the model's maximum length.</param>
    public DecoderPass(Decoder decoder, IBackend worker, int maxTokens, int maxLength = 0) => throw new NotImplementedException();

    /// <summary>Largest batch, in tokens.</summary>
    public int MaxTokens => throw new NotImplementedException();

    /// <summary>[T, Width]: the last forward's hidden states, after the last norm: what the head reads.</summary>
    public TensorView Hidden => throw new NotImplementedException();

    /// <summary>Runs the blocks; <see cref="Hidden"/> holds the result until the next pass.</summary>
    /// <param name="batch">At least one sequence.</param>
    /// <param name="cache">Keys and values of the sequences that continue; required when there are any.</param>
    /// <exception cref="ModelException">An id or target lies outside the vocabulary, or a sequence is longer than the model allows.</exception>
    public void Forward(TokenBatch batch, DecoderCache? cache = null) => throw new NotImplementedException();

    /// <summary>Runs the blocks and scores every counted token.</summary>
    /// <param name="batch">At least one sequence.</param>
    /// <param name="loss">[≥ T], nats: −ln p(target); 0 where the target is −1.</param>
    /// <param name="el2n">[≥ T]: ‖p − onehot(target)‖₂; 0 where the target is −1. Empty when not needed.</param>
    /// <param name="argmax">[≥ T]: the greedy token, ties to the lowest id; −1 where the target is −1. Empty when not needed.</param>
    /// <param name="cache">As in <see cref="Forward"/>.</param>
    public void Score(TokenBatch batch, Span<float> loss, Span<float> el2n, Span<int> argmax, DecoderCache? cache = null) =>
        throw new NotImplementedException();

    /// <summary>Runs the blocks and says which token greedy decoding continues each sequence with.</summary>
    /// <param name="batch">At least one sequence.</param>
    /// <param name="next">[≥ sequences].</param>
    /// <param name="cache">As in <see cref="Forward"/>.</param>
    public void Next(TokenBatch batch, Span<int> next, DecoderCache? cache = null) => throw new NotImplementedException();

    /// <summary>The logits [T, V] of the last forward's rows, for inspection and tests.</summary>
    public float[] Logits() => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();

    internal static long ActivationFloats(DecoderConfig config, int tokens) => throw new NotImplementedException();
}
