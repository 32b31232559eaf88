using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>OLMo 2: normalises what comes out of each branch, and whole query and key projections.</summary>
internal sealed class Olmo2 : Family
{
    public override string ModelType => "olmo2";

    public override DecoderConfig Read(ConfigFile config)
    {
        bool attentionBias = config.Flag("attention_bias", false);
        return Llama.Shape(config) with
        {
            NormEpsilon = (float)config.Number("rms_norm_eps", 1e-5),
            NormPlacement = NormPlacement.After,
            QueryKeyNorm = QueryKeyNorm.Projection,
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
        };
    }

    public override TensorNames Names(DecoderConfig config) => new()
    {
        AttentionPostNorm = "post_attention_layernorm",
        MlpPostNorm = "post_feedforward_layernorm",
    };
}
