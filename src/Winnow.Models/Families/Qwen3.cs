using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>Qwen 3: every head's queries and keys are normalised before they rotate.</summary>
internal sealed class Qwen3 : Family
{
    public override string ModelType => "qwen3";

    public override DecoderConfig Read(ConfigFile config)
    {
        bool attentionBias = config.Flag("attention_bias", false);
        var shape = Llama.Shape(config);
        int headWidth = config.Int("head_dim", 128);
        return Qwen2.WithWindow(config, shape) with
        {
            HeadWidth = headWidth,
            RotaryWidth = headWidth,
            AttentionScale = 1 / MathF.Sqrt(headWidth),
            QueryKeyNorm = QueryKeyNorm.Head,
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
        };
    }

    public override TensorNames Names(DecoderConfig config) => new();
}
