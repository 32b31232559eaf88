using Winnow.Kernels;
using Winnow.Models.Families;

namespace Winnow.Models.Checkpoints;

/// <summary>A Hugging Face model directory, opened and checked: what the model is, before (or without) loading its weights.</summary>
public sealed class ModelDirectory : IDisposable
{
    private readonly Checkpoint _checkpoint;

    private ModelDirectory(string path, DecoderConfig config, int? endOfText, Checkpoint checkpoint)
    {
        Path = path;
        Config = config;
        EndOfText = endOfText;
        _checkpoint = checkpoint;
        Loader = new WeightLoader(checkpoint, config);
        Stored = checkpoint.Tensors.Values.Where(t => t.ElementType is not null)
            .GroupBy(t => t.ElementType!.Value).MaxBy(group => group.Sum(t => t.Bytes))!.Key;
    }

    /// <summary>The directory.</summary>
    public string Path { get; }

    /// <summary>The model's shape.</summary>
    public DecoderConfig Config { get; }

    /// <summary>The token that ends a text for this model (<c>eos_token_id</c>, the first of several); null where the config has none.</summary>
    public int? EndOfText { get; }

    /// <summary>How most weights are stored.</summary>
    public ElementType Stored { get; }

    /// <summary>The weight files, in order of their names.</summary>
    public IReadOnlyList<string> Files => [.. _checkpoint.Files.Select(file => file.Path)];

    /// <summary>Every tensor of the weight files, by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => _checkpoint.Tensors;

    internal WeightLoader Loader { get; }

    /// <summary>Reads <c>config.json</c> and the headers of the weight files, and checks that every tensor is there and has its shape.</summary>
    /// <exception cref="ModelException">The directory cannot be used; the message says why.</exception>
    public static ModelDirectory Open(string directory)
    {
        using var document = ConfigFile.Parse(ConfigPath(directory));
        var file = new ConfigFile(ConfigPath(directory), document.RootElement);
        var config = Read(file);
        var checkpoint = Checkpoint.Open(directory);
        try
        {
            return new ModelDirectory(directory, config, file.Token("eos_token_id"), checkpoint);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Reads and checks <c>config.json</c> only.</summary>
    /// <exception cref="ModelException">It is not there, or not the config of a supported model.</exception>
    public static DecoderConfig ReadConfig(string directory)
    {
        using var document = ConfigFile.Parse(ConfigPath(directory));
        return Read(new ConfigFile(ConfigPath(directory), document.RootElement));
    }

    /// <summary>Loads the weights, tensor by tensor.</summary>
    /// <param name="backend">Packs the weights; its workers share them.</param>
    /// <param name="vocabularySize">Tokens of the tokenizer, when it is known: rows beyond them never take part in the softmax.</param>
    public Decoder Load(IBackend backend, int? vocabularySize = null)
    {
        ArgumentNullException.ThrowIfNull(backend);
        int vocabulary = vocabularySize ?? Config.VocabularySize;
        if (vocabulary > Config.VocabularySize)
        {
            throw new ModelException(Path, $"the tokenizer has {vocabulary} tokens, the model {Config.VocabularySize}",
                "use the tokenizer that belongs to the model");
        }

        return new Decoder(Config, DecoderWeights.Build(
            Config, Loader.Layout, backend,
            slot => Loader.Matrix(slot, backend.Pack), (slot, view) => Loader.Upload(slot, backend, view), Loader.Bias, Loader.Gain, Loader.Bias), vocabulary);
    }

    /// <inheritdoc/>
    public void Dispose() => _checkpoint.Dispose();

    private static string ConfigPath(string directory)
    {
        if (!Directory.Exists(directory)) throw new ModelException(directory, "no such directory", "name the directory that holds config.json and model.safetensors");
        string path = System.IO.Path.Combine(directory, "config.json");
        return File.Exists(path) ? path : throw NoConfig(directory);
    }

    private static DecoderConfig Read(ConfigFile file)
    {
        if (file.Has("quantization_config"))
            throw new ModelException(file.Path, "`quantization_config`: quantized checkpoints are not supported", "use the original F32, F16 or BF16 weights");
        var config = Family.Of(file).Read(file);
        config.Validate(file.Path);
        return config;
    }

    private static ModelException NoConfig(string directory)
    {
        string? hint = File.Exists(System.IO.Path.Combine(directory, "adapter_config.json"))
            ? "this is an adapter: merge it into its base model and save that"
            : "name the directory that holds config.json and model.safetensors";
        return new ModelException(directory, "no config.json", hint);
    }
}
