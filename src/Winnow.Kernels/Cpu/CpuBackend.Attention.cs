namespace Winnow.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Attend(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans,
        TensorView output, TensorView? logSumExp) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void AttendBackward(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans,
        TensorView output, TensorView logSumExp, TensorView outputGradient,
        TensorView queryGradient, TensorView keyGradient, TensorView valueGradient) =>
        throw new NotImplementedException();
}
