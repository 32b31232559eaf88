using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>A matrix of the model, its bias, and where it is trained, their gradients.</summary>
internal sealed class Projection(WeightMatrix weight, TensorView? bias)
{
    /// <summary>[out, in].</summary>
    public WeightMatrix Weight { get; } = weight;

    /// <summary>[1, out], or null.</summary>
    public TensorView? Bias { get; } = bias;

    /// <summary>[out, in]: only in a model that is trained.</summary>
    public TensorView WeightGradient { get; init; }

    /// <summary>[1, out]: only in a model that is trained, and has the bias.</summary>
    public TensorView? BiasGradient { get; init; }
}

/// <summary>A normalisation's gain and bias, and where it is trained, their gradients.</summary>
internal sealed class NormWeights(TensorView? gain, TensorView? bias)
{
    /// <summary>[1, width], or null for 1.</summary>
    public TensorView? Gain { get; } = gain;

    /// <summary>[1, width], or null for 0.</summary>
    public TensorView? Bias { get; } = bias;

    /// <summary>[1, width], or null.</summary>
    public TensorView? GainGradient { get; init; }

    /// <summary>[1, width], or null.</summary>
    public TensorView? BiasGradient { get; init; }
}

/// <summary>The weights of one block. A normalisation that the config does not have is null.</summary>
internal sealed record BlockWeights(
    NormWeights? AttentionNorm, Projection QueryKeyValue, NormWeights? QueryNorm, NormWeights? KeyNorm, Projection AttentionOutput,
    NormWeights? AttentionPostNorm, NormWeights? MlpNorm, Projection Expand, Projection Contract, NormWeights? MlpPostNorm);

/// <summary>All weights of a decoder. Owns the matrices and the tensors behind the vectors.</summary>
internal sealed record DecoderWeights(
    Projection Embedding, Projection? Positions, BlockWeights[] Blocks, NormWeights? FinalNorm, Projection Head,
    IReadOnlyList<IDisposable> Owned) : IDisposable
{
    /// <summary>Bytes of all matrices.</summary>
    public long Bytes => Owned.OfType<WeightMatrix>().Sum(m => m.Bytes) + Owned.OfType<Tensor>().Sum(t => 4 * t.Length);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var owned in Owned) owned.Dispose();
    }
}
