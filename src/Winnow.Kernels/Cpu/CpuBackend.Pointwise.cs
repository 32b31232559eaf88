namespace Winnow.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Add(TensorView x, TensorView y, TensorView output) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Scale(TensorView x, float factor) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Clip(TensorView x, float limit) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public double SumOfSquares(TensorView x) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Activate(Activation activation, TensorView x, TensorView output) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void ActivateBackward(Activation activation, TensorView x, TensorView outputGradient, TensorView inputGradient) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Gate(Activation activation, TensorView gate, TensorView up, TensorView output) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void GateBackward(
        Activation activation, TensorView gate, TensorView up, TensorView outputGradient, TensorView gateGradient, TensorView upGradient) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void AdamW(TensorView parameter, TensorView gradient, TensorView firstMoment, TensorView secondMoment, AdamWStep step) =>
        throw new NotImplementedException();
}
