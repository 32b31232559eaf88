using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>One trained array of a model.</summary>
/// <param name="Name">Its name in the checkpoint: <c>transformer.h.0.attn.c_attn.weight</c>.</param>
/// <param name="Value">[out, in] for a matrix (whatever the file's orientation), [1, n] for a vector.</param>
/// <param name="Gradient">Same shape; passes add to it.</param>
/// <param name="IsMatrix">True for what is two-dimensional in the checkpoint: weight decay applies to these.</param>
public sealed record Parameter(string Name, TensorView Value, TensorView Gradient, bool IsMatrix);

/// <summary>A decoder that can be trained: f32 parameters and their gradients in the memory of one backend.</summary>
public sealed class DecoderParameters : IDisposable
{
    private DecoderParameters() => throw new NotImplementedException();

    /// <summary>The model's shape.</summary>
    public DecoderConfig Config => throw new NotImplementedException();

    /// <summary>Where the parameters live.</summary>
    public IBackend Backend => throw new NotImplementedException();

    /// <summary>Every parameter once (a tied head is its embedding), in the order of the checkpoint's layers.</summary>
    public IReadOnlyList<Parameter> All => throw new NotImplementedException();

    /// <summary>The model over these parameters, for inference: sees every update. Disposed with the parameters.</summary>
    public Decoder Decoder => throw new NotImplementedException();

    /// <summary>New parameters: matrices N(0, 0.02), projections back into the residual stream divided by √(2·layers), gains 1, biases 0.</summary>
    /// <param name="config">A shape of GPT-2 or Llama kind: see <see cref="Presets"/>.</param>
    /// <param name="seed">The same seed gives the same parameters everywhere.</param>
    /// <param name="backend">Owns the memory.</param>
    public static DecoderParameters Create(DecoderConfig config, ulong seed, IBackend backend) => throw new NotImplementedException();

    /// <summary>Parameters read from a Hugging Face directory, widened to f32.</summary>
    public static DecoderParameters Load(string directory, IBackend backend) => throw new NotImplementedException();

    /// <summary>Writes <c>config.json</c> and <c>model.safetensors</c>, each beside its place and then renamed.</summary>
    public void Save(string directory) => throw new NotImplementedException();

    /// <summary>Sets every gradient to 0.</summary>
    public void ClearGradients() => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}
