namespace Winnow.Kernels;

/// <summary>What the factors of matrix products are rounded to. Sums, norms, softmax and what flows between layers are f32 in both.</summary>
public enum Precision
{
    /// <summary>Not rounded.</summary>
    F32,

    /// <summary>bf16: 8 significant bits, f32's range.</summary>
    BF16,
}
