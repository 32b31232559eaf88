using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>Phi 3 and 3.5: Llama with fused projections and LongRoPE.</summary>
internal sealed class Phi3 : Family
{
    public override string ModelType => "phi3";

    public override DecoderConfig Read(ConfigFile config)
    {
        var shape = Llama.Shape(config);
        int window = config.Int("sliding_window", 0);
        return shape with
        {
            NormEpsilon = (float)config.Number("rms_norm_eps", 1e-5),
            RotaryWidth = RotaryReader.RotaryWidth(config, shape.HeadWidth, "partial_rotary_factor", 1),
            Window = window,
            WindowedLayers = Llama.WindowedLayers(config, shape.Layers, _ => window > 0),
        };
    }

    public override TensorNames Names(DecoderConfig config) => new()
    {
        QueryKeyValue = ["self_attn.qkv_proj"],
        Expand = ["mlp.gate_up_proj"],
    };
}
