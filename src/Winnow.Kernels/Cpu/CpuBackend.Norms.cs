namespace Winnow.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Normalize(NormShape shape, TensorView x, TensorView? gain, TensorView? bias, TensorView output, TensorView? statistics) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void NormalizeBackward(
        NormShape shape, TensorView x, TensorView? gain, TensorView statistics, TensorView outputGradient,
        TensorView inputGradient, bool accumulate, TensorView? gainGradient, TensorView? biasGradient) =>
        throw new NotImplementedException();
}
