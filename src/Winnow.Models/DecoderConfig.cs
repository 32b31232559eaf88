using System.Collections.Immutable;
using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>How a decoder knows where a token stands.</summary>
public enum PositionKind
{
    /// <summary>A learned vector per position, added to the embedding.</summary>
    Learned,

    /// <summary>Queries and keys are rotated (Su et al., arXiv 2104.09864).</summary>
    Rotary,
}

/// <summary>Where a block normalises.</summary>
public enum NormPlacement
{
    /// <summary>x + f(norm(x)).</summary>
    Before,

    /// <summary>x + norm(f(x)).</summary>
    After,

    /// <summary>x + norm(f(norm(x))).</summary>
    BeforeAndAfter,

    /// <summary>norm(x + f(x)): the original transformer's.</summary>
    OnResidual,
}

/// <summary>What a normalisation learns.</summary>
public enum NormParameters
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A gain per column.</summary>
    Gain,

    /// <summary>A gain and a bias per column.</summary>
    GainAndBias,
}

/// <summary>Which columns of the query and key projections are normalised together, before the rotation.</summary>
public enum QueryKeyNorm
{
    /// <summary>None: no normalisation.</summary>
    None,

    /// <summary>Every head by itself, one gain for all.</summary>
    Head,

    /// <summary>The whole projection at once.</summary>
    Projection,
}

/// <summary>
/// Everything that distinguishes one decoder from another, whatever family it came from. The forward pass reads nothing else, so
/// a family is a way to fill this record in.
/// </summary>
public sealed record DecoderConfig
{
    internal const int MaxLayers = 10_000;

    /// <summary>The <c>model_type</c> of <c>config.json</c>: which family wrote it, and which one it is written back as.</summary>
    public required string Family { get; init; }

