using System.Globalization;
using System.Text.Json;

namespace Winnow.Data.Tokenizers;

/// <summary>A part of `tokenizer.json` that knows its path, so that every complaint names its place.</summary>
/// <param name="Value">The JSON there.</param>
/// <param name="File">The file.</param>
/// <param name="Path">Dotted path inside it.</param>
internal readonly record struct TokenizerJson(JsonElement Value, string File, string Path)
{
    public string Place => Path.Length == 0 ? File : $"{File}: `{Path}`";

    /// <summary>Whether there is nothing here, or `null`.</summary>
    public bool IsNothing => Value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    /// <summary>Reads a JSON file.</summary>
    public static JsonDocument Parse(byte[] bytes, string file)
    {
        try
        {
            return JsonDocument.Parse(bytes);
        }
        catch (JsonException e)
        {
            string line = e.LineNumber is long number ? ":" + (number + 1).ToString(CultureInfo.InvariantCulture) : "";
            throw new TokenizerException(file + line, "not valid JSON: the file is damaged or cut off", "download or copy it again");
        }
    }

    public TokenizerException Error(string found, string? hint = null) => new(Place, found, hint);

    /// <summary>An error for a component that Winnow does not have.</summary>
    public TokenizerException Unsupported(string what) =>
        Error($"{what} is not supported", "Winnow refuses a tokenizer rather than split text differently from Hugging Face");

    public TokenizerJson Get(string name)
    {
        JsonElement found = default;
        if (Value.ValueKind == JsonValueKind.Object) Value.TryGetProperty(name, out found);
        return new TokenizerJson(found, File, Path.Length == 0 ? name : Path + "." + name);
    }

    public IEnumerable<TokenizerJson> Items()
    {
        if (IsNothing) yield break;
        if (Value.ValueKind != JsonValueKind.Array) throw Error($"expected an array, found {Kind}");
        int index = 0;
        foreach (JsonElement item in Value.EnumerateArray())
            yield return new TokenizerJson(item, File, string.Create(CultureInfo.InvariantCulture, $"{Path}[{index++}]"));
    }

    public string Text()
    {
        if (Value.ValueKind != JsonValueKind.String) throw Error($"expected text, found {Kind}");
        try
        {
            return Value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Error("half of a surrogate pair stands alone here");
        }
    }

    public string? TextOrNull() => IsNothing ? null : Text();

    public bool Flag(bool otherwise) => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Undefined or JsonValueKind.Null => otherwise,
        _ => throw Error($"expected true or false, found {Kind}"),
    };

    public int Id()
    {
        if (Value.ValueKind != JsonValueKind.Number || !Value.TryGetInt32(out int id) || id is < 0 or > TokenizerReader.HighestId)
            throw Error($"expected an id from 0 to {TokenizerReader.HighestId}, found {Value}");
        return id;
    }

    public double Number() => Value.ValueKind == JsonValueKind.Number ? Value.GetDouble() : throw Error($"expected a number, found {Kind}");

    private string Kind => Value.ValueKind == JsonValueKind.Undefined ? "nothing" : $"{Value.ValueKind}".ToLowerInvariant();
}
