using Winnow.Kernels;
using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>Phi 1, 1.5 and 2: one LayerNorm for two parallel branches, partly rotated heads, biases everywhere, on the logits too.</summary>
internal sealed class Phi : Family
{
    public override string ModelType => "phi";

    public override DecoderConfig Read(ConfigFile config)
    {
        var shape = Llama.Shape(config);
        return shape with
        {
            RotaryWidth = RotaryReader.RotaryWidth(config, shape.HeadWidth, "partial_rotary_factor", 0.5),
            HeadBias = true,
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Number("layer_norm_eps", 1e-5),
            NormParameters = NormParameters.GainAndBias,
            ParallelResidual = true,
            SharedNorm = true,
            QueryKeyValueBias = true,
            AttentionOutputBias = true,
            QueryKeyNorm = config.Flag("qk_layernorm", false) ? QueryKeyNorm.Head : QueryKeyNorm.None,
            QueryKeyNormParameters = NormParameters.GainAndBias,
            Activation = config.Activation("hidden_act", "gelu_new"),
            Gated = false,
            MlpBias = true,
        };
    }

    public override TensorNames Names(DecoderConfig config) => new()
    {
        QueryNorm = "self_attn.q_layernorm",
        KeyNorm = "self_attn.k_layernorm",
        AttentionOutput = "self_attn.dense",
        Expand = ["mlp.fc1"],
        Contract = "mlp.fc2",
        FinalNorm = "final_layernorm",
    };
}
