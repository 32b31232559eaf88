namespace Winnow.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Rotate(TensorView x, int headWidth, int rotaryWidth, IndexTensor positions, TensorView table, bool inverse = false) =>
        throw new NotImplementedException();
}
