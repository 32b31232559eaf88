namespace Winnow.Kernels.Cpu;

/// <summary>An [out, in] matrix in the form that <see cref="CpuBackend"/> multiplies with.</summary>
internal abstract unsafe class CpuWeightMatrix : WeightMatrix
{
    /// <summary>The matrix as the right-hand side of x · weightᵀ.</summary>
    public abstract Panels Panels { get; }

    /// <summary>The width of lanes it is laid out for; 0 when it serves any.</summary>
    public abstract int Lanes { get; }

    /// <summary>Writes row <paramref name="row"/> of the [out, in] matrix, widened: <see cref="WeightMatrix.Columns"/> floats.</summary>
    public abstract void ReadRow(int row, float* to);
}
