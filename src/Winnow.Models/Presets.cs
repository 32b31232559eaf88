using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>Shapes that Winnow trains.</summary>
public static class Presets
{
    /// <summary>A GPT-2 shape: learned positions, LayerNorm, GELU, tied head.</summary>
    public static DecoderConfig Gpt2(int layers, int width, int heads, int vocabularySize, int maxLength) => new()
    {
        Family = "gpt2",
        VocabularySize = vocabularySize,
        MaxLength = maxLength,
        Width = width,
        Layers = layers,
        Heads = heads,
        KeyValueHeads = heads,
        HeadWidth = width / heads,
        HiddenWidth = 4 * width,
        Positions = PositionKind.Learned,
        TiedHead = true,
        Norm = NormKind.Layer,
        NormEpsilon = 1e-5f,
        NormParameters = NormParameters.GainAndBias,
        QueryKeyValueBias = true,
        AttentionOutputBias = true,
        AttentionScale = 1 / MathF.Sqrt(width / heads),
        Activation = Activation.GeluTanh,
        MlpBias = true,
    };

    /// <summary>A Llama shape: rotary positions, RMSNorm, SwiGLU, grouped queries, tied head.</summary>
    public static DecoderConfig Llama(int layers, int width, int heads, int keyValueHeads, int hiddenWidth, int vocabularySize, int maxLength) => new()
    {
        Family = "llama",
        VocabularySize = vocabularySize,
        MaxLength = maxLength,
        Width = width,
        Layers = layers,
        Heads = heads,
        KeyValueHeads = keyValueHeads,
        HeadWidth = width / heads,
        HiddenWidth = hiddenWidth,
        TiedHead = true,
        AttentionScale = 1 / MathF.Sqrt(width / heads),
        RotaryWidth = width / heads,
        Rotary = new RotaryFrequencies(10000),
        Activation = Activation.Silu,
        Gated = true,
    };

    /// <summary>A named shape with a vocabulary of its own choice.</summary>
    /// <param name="name"><c>gpt2-124m</c>, <c>gpt2-1.5b</c>, <c>small</c>, …; see <see cref="Names"/>.</param>
    /// <param name="vocabularySize">Rows of the embedding; 0 for the preset's own.</param>
    /// <param name="maxLength">Longest sequence; 0 for the preset's own.</param>
    /// <exception cref="ModelException">No such name.</exception>
    public static DecoderConfig Named(string name, int vocabularySize = 0, int maxLength = 0)
    {
        DecoderConfig Shape(int layers, int width, int heads, int vocabulary, int length) => Gpt2(
            layers, width, heads, vocabularySize > 0 ? vocabularySize : vocabulary, maxLength > 0 ? maxLength : length);

        return name switch
        {
            "tiny" => Shape(4, 128, 4, 4096, 256),
            "small" => Shape(6, 384, 6, 16384, 512),
            "gpt2-124m" => Shape(12, 768, 12, 50257, 1024),
            "gpt2-355m" => Shape(24, 1024, 16, 50257, 1024),
            "gpt2-774m" => Shape(36, 1280, 20, 50257, 1024),
            "gpt2-1.5b" => Shape(48, 1600, 25, 50257, 1024),
            _ => throw new ModelException(name, $"no such preset; expected one of {string.Join(", ", Names)}"),
        };
    }

    /// <summary>The names that <see cref="Named"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["tiny", "small", "gpt2-124m", "gpt2-355m", "gpt2-774m", "gpt2-1.5b"];
}
