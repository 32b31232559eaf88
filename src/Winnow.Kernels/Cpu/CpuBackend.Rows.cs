namespace Winnow.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Upload(WeightSource source, TensorView to) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Clear(TensorView x) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Copy(TensorView from, TensorView to) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Embed(WeightMatrix table, IndexTensor ids, float scale, TensorView output) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void EmbedBackward(TensorView gradient, IndexTensor ids, float scale, TensorView tableGradient) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void GatherRows(TensorView x, IndexTensor rows, TensorView output) =>
        throw new NotImplementedException();
}
