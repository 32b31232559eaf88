namespace Winnow.Kernels.Cpu;

/// <summary>An [out, in] matrix in the form that <see cref="CpuBackend"/> multiplies with.</summary>
internal abstract unsafe class CpuWeightMatrix : WeightMatrix
{
    /// <summary>Writes row <paramref name="row"/> of the [out, in] matrix, widened: <see cref="WeightMatrix.Columns"/> floats.</summary>
    public abstract void ReadRow(int row, float* to);
}
