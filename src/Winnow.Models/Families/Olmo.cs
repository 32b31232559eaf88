using Winnow.Kernels;
using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>OLMo: LayerNorm that learns nothing, clipped queries, keys and values.</summary>
internal sealed class Olmo : Family
{
    public override string ModelType => "olmo";

    public override DecoderConfig Read(ConfigFile config)
    {
        bool attentionBias = config.Flag("attention_bias", false);
        return Llama.Shape(config) with
        {
            Norm = NormKind.Layer,
            NormEpsilon = 1e-5f,
            NormParameters = NormParameters.None,
            QueryKeyValueClip = (float)config.Number("clip_qkv", 0),
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
        };
    }

    public override TensorNames Names(DecoderConfig config) => new();
}
