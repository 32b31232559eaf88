using System.Collections.Immutable;
using System.Text.Json;
using Winnow.Kernels;
using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>Llama 1, 2 and 3: rotary positions, RMSNorm, SwiGLU, grouped queries.</summary>
internal sealed class Llama : Family
{
    public override string ModelType => "llama";

    public override DecoderConfig Read(ConfigFile config)
    {
        bool attentionBias = config.Flag("attention_bias", false);
        return Shape(config) with
        {
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
            MlpBias = config.Flag("mlp_bias", false),
        };
    }

    public override TensorNames Names(DecoderConfig config) => new();

    /// <summary>What Llama's config and those of the families that follow it have in common.</summary>
    internal static DecoderConfig Shape(ConfigFile config)
    {
        int width = config.Int("hidden_size");
        int heads = config.Int("num_attention_heads");
        int headWidth = RotaryReader.HeadWidth(config, width, heads);
        return new DecoderConfig
        {
            Family = config.Text("model_type")!,
            VocabularySize = config.Int("vocab_size"),
            MaxLength = config.Int("max_position_embeddings"),
            Width = width,
            Layers = config.Int("num_hidden_layers"),
            Heads = heads,
            KeyValueHeads = config.Int("num_key_value_heads", heads),
            HeadWidth = headWidth,
            HiddenWidth = config.Int("intermediate_size"),
            TiedHead = config.Flag("tie_word_embeddings", false),
            NormEpsilon = (float)config.Number("rms_norm_eps", 1e-6),
            AttentionScale = 1 / MathF.Sqrt(headWidth),
            RotaryWidth = headWidth,
            Rotary = RotaryReader.Read(config),
            Activation = config.Activation("hidden_act", "silu"),
            Gated = true,
        };
    }

    /// <summary>Which layers have the window: those that <c>layer_types</c> says, or else <paramref name="otherwise"/>.</summary>
    internal static ImmutableArray<bool> WindowedLayers(ConfigFile config, int layers, Func<int, bool> otherwise)
    {
        if (config.Texts("layer_types") is not { } types) return [.. Enumerable.Range(0, Math.Clamp(layers, 0, DecoderConfig.MaxLayers)).Select(otherwise)];
        return
        [
            .. types.Select(type => type switch
            {
                "sliding_attention" => true,
                "full_attention" => false,
                _ => throw config.Unsupported("layer_types", type, "sliding_attention or full_attention"),
            }),
        ];
    }

    public override bool IsTrainable => true;

    public override void Write(DecoderConfig config, Utf8JsonWriter json)
    {
        json.WriteStartArray("architectures");
        json.WriteStringValue("LlamaForCausalLM");
        json.WriteEndArray();
        json.WriteBoolean("attention_bias", config.QueryKeyValueBias);
        json.WriteNumber("head_dim", config.HeadWidth);
        json.WriteString("hidden_act", config.Activation switch
        {
            Activation.Silu => "silu",
            Activation.Gelu => "gelu",
            Activation.GeluTanh => "gelu_pytorch_tanh",
            _ => "relu",
        });
        json.WriteNumber("hidden_size", config.Width);
        json.WriteNumber("intermediate_size", config.HiddenWidth);
        json.WriteNumber("max_position_embeddings", config.MaxLength);
        json.WriteBoolean("mlp_bias", config.MlpBias);
        json.WriteNumber("num_attention_heads", config.Heads);
        json.WriteNumber("num_hidden_layers", config.Layers);
        json.WriteNumber("num_key_value_heads", config.KeyValueHeads);
        json.WriteNumber("rms_norm_eps", (decimal)config.NormEpsilon);
        WriteRotary(config.Rotary!, json);
        json.WriteBoolean("tie_word_embeddings", config.TiedHead);
    }

    private static void WriteRotary(RotaryFrequencies rotary, Utf8JsonWriter json)
    {
        json.WriteNumber("rope_theta", rotary.Base);
        if (rotary.Scaling == RotaryScaling.None) return;
        json.WriteStartObject("rope_scaling");
        json.WriteString("rope_type", rotary.Scaling == RotaryScaling.Linear ? "linear" : "llama3");
        json.WriteNumber("factor", rotary.Factor);
        if (rotary.Scaling == RotaryScaling.Llama3)
        {
            json.WriteNumber("low_freq_factor", rotary.LowFrequencyFactor);
            json.WriteNumber("high_freq_factor", rotary.HighFrequencyFactor);
            json.WriteNumber("original_max_position_embeddings", rotary.OriginalLength);
        }

        json.WriteEndObject();
    }
}
