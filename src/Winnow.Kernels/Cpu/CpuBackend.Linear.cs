namespace Winnow.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public WeightMatrix Pack(WeightSource source) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public WeightMatrix Live(TensorView parameter) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Linear(TensorView x, WeightMatrix weight, TensorView? bias, Activation activation, TensorView output, bool accumulate = false) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void LinearBackwardInput(TensorView outputGradient, WeightMatrix weight, TensorView inputGradient, bool accumulate = false) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void LinearBackwardWeight(TensorView x, TensorView outputGradient, TensorView weightGradient, TensorView? biasGradient) =>
        throw new NotImplementedException();
}
