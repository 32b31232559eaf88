namespace Winnow.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void LinearCrossEntropy(
        TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets,
        TensorView result, IndexTensor? argmax) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void LinearCrossEntropyBackward(
        TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets,
        TensorView result, float scale, TensorView hiddenGradient, TensorView unembeddingGradient, TensorView? biasGradient) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Logits(TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, TensorView output) =>
        throw new NotImplementedException();
}
