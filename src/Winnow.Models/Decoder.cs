using Winnow.Kernels;
using Winnow.Models.Checkpoints;
using Winnow.Models.Families;

namespace Winnow.Models;

/// <summary>A decoder language model with its weights laid out for one backend. Immutable; shared by all workers of that backend.</summary>
public sealed class Decoder : IDisposable
{
    internal Decoder(DecoderConfig config, DecoderWeights weights, int vocabularySize)
    {
        Config = config;
        Weights = weights;
        VocabularySize = vocabularySize;
    }

    /// <summary>The model's shape.</summary>
    public DecoderConfig Config { get; }

    /// <summary>Tokens that take part in the softmax; rows of the unembedding beyond it are padding.</summary>
    public int VocabularySize { get; }

    /// <summary>Bytes that the weights take in memory.</summary>
    public long WeightBytes => Weights.Bytes;

    internal DecoderWeights Weights { get; }

    /// <summary>Reads a Hugging Face model directory. The file is read once, tensor by tensor; no second copy of the weights exists.</summary>
    /// <param name="directory">Holds <c>config.json</c> and <c>model.safetensors</c> or its shards.</param>
    /// <param name="backend">Packs the weights; its workers share them.</param>
    /// <param name="vocabularySize">Tokens of the tokenizer, when it is known: rows beyond them never take part in the softmax.</param>
    /// <exception cref="ModelException">The directory cannot be used; the message says why.</exception>
    public static Decoder Load(string directory, IBackend backend, int? vocabularySize = null)
    {
        using var model = ModelDirectory.Open(directory);
        return model.Load(backend, vocabularySize);
    }

    /// <summary>A model with random weights, as they are before training: for benchmarks and tests.</summary>
    /// <param name="config">Any family's shape.</param>
    /// <param name="seed">The same seed gives the same weights.</param>
    /// <param name="backend">Packs the weights; its workers share them.</param>
    public static Decoder Create(DecoderConfig config, ulong seed, IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(backend);
        config.Validate("model shape");
        var initializer = new Initializer(config, seed);
        var weights = DecoderWeights.Build(
            config, DecoderLayout.Of(config), backend,
            slot => backend.Pack(new FloatSource(initializer.Matrix(slot), slot.Rows, slot.Columns)),
            (slot, view) => backend.Upload(initializer.Matrix(slot), view.Tensor, view.Offset),
            Initializer.Bias, Initializer.Gain, Initializer.Bias);
        return new Decoder(config, weights, config.VocabularySize);
    }

    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();
}
