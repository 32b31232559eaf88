using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>Rotary positions in a <c>config.json</c>, in the spellings of transformers 4 and 5.</summary>
internal static class RotaryReader
{
    /// <summary>Columns of a head: <c>head_dim</c>, or the width shared by the heads.</summary>
    public static int HeadWidth(ConfigFile config, int width, int heads)
    {
        if (config.OptionalInt("head_dim") is { } stated) return stated;
        if (heads > 0 && width % heads == 0) return width / heads;
        throw new ModelException(config.Path, $"a width of {width} cannot be shared by {heads} heads evenly");
    }

    /// <summary>The frequencies of all layers.</summary>
    /// <param name="config">The file.</param>
    /// <param name="baseName">What transformers 4 calls the base.</param>
    public static RotaryFrequencies Read(ConfigFile config, string baseName = "rope_theta")
    {
        var parameters = config.Object("rope_parameters");
        double theta = parameters?.Has("rope_theta") == true ? parameters.Number("rope_theta", 0) : config.Number(baseName, 10000);
        return Scaled(config, theta, parameters ?? config.Object("rope_scaling"));
    }

    /// <summary>The share of each head's columns that rotates.</summary>
    public static int RotaryWidth(ConfigFile config, int headWidth, string shareName, double otherwise)
    {
        double share = config.Object("rope_parameters")?.Number("partial_rotary_factor", -1) is { } stated and >= 0
            ? stated
            : config.Number(shareName, otherwise);
        return (int)(headWidth * share);
    }

    /// <summary>Frequencies with the scaling that a <c>rope_scaling</c> or <c>rope_parameters</c> object asks for.</summary>
    public static RotaryFrequencies Scaled(ConfigFile config, double theta, ConfigFile? scaling)
    {
        var plain = new RotaryFrequencies(theta);
        string type = scaling?.Text("rope_type") ?? scaling?.Text("type") ?? "default";
        return type switch
        {
            "default" => plain,
            "linear" => plain with { Scaling = RotaryScaling.Linear, Factor = scaling!.Number("factor", 0) },
            "llama3" => plain with
            {
                Scaling = RotaryScaling.Llama3,
                Factor = scaling!.Number("factor", 0),
                LowFrequencyFactor = scaling.Number("low_freq_factor", 1),
                HighFrequencyFactor = scaling.Number("high_freq_factor", 4),
                OriginalLength = scaling.Int("original_max_position_embeddings"),
            },
            "longrope" or "su" => LongRope(config, plain, scaling!),
            _ => throw scaling!.Unsupported("rope_type", type, "default, linear, llama3 or longrope"),
        };
    }

    private static RotaryFrequencies LongRope(ConfigFile config, RotaryFrequencies plain, ConfigFile scaling)
    {
        int maxLength = config.Int("max_position_embeddings");
        int? stated = config.OptionalInt("original_max_position_embeddings");
        int original = stated ?? scaling.Int("original_max_position_embeddings", 4096);
        double ratio = (double)maxLength / original;
        double factor = stated is null ? scaling.Number("factor", ratio) : ratio;
        double attention = factor <= 1 ? 1 : Math.Sqrt(1 + (Math.Log(factor) / Math.Log(original)));
        return plain with
        {
            Scaling = RotaryScaling.LongRope,
            OriginalLength = original,
            ShortFactors = [.. scaling.Floats("short_factor")],
            LongFactors = [.. scaling.Floats("long_factor")],
            AttentionFactor = scaling.Number("attention_factor", attention),
        };
    }
}
