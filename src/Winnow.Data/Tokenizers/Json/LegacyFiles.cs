using System.Text;
using System.Text.Json;

namespace Winnow.Data.Tokenizers;

/// <summary>Makes a `tokenizer.json` of `vocab.json` and `merges.txt`, as older checkpoints carry them.</summary>
internal static class LegacyFiles
{
    private const string QwenPattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public static byte[] Convert(string directory, TokenizerConfig config)
    {
        string vocabulary = Path.Combine(directory, "vocab.json"), merges = Path.Combine(directory, "merges.txt");
        if (!File.Exists(vocabulary) || !File.Exists(merges)) throw Missing(directory, vocabulary, merges);
        bool isQwen = config.Class is "Qwen2Tokenizer" or "Qwen2TokenizerFast";
        if (!isQwen && config.Class is not (null or "GPT2Tokenizer" or "GPT2TokenizerFast"))
        {
            throw new TokenizerException(
                Path.Combine(directory, "tokenizer_config.json"),
                $"`vocab.json` and `merges.txt` of a `{config.Class}` are not supported",
                Conversion);
        }

        List<KeyValuePair<string, int>> tokens = Vocabulary(vocabulary);
        var ids = new Dictionary<string, int>(tokens, StringComparer.Ordinal);
        var special = new List<KeyValuePair<string, int>>();
        foreach (string? token in (string?[])[config.BeginOfText, config.EndOfText, config.Unknown])
        {
            if (token is not null && special.All(s => s.Key != token))
                special.Add(KeyValuePair.Create(token, ids.TryGetValue(token, out int id) ? id : tokens.Count + special.Count(s => !ids.ContainsKey(s.Key))));
        }

        return TokenizerWriter.Write(new TokenizerWriter.ByteLevel
        {
            Vocabulary = tokens,
            Merges = Merges(merges),
            Special = [.. special.OrderBy(s => s.Value)],
            Pattern = isQwen ? QwenPattern : null,
            Composes = isQwen,
            Prefix = config.AddsBeginOfText && config.BeginOfText is string begin ? special.First(s => s.Key == begin) : null,
        });
    }

    private const string Conversion = "make a `tokenizer.json` with transformers: `AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)`";

    private static TokenizerException Missing(string directory, string vocabulary, string merges)
    {
        if (!Directory.Exists(directory)) return new TokenizerException(directory, "no such directory or file");
        if (File.Exists(Path.Combine(directory, "tokenizer.model")))
            return new TokenizerException(directory, "there is `tokenizer.model` (SentencePiece), but no `tokenizer.json`", Conversion);
        if (File.Exists(vocabulary) != File.Exists(merges))
        {
            string missing = File.Exists(vocabulary) ? "merges.txt" : "vocab.json";
            return new TokenizerException(directory, $"no `tokenizer.json`, and `{missing}` is missing beside its other half", "download both");
        }

        return new TokenizerException(directory, "no `tokenizer.json`, and no `vocab.json` with `merges.txt`", "name a directory that holds a tokenizer");
    }

    private static List<KeyValuePair<string, int>> Vocabulary(string file)
    {
        using JsonDocument document = TokenizerJson.Parse(File.ReadAllBytes(file), file);
        var json = new TokenizerJson(document.RootElement, file, "");
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw json.Error("expected an object of tokens and ids");
        return [.. document.RootElement.EnumerateObject().Select(entry => KeyValuePair.Create(entry.Name, new TokenizerJson(entry.Value, file, "").Id())).OrderBy(t => t.Value)];
    }

    private static List<(string Left, string Right)> Merges(string file)
    {
        var merges = new List<(string, string)>();
        long number = 0;
        foreach (string line in File.ReadLines(file, Encoding.UTF8))
        {
            number++;
            if (line.Length == 0 || line.StartsWith("#version", StringComparison.Ordinal)) continue;
            string[] parts = line.Split(' ');
            if (parts.Length != 2) throw new TokenizerException($"{file}:{number}", "expected two tokens and a space between them");
            merges.Add((parts[0], parts[1]));
        }

        return merges;
    }
}
