using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Winnow.Data.Tokenizers;

/// <summary>Writes `tokenizer.json` for byte-level BPE, as Hugging Face tokenizers reads it.</summary>
internal static class TokenizerWriter
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>What a `tokenizer.json` for byte-level BPE is made of.</summary>
    public sealed record ByteLevel
    {
        /// <summary>Tokens in the byte alphabet, by id.</summary>
        public required IReadOnlyList<KeyValuePair<string, int>> Vocabulary { get; init; }

        /// <summary>In order of rank.</summary>
        public required IReadOnlyList<(string Left, string Right)> Merges { get; init; }

        /// <summary>Special tokens with their ids.</summary>
        public required IReadOnlyList<KeyValuePair<string, int>> Special { get; init; }

        /// <summary>Split before the bytes are spelt; null for GPT-2's own pattern.</summary>
        public string? Pattern { get; init; }

        /// <summary>Whether text is brought to form C first.</summary>
        public bool Composes { get; init; }

        /// <summary>Put before every text; null for nothing.</summary>
        public KeyValuePair<string, int>? Prefix { get; init; }
    }

    public static byte[] Write(ByteLevel tokenizer)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Indented))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteNull("truncation");
            json.WriteNull("padding");
            WriteAddedTokens(json, tokenizer.Special);
            if (tokenizer.Composes) WriteType(json, "normalizer", "NFC");
            else json.WriteNull("normalizer");
            WritePreTokenizer(json, tokenizer.Pattern);
            WritePostProcessor(json, tokenizer.Prefix);
            json.WriteStartObject("decoder");
            WriteByteLevel(json, usesPattern: true);
            json.WriteEndObject();
            WriteModel(json, tokenizer);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A `tokenizer_config.json` for `transformers`.</summary>
    public static byte[] ConfigJson(string? begin, string? end)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Indented))
        {
            json.WriteStartObject();
            json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
            if (begin is not null) json.WriteString("bos_token", begin);
            if (end is not null) json.WriteString("eos_token", end);
            json.WriteBoolean("clean_up_tokenization_spaces", false);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Writes a file beside its place, flushes it, and renames it.</summary>
    public static void WriteFile(string path, ReadOnlySpan<byte> bytes)
    {
        string beside = path + ".writing";
        using (var stream = new FileStream(beside, FileMode.Create, FileAccess.Write))
        {
            stream.Write(bytes);
            stream.Flush(flushToDisk: true);
        }

        File.Move(beside, path, overwrite: true);
    }

    private static void WriteAddedTokens(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, int>> tokens)
    {
        json.WriteStartArray("added_tokens");
        foreach ((string content, int id) in tokens)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("content", content);
            foreach (string off in (string[])["single_word", "lstrip", "rstrip", "normalized"]) json.WriteBoolean(off, false);
            json.WriteBoolean("special", true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WritePreTokenizer(Utf8JsonWriter json, string? pattern)
    {
        json.WriteStartObject("pre_tokenizer");
        if (pattern is null)
        {
            WriteByteLevel(json, usesPattern: true);
            json.WriteEndObject();
            return;
        }

        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        json.WriteStartObject();
        json.WriteString("type", "Split");
        json.WriteStartObject("pattern");
        json.WriteString("Regex", pattern);
        json.WriteEndObject();
        json.WriteString("behavior", "Isolated");
        json.WriteBoolean("invert", false);
        json.WriteEndObject();
        json.WriteStartObject();
        WriteByteLevel(json, usesPattern: false);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WritePostProcessor(Utf8JsonWriter json, KeyValuePair<string, int>? prefix)
    {
        if (prefix is not (string token, int id))
        {
            json.WriteNull("post_processor");
            return;
        }

        json.WriteStartObject("post_processor");
        json.WriteString("type", "TemplateProcessing");
        foreach ((string name, string[] texts) in new[] { ("single", new[] { "A" }), ("pair", ["A", "B"]) })
        {
            json.WriteStartArray(name);
            foreach (string text in texts)
            {
                WriteTemplatePiece(json, "SpecialToken", token);
                WriteTemplatePiece(json, "Sequence", text);
            }

            json.WriteEndArray();
        }

        json.WriteStartObject("special_tokens");
        json.WriteStartObject(token);
        json.WriteString("id", token);
        json.WriteStartArray("ids");
        json.WriteNumberValue(id);
        json.WriteEndArray();
        json.WriteStartArray("tokens");
        json.WriteStringValue(token);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteTemplatePiece(Utf8JsonWriter json, string kind, string id)
    {
        json.WriteStartObject();
        json.WriteStartObject(kind);
        json.WriteString("id", id);
        json.WriteNumber("type_id", 0);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json, bool usesPattern)
    {
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", usesPattern);
    }

    private static void WriteType(Utf8JsonWriter json, string name, string type)
    {
        json.WriteStartObject(name);
        json.WriteString("type", type);
        json.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter json, ByteLevel tokenizer)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        foreach (string off in (string[])["fuse_unk", "byte_fallback", "ignore_merges"]) json.WriteBoolean(off, false);
        json.WriteStartObject("vocab");
        foreach ((string token, int id) in tokenizer.Vocabulary) json.WriteNumber(token, id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach ((string left, string right) in tokenizer.Merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(left);
            json.WriteStringValue(right);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
