using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>Gemma 2: scaled embeddings, soft caps, a window in every other layer, norms before and after each branch, stored as gain − 1.</summary>
internal sealed class Gemma2 : Family
{
    public override string ModelType => "gemma2";

    public override DecoderConfig Read(ConfigFile config)
    {
        var shape = Shape(config);
        int window = config.Int("sliding_window", 4096);
        return shape with
        {
            AttentionSoftCap = (float)config.Number("attn_logit_softcapping", config.Mentions("attn_logit_softcapping") ? 0 : 50),
            LogitSoftCap = (float)config.Number("final_logit_softcapping", config.Mentions("final_logit_softcapping") ? 0 : 30),
            Window = window,
            WindowedLayers = Llama.WindowedLayers(config, shape.Layers, layer => layer % 2 == 0),
        };
    }

    public override TensorNames Names(DecoderConfig config) => TensorNames;

    internal static TensorNames TensorNames { get; } = new()
    {
        AttentionPostNorm = "post_attention_layernorm",
        MlpNorm = "pre_feedforward_layernorm",
        MlpPostNorm = "post_feedforward_layernorm",
        GainOffset = 1,
    };

    /// <summary>What Gemma 2 and 3 have in common.</summary>
    internal static DecoderConfig Shape(ConfigFile config)
    {
        if (config.Flag("use_bidirectional_attention", false)) throw config.Unsupported("use_bidirectional_attention", "true", "false");
        var shape = Llama.Shape(config);
        int headWidth = config.Int("head_dim", 256);
        bool attentionBias = config.Flag("attention_bias", false);
        return shape with
        {
            HeadWidth = headWidth,
            RotaryWidth = headWidth,
            TiedHead = config.Flag("tie_word_embeddings", true),
            EmbeddingScale = MathF.Sqrt(shape.Width),
            NormPlacement = NormPlacement.BeforeAndAfter,
            AttentionScale = (float)Math.Pow(config.Number("query_pre_attn_scalar", 256), -0.5),
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
            Activation = config.Activation("hidden_activation", "gelu_pytorch_tanh"),
        };
    }
}
