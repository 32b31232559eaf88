using System.Text.Json;

namespace Winnow.Data.Corpus;

/// <summary>What a line has, in words, for the message about what it lacks.</summary>
internal static class JsonNames
{
    private const int MostNames = 12;

    /// <summary>The properties of the root object: <c>`id`, `content`</c>.</summary>
    internal static string Of(ReadOnlySpan<byte> line)
    {
        List<string> names = [];
        Utf8JsonReader reader = new(line, new JsonReaderOptions { MaxDepth = 1000 });
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            names.Add("`" + Printable(reader.ValueSpan) + "`");
            reader.Skip();
        }
        if (names.Count == 0) return "no properties";
        return string.Join(", ", names.Take(MostNames)) + (names.Count > MostNames ? ", …" : "");
    }

    /// <summary>A kind of value.</summary>
    internal static string Of(JsonKind kind) => kind switch
    {
        JsonKind.Missing => "missing",
        JsonKind.String => "a string",
        JsonKind.Number => "a number",
        JsonKind.Boolean => "true or false",
        JsonKind.Null => "null",
        JsonKind.Object => "an object",
        JsonKind.Array => "an array",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static string Printable(ReadOnlySpan<byte> name)
    {
        string text = System.Text.Encoding.UTF8.GetString(name.Length > 60 ? name[..60] : name);
        return name.Length > 60 ? text + "…" : text;
    }
}
