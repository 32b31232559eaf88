using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>Qwen 2 and 2.5: Llama with biases on queries, keys and values, and an optional window in the upper layers.</summary>
internal sealed class Qwen2 : Family
{
    public override string ModelType => "qwen2";

    public override DecoderConfig Read(ConfigFile config) => WithWindow(config, Llama.Shape(config)) with { QueryKeyValueBias = true };

    public override TensorNames Names(DecoderConfig config) => new();

    /// <summary>The window that <c>use_sliding_window</c> turns on.</summary>
    internal static DecoderConfig WithWindow(ConfigFile config, DecoderConfig shape)
    {
        if (!config.Flag("use_sliding_window", false) || !config.Has("sliding_window")) return shape;
        int fullLayers = config.Int("max_window_layers", 28);
        return shape with
        {
            Window = config.Int("sliding_window"),
            WindowedLayers = Llama.WindowedLayers(config, shape.Layers, layer => layer >= fullLayers),
        };
    }
}
