using Winnow.Kernels;
using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>OPT: learned positions from row 2 on, ReLU; the 350 M model normalises the residual stream itself.</summary>
internal sealed class Opt : Family
{
    public override string ModelType => "opt";

    public override DecoderConfig Read(ConfigFile config)
    {
        int width = config.Int("hidden_size");
        int heads = config.Int("num_attention_heads");
        int headWidth = RotaryReader.HeadWidth(config, width, heads);
        int embeddingWidth = config.Int("word_embed_proj_dim", width);
        if (embeddingWidth != width) throw config.Unsupported("word_embed_proj_dim", $"{embeddingWidth}", $"`hidden_size`, {width}");
        bool before = config.Flag("do_layer_norm_before", true);
        bool bias = config.Flag("enable_bias", true);
        return new DecoderConfig
        {
            Family = ModelType,
            VocabularySize = config.Int("vocab_size"),
            MaxLength = config.Int("max_position_embeddings"),
            Width = width,
            Layers = config.Int("num_hidden_layers"),
            Heads = heads,
            KeyValueHeads = heads,
            HeadWidth = headWidth,
            HiddenWidth = config.Int("ffn_dim"),
            Positions = PositionKind.Learned,
            TiedHead = config.Flag("tie_word_embeddings", true),
            Norm = NormKind.Layer,
            NormEpsilon = 1e-5f,
            NormParameters = config.Flag("layer_norm_elementwise_affine", true) ? NormParameters.GainAndBias : NormParameters.None,
            NormPlacement = before ? NormPlacement.Before : NormPlacement.OnResidual,
            FinalNorm = before && !config.Flag("_remove_final_layer_norm", false),
            QueryKeyValueBias = bias,
            AttentionOutputBias = bias,
            AttentionScale = 1 / MathF.Sqrt(headWidth),
            Activation = config.Activation("activation_function", "relu"),
            MlpBias = bias,
        };
    }

    public override TensorNames Names(DecoderConfig config) => new()
    {
        Prefix = "model.decoder.",
        Positions = "embed_positions",
        PositionOffset = 2,
        AttentionNorm = "self_attn_layer_norm",
        AttentionPostNorm = "self_attn_layer_norm",
        AttentionOutput = "self_attn.out_proj",
        MlpNorm = "final_layer_norm",
        MlpPostNorm = "final_layer_norm",
        Expand = ["fc1"],
        Contract = "fc2",
        FinalNorm = "final_layer_norm",
    };
}
