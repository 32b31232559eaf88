namespace Winnow.Kernels;

/// <summary>The pointwise non-linearities of the supported decoders.</summary>
public enum Activation
{
    /// <summary>x</summary>
    None,

    /// <summary>x Φ(x), with the error function.</summary>
    Gelu,

    /// <summary>0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).</summary>
    GeluTanh,

    /// <summary>x / (1 + e^−x).</summary>
    Silu,

    /// <summary>max(x, 0).</summary>
    Relu,
}

/// <summary>Which statistics a normalisation divides by.</summary>
public enum NormKind
{
    /// <summary>(x − mean) / √(variance + ε).</summary>
    Layer,

    /// <summary>x / √(mean of squares + ε).</summary>
    Rms,
}

/// <summary>A normalisation over groups of <paramref name="Width"/> adjacent columns (one group per row, or one per head).</summary>
public readonly record struct NormShape(NormKind Kind, int Width, float Epsilon);

/// <summary>The geometry of one attention operation.</summary>
/// <param name="Heads">Query heads H.</param>
/// <param name="KeyValueHeads">Key and value heads; H is a multiple of it.</param>
/// <param name="HeadWidth">Columns per head.</param>
/// <param name="Scale">Multiplies q·k before the softmax.</param>
/// <param name="Window">A query sees itself and the Window − 1 keys before it; 0 means all.</param>
/// <param name="SoftCap">c·tanh(score / c) before the mask; 0 means none.</param>
public readonly record struct AttentionShape(int Heads, int KeyValueHeads, int HeadWidth, float Scale, int Window = 0, float SoftCap = 0);

/// <summary>
/// One piece of text inside a packed batch: its queries are rows [QueryStart, QueryStart + QueryCount), its keys rows
/// [KeyStart, KeyStart + KeyCount). Query i sees keys 0 … KeyCount − QueryCount + i of its own span and nothing else, so a
/// fresh text has KeyCount = QueryCount, and a continued one (KV cache, strided window) more keys than queries.
/// </summary>
public readonly record struct AttentionSpan(int QueryStart, int QueryCount, int KeyStart, int KeyCount);

/// <summary>The loss head's options.</summary>
/// <param name="VocabularySize">Rows of the unembedding that take part; rows beyond it are padding.</param>
/// <param name="SoftCap">c·tanh(z / c) on the logits; 0 means none.</param>
public readonly record struct HeadShape(int VocabularySize, float SoftCap = 0);

/// <summary>One AdamW update, decoupled decay and bias correction included (Loshchilov and Hutter, arXiv 1711.05101).</summary>
/// <param name="LearningRate">η of this step.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to √v̂.</param>
/// <param name="WeightDecay">λ: the parameter is first multiplied by 1 − ηλ.</param>
/// <param name="Step">1 for the first update.</param>
/// <param name="GradientScale">Multiplies the gradient first (clipping, accumulation).</param>
public readonly record struct AdamWStep(
    double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, int Step, double GradientScale);
