using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>Gemma 3, text: Gemma 2 with normalised queries and keys, and frequencies of their own in windowed layers.</summary>
internal sealed class Gemma3 : Family
{
    public override string ModelType => "gemma3_text";

    public override DecoderConfig Read(ConfigFile config)
    {
        var shape = Gemma2.Shape(config);
        int pattern = config.OptionalInt("sliding_window_pattern") ?? config.Int("_sliding_window_pattern", 6);
        if (pattern < 1) throw config.Unsupported("sliding_window_pattern", $"{pattern}", "a positive number");
        var (full, windowed) = Rotary(config);
        return shape with
        {
            AttentionSoftCap = (float)config.Number("attn_logit_softcapping", 0),
            LogitSoftCap = (float)config.Number("final_logit_softcapping", 0),
            QueryKeyNorm = QueryKeyNorm.Head,
            Window = config.Int("sliding_window", 4096),
            WindowedLayers = Llama.WindowedLayers(config, shape.Layers, layer => (layer + 1) % pattern != 0),
            Rotary = full,
            WindowedRotary = windowed,
        };
    }

    public override TensorNames Names(DecoderConfig config) => Gemma2.TensorNames;

    private static (RotaryFrequencies Full, RotaryFrequencies Windowed) Rotary(ConfigFile config)
    {
        double full = config.Number("rope_theta", 1_000_000);
        double windowed = config.Number("rope_local_base_freq", 10_000);
        if (config.Object("rope_parameters") is not { } parameters)
            return (RotaryReader.Scaled(config, full, config.Object("rope_scaling")), new RotaryFrequencies(windowed));
        var forFull = parameters.Object("full_attention");
        var forWindowed = parameters.Object("sliding_attention");
        return (
            RotaryReader.Scaled(config, forFull?.Number("rope_theta", full) ?? full, forFull),
            RotaryReader.Scaled(config, forWindowed?.Number("rope_theta", windowed) ?? windowed, forWindowed));
    }
}
