using System.Text.Json;

namespace Winnow.Models.Checkpoints;

/// <summary>The weight files of a model directory, headers read and checked: <c>model.safetensors</c>, or the shards of its index.</summary>
internal sealed class Checkpoint : IDisposable
{
    private const string Single = "model.safetensors";
    private const string Index = "model.safetensors.index.json";

    private readonly List<SafeTensorsFile> _files = [];

    private Checkpoint(string directory) => Directory = directory;

    public string Directory { get; }

    public IReadOnlyList<SafeTensorsFile> Files => _files;

    /// <summary>All tensors of all files.</summary>
    public Dictionary<string, StoredTensor> Tensors { get; } = [];

    public static Checkpoint Open(string directory)
    {
        var checkpoint = new Checkpoint(directory);
        try
        {
            if (File.Exists(Path.Combine(directory, Single))) checkpoint.Add(Single, wanted: null);
            else if (File.Exists(Path.Combine(directory, Index))) checkpoint.AddShards();
            else throw NoWeights(directory);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
    }

    private void Add(string name, IReadOnlyList<string>? wanted)
    {
        var file = SafeTensorsFile.Open(Path.Combine(Directory, name));
        _files.Add(file);
        foreach (string missing in (wanted ?? []).Where(w => !file.Tensors.ContainsKey(w)))
            throw new ModelException(file.Path, $"no tensor `{missing}`, which {Index} says is here");
        foreach (var tensor in file.Tensors.Values)
        {
            if (!Tensors.TryAdd(tensor.Name, tensor))
                throw new ModelException(file.Path, $"tensor `{tensor.Name}` is also in {Path.GetFileName(Tensors[tensor.Name].File.Path)}");
        }
    }

    private void AddShards()
    {
        string path = Path.Combine(Directory, Index);
        foreach (var shard in ReadIndex(path).GroupBy(entry => entry.File).OrderBy(shard => shard.Key, StringComparer.Ordinal))
        {
            string name = shard.Key;
            if (name.Length == 0 || name is "." or ".." || name.AsSpan().IndexOfAny('/', '\\', '\0') >= 0)
                throw new ModelException(path, $"`weight_map` points at `{name}`; expected a file name in the same directory");
            if (!File.Exists(Path.Combine(Directory, name)))
                throw new ModelException(path, $"the shard `{name}` is missing", "the download may be incomplete: fetch the directory again");
            Add(name, [.. shard.Select(entry => entry.Tensor)]);
        }
    }

    private static List<(string Tensor, string File)> ReadIndex(string path)
    {
        using var document = ConfigFile.Parse(path);
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new ModelException(path, "no object `weight_map`");
        }

        var entries = new List<(string, string)>();
        var seen = new HashSet<string>();
        foreach (var property in map.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String)
                throw new ModelException(path, $"`weight_map`: `{property.Name}` has no file name");
            if (!seen.Add(property.Name)) throw new ModelException(path, $"`weight_map` names tensor `{property.Name}` twice");
            entries.Add((property.Name, property.Value.GetString()!));
        }

        return entries.Count > 0 ? entries : throw new ModelException(path, "`weight_map` is empty");
    }

    private static ModelException NoWeights(string directory)
    {
        bool Any(string pattern) => System.IO.Directory.EnumerateFiles(directory, pattern).Any();

        if (Any("pytorch_model*.bin"))
        {
            return new ModelException(directory, "only PyTorch weights (pytorch_model.bin), which are programs and not only data",
                "convert them where transformers is installed: python -c \"from transformers import AutoModelForCausalLM as M; "
                + $"M.from_pretrained('{directory}').save_pretrained('{directory}', safe_serialization=True)\"");
        }

        string found = Any("*.gguf") ? "only GGUF weights" : Any("*.safetensors") ? $"safetensors files, but neither {Single} nor {Index}" : "no weights";
        return new ModelException(directory, $"{found}; expected {Single}, or {Index} and its shards", "name the directory that holds the checkpoint's weights");
    }
}
