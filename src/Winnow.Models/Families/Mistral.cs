using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>Mistral: Llama with a sliding window in every layer.</summary>
internal sealed class Mistral : Family
{
    public override string ModelType => "mistral";

    public override DecoderConfig Read(ConfigFile config)
    {
        var shape = Llama.Shape(config);
        int window = config.Int("sliding_window", 0);
        return shape with
        {
            Window = window,
            WindowedLayers = Llama.WindowedLayers(config, shape.Layers, _ => window > 0),
        };
    }

    public override TensorNames Names(DecoderConfig config) => new();
}
