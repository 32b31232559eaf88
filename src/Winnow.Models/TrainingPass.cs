using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>Forward with saved activations and backward of a decoder that is trained. All memory is allocated once.</summary>
public sealed class TrainingPass : IDisposable
{
    /// <summary>Memory for passes of up to <paramref name="maxTokens"/> tokens: about 10·Width floats per token and layer.</summary>
    public TrainingPass(DecoderParameters parameters, int maxTokens) => throw new NotImplementedException();

    /// <summary>Adds the gradients of <paramref name="scale"/> · Σ loss to the parameters' gradients.</summary>
    /// <param name="batch">At least one sequence; none may continue a cache.</param>
    /// <param name="scale">1 / counted tokens of the whole (accumulated) batch for a mean loss.</param>
    /// <returns>Σ loss over counted tokens, in nats, not scaled.</returns>
    public double ForwardBackward(TokenBatch batch, double scale) => throw new NotImplementedException();

    /// <summary>Σ loss over counted tokens, in nats; no gradients.</summary>
    public double Evaluate(TokenBatch batch) => throw new NotImplementedException();

    /// <summary>Runs the blocks, saving what <see cref="Backward"/> needs.</summary>
    /// <returns>[T, Width]: hidden states after the last norm, valid until the next pass.</returns>
    public TensorView Forward(TokenBatch batch) => throw new NotImplementedException();

    /// <summary>Adds the parameters' gradients for a loss that was computed on the hidden states of the last <see cref="Forward"/>.</summary>
    /// <param name="hiddenGradient">[T, Width]; overwritten.</param>
    public void Backward(TensorView hiddenGradient) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}
