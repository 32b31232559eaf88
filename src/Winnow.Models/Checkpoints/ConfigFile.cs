using System.Text.Json;
using System.Text.Unicode;
using Winnow.Kernels;

namespace Winnow.Models.Checkpoints;

/// <summary>A JSON object of a model's configuration, read by name; every error says which property of which file.</summary>
internal sealed class ConfigFile
{
    private readonly JsonElement _root;
    private readonly string _prefix;

    public ConfigFile(string path, JsonElement root, string prefix = "")
    {
        Path = path;
        _root = root;
        _prefix = prefix;
        if (root.ValueKind != JsonValueKind.Object) throw new ModelException(path, $"{(prefix.Length == 0 ? "the file" : $"`{prefix.TrimEnd('.')}`")} is not a JSON object");
    }

    public string Path { get; }

    /// <summary>Parses a JSON file.</summary>
    public static JsonDocument Parse(string path)
    {
        try
        {
            byte[] bytes = File.ReadAllBytes(path);
            return Utf8.IsValid(bytes) ? JsonDocument.Parse(bytes) : throw new ModelException(path, "not JSON: it is not UTF-8");
        }
        catch (JsonException e)
        {
            throw new ModelException(path, $"not JSON: {e.Message}", cause: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelException(path, $"cannot be read: {e.Message}", cause: e);
        }
    }

    /// <summary>True when the property is there and not null.</summary>
    public bool Has(string name) => Find(name) is not null;

    /// <summary>True when the property is there, even as null.</summary>
    public bool Mentions(string name) => _root.TryGetProperty(name, out _);

    public int Int(string name) => OptionalInt(name) ?? throw Missing(name);

    public int Int(string name, int otherwise) => OptionalInt(name) ?? otherwise;

    public int? OptionalInt(string name)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Number)
        {
            if (value.TryGetInt32(out int whole)) return whole;
            if (value.TryGetDouble(out double number) && number == Math.Floor(number) && Math.Abs(number) < int.MaxValue) return (int)number;
        }

        throw Wrong(name, value, "a whole number");
    }

    /// <summary>A token id, or the first of several.</summary>
    public int? Token(string name) => Find(name) switch
    {
        { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() > 0 && list[0].ValueKind == JsonValueKind.Number => list[0].GetInt32(),
        { ValueKind: JsonValueKind.Array } => null,
        _ => OptionalInt(name),
    };

    public double Number(string name, double otherwise)
    {
        if (Find(name) is not { } value) return otherwise;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number)) return number;
        throw Wrong(name, value, "a number");
    }

    public bool Flag(string name, bool otherwise) => Find(name) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => throw Wrong(name, value, "true or false"),
    };

    public string? Text(string name) => Find(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        { } value => throw Wrong(name, value, "a string"),
    };

    public ConfigFile? Object(string name) => Find(name) is { } value ? new ConfigFile(Path, value, $"{_prefix}{name}.") : null;

    public IReadOnlyList<string>? Texts(string name)
    {
        if (Find(name) is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
            throw Wrong(name, value, "a list of strings");
        return [.. value.EnumerateArray().Select(item => item.GetString()!)];
    }

    public float[] Floats(string name)
    {
        if (Find(name) is not { } value) throw Missing(name);
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.Number))
            throw Wrong(name, value, "a list of numbers");
        return [.. value.EnumerateArray().Select(item => (float)item.GetDouble())];
    }

    /// <summary>The activation that a property names as transformers does.</summary>
    public Activation Activation(string name, string otherwise)
    {
        string text = Text(name) ?? otherwise;
        return text switch
        {
            "gelu" or "gelu_python" => Kernels.Activation.Gelu,
            "gelu_new" or "gelu_fast" or "gelu_pytorch_tanh" => Kernels.Activation.GeluTanh,
            "silu" or "swish" => Kernels.Activation.Silu,
            "relu" => Kernels.Activation.Relu,
            _ => throw Unsupported(name, text, "gelu, gelu_new, gelu_pytorch_tanh, silu or relu"),
        };
    }

    /// <summary>Refuses a value that Winnow does not compute.</summary>
    public ModelException Unsupported(string name, string found, string expected) =>
        new(Path, $"`{_prefix}{name}` is `{found}`, which is not supported; expected {expected}");

    private JsonElement? Find(string name) =>
        _root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private ModelException Missing(string name) => new(Path, $"no property `{_prefix}{name}`");

    private ModelException Wrong(string name, JsonElement value, string expected)
    {
        string text = value.GetRawText();
        return new ModelException(Path, $"`{_prefix}{name}` is {(text.Length > 40 ? text[..40] + "…" : text)}; expected {expected}");
    }
}
