using System.Text.Json;
using Winnow.Models.Families;

namespace Winnow.Models.Checkpoints;

/// <summary>Writes <c>config.json</c> so that transformers 4 and 5 load the model.</summary>
internal static class ConfigWriter
{
    /// <summary>Writes beside <paramref name="path"/> and renames.</summary>
    public static void Write(string path, DecoderConfig config, int? endOfText) => WrittenFile.Write(path, file =>
    {
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        Family.All[config.Family].Write(config, json);
        WriteToken(json, "bos_token_id", endOfText);
        WriteToken(json, "eos_token_id", endOfText);
        json.WriteNumber("initializer_range", 0.02);
        json.WriteString("model_type", config.Family);
        json.WriteString("torch_dtype", "float32");
        json.WriteBoolean("use_cache", true);
        json.WriteNumber("vocab_size", config.VocabularySize);
        json.WriteEndObject();
    });

    private static void WriteToken(Utf8JsonWriter json, string name, int? id)
    {
        if (id is { } known) json.WriteNumber(name, known);
        else json.WriteNull(name);
    }
}