    /// <summary>Rows of the embedding and, unless the tokenizer has fewer tokens, of the softmax.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Longest sequence the model can see, in tokens.</summary>
    public required int MaxLength { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int Width { get; init; }

    /// <summary>Number of blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Key and value heads; <see cref="Heads"/> is a multiple of it.</summary>
    public required int KeyValueHeads { get; init; }

    /// <summary>Columns of one head.</summary>
    public required int HeadWidth { get; init; }

    /// <summary>Width inside the MLP.</summary>
    public required int HiddenWidth { get; init; }

    /// <summary>How positions enter.</summary>
    public PositionKind Positions { get; init; } = PositionKind.Rotary;

    /// <summary>Multiplies the token embeddings.</summary>
    public float EmbeddingScale { get; init; } = 1;

    /// <summary>True when the unembedding is the embedding.</summary>
    public bool TiedHead { get; init; }

    /// <summary>True when the logits have a bias.</summary>
    public bool HeadBias { get; init; }

    /// <summary>c of c·tanh(z / c) on the logits; 0 means none.</summary>
    public float LogitSoftCap { get; init; }

    /// <summary>What normalisations divide by.</summary>
    public NormKind Norm { get; init; } = NormKind.Rms;

    /// <summary>ε of every normalisation.</summary>
    public float NormEpsilon { get; init; } = 1e-5f;

    /// <summary>What the normalisations of the residual stream learn.</summary>
    public NormParameters NormParameters { get; init; } = NormParameters.Gain;

    /// <summary>Where blocks normalise.</summary>
    public NormPlacement NormPlacement { get; init; } = NormPlacement.Before;

    /// <summary>False when nothing is normalised between the last block and the head.</summary>
    public bool FinalNorm { get; init; } = true;

    /// <summary>True when attention and MLP both read the block's input: x + attention(norm(x)) + mlp(norm(x)).</summary>
    public bool ParallelResidual { get; init; }

    /// <summary>True when a parallel block has one normalisation for both branches.</summary>
    public bool SharedNorm { get; init; }

    /// <summary>True when queries, keys and values have a bias.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>True when the attention output has a bias.</summary>
    public bool AttentionOutputBias { get; init; }

    /// <summary>Which columns of queries and keys are normalised together.</summary>
    public QueryKeyNorm QueryKeyNorm { get; init; }

    /// <summary>What that normalisation learns.</summary>
    public NormParameters QueryKeyNormParameters { get; init; } = NormParameters.Gain;

    /// <summary>Queries, keys and values are clipped to ±this; 0 means not.</summary>
    public float QueryKeyValueClip { get; init; }

    /// <summary>Multiplies q·k.</summary>
    public required float AttentionScale { get; init; }

    /// <summary>True when q·k of layer l (from 0) is further divided by l + 1.</summary>
    public bool ScaleByInverseLayer { get; init; }

    /// <summary>c of c·tanh(score / c); 0 means none.</summary>
    public float AttentionSoftCap { get; init; }

    /// <summary>A windowed layer's query sees itself and the Window − 1 keys before it; 0 when no layer is windowed.</summary>
    public int Window { get; init; }

    /// <summary>Which layers are windowed, one entry per layer; empty when none is.</summary>
    public ImmutableArray<bool> WindowedLayers { get; init; } = [];

    /// <summary>Columns of each head that are rotated.</summary>
    public int RotaryWidth { get; init; }

    /// <summary>The rotation's frequencies; null when positions are learned.</summary>
    public RotaryFrequencies? Rotary { get; init; }

    /// <summary>The frequencies of windowed layers where they have their own.</summary>
    public RotaryFrequencies? WindowedRotary { get; init; }

    /// <summary>The MLP's non-linearity.</summary>
    public required Activation Activation { get; init; }

    /// <summary>True for activation(gate(x)) · up(x).</summary>
    public bool Gated { get; init; }

    /// <summary>True when the MLP's projections have biases.</summary>
    public bool MlpBias { get; init; }

    /// <summary>Columns of all queries.</summary>
    public int QueryWidth => Heads * HeadWidth;

    /// <summary>Columns of all keys (or values).</summary>
    public int KeyValueWidth => KeyValueHeads * HeadWidth;

    /// <summary>Columns of queries, keys and values side by side.</summary>
    public int QueryKeyValueWidth => QueryWidth + (2 * KeyValueWidth);

    /// <summary>Columns of the MLP's first projection: gate and up side by side where there is a gate.</summary>
    public int ExpandedWidth => Gated ? 2 * HiddenWidth : HiddenWidth;

    /// <summary>True when layer <paramref name="layer"/> sees a window only.</summary>
    public bool IsWindowed(int layer) => Window > 0 && !WindowedLayers.IsEmpty && WindowedLayers[layer];

    /// <summary>The attention of one layer.</summary>
    public AttentionShape Attention(int layer) => new(
        Heads, KeyValueHeads, HeadWidth, ScaleByInverseLayer ? AttentionScale / (layer + 1) : AttentionScale,
        IsWindowed(layer) ? Window : 0, AttentionSoftCap);

    /// <summary>The normalisation of the residual stream.</summary>
    public NormShape NormShape => new(Norm, Width, NormEpsilon);

    /// <summary>Trained numbers, a tied matrix counted once.</summary>
    public long Parameters
    {
        get
        {
            long embeddings = (long)VocabularySize * Width * (TiedHead ? 1 : 2);
            if (Positions == PositionKind.Learned) embeddings += (long)MaxLength * Width;
            if (HeadBias) embeddings += VocabularySize;
            return embeddings + (Layers * (MatrixParametersPerLayer + VectorParametersPerLayer)) + (FinalNorm ? NormSize(NormParameters, Width) : 0);
        }
    }

    /// <summary>
    /// Floating-point operations of scoring one token in sequences of <paramref name="context"/> tokens: two for every weight of a
    /// matrix product, and the causal (and windowed) part of attention. 24·L·D² + 2·D·V + 2·L·D·T for a GPT-2 shape.
    /// </summary>
    public double ForwardFlops(int context)
    {
        double attention = 0;
        for (int layer = 0; layer < Layers; layer++)
        {
            // A query sees half the context on average; a window cuts what lies further back.
            double window = IsWindowed(layer) ? Math.Min(Window, context) : context;
            attention += 4.0 * QueryWidth * (window - (window * window / (2.0 * context)));
        }

        return (2.0 * Layers * MatrixParametersPerLayer) + (2.0 * Width * VocabularySize) + attention;
    }

    /// <summary>Bytes of the weights when each matrix keeps its <paramref name="stored"/> type in memory.</summary>
    public long WeightBytes(ElementType stored) => Parameters * (stored == ElementType.F32 ? 4 : 2);

    /// <summary>Bytes of activations a worker needs to score <paramref name="tokens"/> tokens at once.</summary>
    public long ActivationBytes(int tokens) => 4L * DecoderPass.ActivationFloats(this, tokens);

    internal long MatrixParametersPerLayer =>
        ((long)Width * (QueryKeyValueWidth + QueryWidth)) + ((long)Width * (ExpandedWidth + HiddenWidth));

    /// <summary>Normalisations of the residual stream in one block.</summary>
    internal int NormsPerLayer => NormPlacement switch
    {
        NormPlacement.BeforeAndAfter => 4,
        _ => SharedNorm ? 1 : 2,
    };

    private long VectorParametersPerLayer
    {
        get
        {
            long sum = NormsPerLayer * NormSize(NormParameters, Width);
            if (QueryKeyValueBias) sum += QueryKeyValueWidth;
            if (AttentionOutputBias) sum += Width;
            if (MlpBias) sum += ExpandedWidth + Width;
            return sum + QueryKeyNorm switch
            {
                QueryKeyNorm.Head => 2 * NormSize(QueryKeyNormParameters, HeadWidth),
                QueryKeyNorm.Projection => NormSize(QueryKeyNormParameters, QueryWidth) + NormSize(QueryKeyNormParameters, KeyValueWidth),
                _ => 0,
            };
        }
    }

    /// <summary>Throws where sizes contradict each other.</summary>
    /// <param name="place">What the error names: the config file.</param>
    public void Validate(string place)
    {
        void Require(bool holds, string found)
        {
            if (!holds) throw new ModelException(place, found);
        }

        foreach (var (name, size) in new (string, int)[]
        {
            ("vocabulary size", VocabularySize), ("maximum length", MaxLength), ("width", Width), ("number of layers", Layers),
            ("number of heads", Heads), ("number of key-value heads", KeyValueHeads), ("head width", HeadWidth), ("MLP width", HiddenWidth),
        })
        {
            Require(size > 0, $"{name} is {size}; expected at least 1");
        }

        Require(Layers <= MaxLayers, $"{Layers} layers; expected at most {MaxLayers}");
        Require(Heads % KeyValueHeads == 0, $"{Heads} heads cannot share {KeyValueHeads} key-value heads evenly");
        Require((long)Heads * HeadWidth <= int.MaxValue / 4 && ExpandedWidth > 0, "the projections are too wide");
        Require(NormEpsilon is > 0 and < 1, $"the norm's epsilon is {NormEpsilon}; expected a small positive number");
        Require(float.IsFinite(AttentionScale) && AttentionScale > 0, $"the attention scale is {AttentionScale}; expected a positive number");
        Require(AttentionSoftCap >= 0 && LogitSoftCap >= 0 && QueryKeyValueClip >= 0, "soft caps and clips cannot be negative");
        Require(Window >= 0, $"the sliding window is {Window}; expected at least 1");
        Require(WindowedLayers.IsEmpty || WindowedLayers.Length == Layers,
            $"layer types are given for {WindowedLayers.Length} layers; the model has {Layers}");
        if (Positions != PositionKind.Rotary) return;
        Require(RotaryWidth > 0 && RotaryWidth % 2 == 0 && RotaryWidth <= HeadWidth,
            $"{RotaryWidth} columns of each head rotate; expected an even number up to the head width {HeadWidth}");
        Require(Rotary is not null, "rotary positions without frequencies");
        Rotary!.Validate(place, RotaryWidth);
        WindowedRotary?.Validate(place, RotaryWidth);
    }

    private static long NormSize(NormParameters parameters, int width) => parameters switch
    {
        NormParameters.None => 0,
        NormParameters.Gain => width,
        NormParameters.GainAndBias => 2L * width,
        _ => throw new ArgumentOutOfRangeException(nameof(parameters)),
    };
}
