using Winnow.Kernels;
using Winnow.Models.Families;

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

    /// <summary>Weights on a backend, each matrix and vector from where the functions take it.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="layout">Its slots.</param>
    /// <param name="backend">Holds the vectors.</param>
    /// <param name="matrix">A matrix to multiply with.</param>
    /// <param name="table">Fills a [rows, columns] view with a matrix that is only looked up: its rows stay whole.</param>
    /// <param name="bias">A matrix's bias, or null.</param>
    /// <param name="normGain">A normalisation's gain, or null.</param>
    /// <param name="normBias">A normalisation's bias, or null.</param>
    public static DecoderWeights Build(
        DecoderConfig config, DecoderLayout layout, IBackend backend, Func<MatrixSlot, WeightMatrix> matrix,
        Action<MatrixSlot, TensorView> table, Func<MatrixSlot, float[]?> bias, Func<NormSlot, float[]?> normGain, Func<NormSlot, float[]?> normBias)
    {
        var owned = new List<IDisposable>();

        TensorView? Vector(float[]? values)
        {
            if (values is null) return null;
            var tensor = backend.Allocate(values.Length);
            owned.Add(tensor);
            backend.Upload(values, tensor);
            return tensor.AsRows(1);
        }

        WeightMatrix Matrix(MatrixSlot slot)
        {
            var packed = matrix(slot);
            owned.Add(packed);
            return packed;
        }

        Projection Project(MatrixSlot slot) => new(Matrix(slot), Vector(bias(slot)));

        Projection Table(MatrixSlot slot)
        {
            var tensor = backend.Allocate((long)slot.Rows * slot.Columns);
            owned.Add(tensor);
            table(slot, tensor.AsRows(slot.Rows));
            var rows = backend.Live(tensor.AsRows(slot.Rows));
            owned.Add(rows);
            return new Projection(rows, null);
        }

        NormWeights? Norm(NormSlot? slot) => slot is null ? null : new NormWeights(Vector(normGain(slot)), Vector(normBias(slot)));

        try
        {
            var embedding = Project(layout.Embedding);
            return new DecoderWeights(
                embedding,
                layout.Positions is null ? null : Table(layout.Positions),
                [
                    .. layout.Blocks.Select(block => new BlockWeights(
                        Norm(block.AttentionNorm), Project(block.QueryKeyValue), Norm(block.QueryNorm), Norm(block.KeyNorm),
                        Project(block.AttentionOutput), Norm(block.AttentionPostNorm), Norm(block.MlpNorm), Project(block.Expand),
                        Project(block.Contract), Norm(block.MlpPostNorm))),
                ],
                Norm(layout.FinalNorm),
                config.TiedHead ? new Projection(embedding.Weight, Vector(bias(layout.Head))) : Project(layout.Head),
                owned);
        }
        catch
        {
            foreach (var done in owned) done.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var owned in Owned) owned.Dispose();
    }
}
