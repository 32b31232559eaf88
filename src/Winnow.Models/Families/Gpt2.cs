using System.Text.Json;
using Winnow.Kernels;
using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>GPT-2: learned positions, LayerNorm, matrices stored [in, out].</summary>
internal sealed class Gpt2 : Family
{
    public override string ModelType => "gpt2";

    public override DecoderConfig Read(ConfigFile config)
    {
        if (config.Flag("add_cross_attention", false)) throw config.Unsupported("add_cross_attention", "true", "false");
        int width = config.Int("n_embd");
        int heads = config.Int("n_head");
        int headWidth = RotaryReader.HeadWidth(config, width, heads);
        return new DecoderConfig
        {
            Family = ModelType,
            VocabularySize = config.Int("vocab_size"),
            MaxLength = config.OptionalInt("n_positions") ?? config.Int("n_ctx", 1024),
            Width = width,
            Layers = config.Int("n_layer"),
            Heads = heads,
            KeyValueHeads = heads,
            HeadWidth = headWidth,
            HiddenWidth = config.OptionalInt("n_inner") ?? 4 * width,
            Positions = PositionKind.Learned,
            TiedHead = config.Flag("tie_word_embeddings", true),
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Number("layer_norm_epsilon", 1e-5),
            NormParameters = NormParameters.GainAndBias,
            QueryKeyValueBias = true,
            AttentionOutputBias = true,
            AttentionScale = config.Flag("scale_attn_weights", true) ? 1 / MathF.Sqrt(headWidth) : 1,
            ScaleByInverseLayer = config.Flag("scale_attn_by_inverse_layer_idx", false),
            Activation = config.Activation("activation_function", "gelu_new"),
            MlpBias = true,
        };
    }

    public override TensorNames Names(DecoderConfig config) => new()
    {
        Prefix = "transformer.",
        Embedding = "wte",
        Positions = "wpe",
        Block = "h.{0}.",
        AttentionNorm = "ln_1",
        QueryKeyValue = ["attn.c_attn"],
        AttentionOutput = "attn.c_proj",
        MlpNorm = "ln_2",
        Expand = ["mlp.c_fc"],
        Contract = "mlp.c_proj",
        FinalNorm = "ln_f",
        Transposed = true,
        Ignored = [".attn.bias", ".attn.masked_bias"],
    };

    public override bool IsTrainable => true;

    public override void Write(DecoderConfig config, Utf8JsonWriter json)
    {
        json.WriteString("activation_function", config.Activation == Activation.Gelu ? "gelu" : "gelu_new");
        json.WriteStartArray("architectures");
        json.WriteStringValue("GPT2LMHeadModel");
        json.WriteEndArray();
        json.WriteNumber("attn_pdrop", 0);
        json.WriteNumber("embd_pdrop", 0);
        json.WriteNumber("resid_pdrop", 0);
        json.WriteNumber("layer_norm_epsilon", (decimal)config.NormEpsilon);
        json.WriteNumber("n_embd", config.Width);
        json.WriteNumber("n_head", config.Heads);
        json.WriteNumber("n_inner", config.HiddenWidth);
        json.WriteNumber("n_layer", config.Layers);
        json.WriteNumber("n_positions", config.MaxLength);
        json.WriteBoolean("scale_attn_by_inverse_layer_idx", config.ScaleByInverseLayer);
        json.WriteBoolean("scale_attn_weights", config.AttentionScale != 1);
        json.WriteBoolean("tie_word_embeddings", config.TiedHead);
    }
}
