using Winnow.Kernels;
using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>GPT-NeoX and Pythia: parallel residual, partly rotated heads, queries, keys and values interleaved head by head.</summary>
internal sealed class GptNeoX : Family
{
    public override string ModelType => "gpt_neox";

    public override DecoderConfig Read(ConfigFile config)
    {
        int width = config.Int("hidden_size");
        int heads = config.Int("num_attention_heads");
        int headWidth = RotaryReader.HeadWidth(config, width, heads);
        bool attentionBias = config.Flag("attention_bias", true);
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
            HiddenWidth = config.Int("intermediate_size"),
            TiedHead = config.Flag("tie_word_embeddings", false),
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Number("layer_norm_eps", 1e-5),
            NormParameters = NormParameters.GainAndBias,
            ParallelResidual = config.Flag("use_parallel_residual", true),
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
            AttentionScale = 1 / MathF.Sqrt(headWidth),
            RotaryWidth = RotaryReader.RotaryWidth(config, headWidth, "rotary_pct", 0.25),
            Rotary = RotaryReader.Read(config, config.Has("rotary_emb_base") ? "rotary_emb_base" : "rope_theta"),
            Activation = config.Activation("hidden_act", "gelu"),
            MlpBias = true,
        };
    }

    public override TensorNames Names(DecoderConfig config) => new()
    {
        Prefix = "gpt_neox.",
        Embedding = "embed_in",
        QueryKeyValue = ["attention.query_key_value"],
        InterleavedHeads = true,
        AttentionOutput = "attention.dense",
        Expand = ["mlp.dense_h_to_4h"],
        Contract = "mlp.dense_4h_to_h",
        FinalNorm = "final_layer_norm",
        Head = "embed_out",
        Ignored = [".attention.bias", ".attention.masked_bias", "rotary_emb.inv_freq"],
    };
}
