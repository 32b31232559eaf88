using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Winnow.Data.Tokenizers;

/// <summary>The model of `tokenizer.json`: its vocabulary and merges, checked against each other.</summary>
/// <param name="Vocabulary">Id by token, as the file spells it.</param>
/// <param name="Model">Text to ids.</param>
/// <param name="Kind">For people.</param>
internal sealed record ReadModel(Dictionary<string, int> Vocabulary, SubwordModel Model, string Kind)
{
    public static ReadModel From(TokenizerJson json, bool isByteLevel)
    {
        // Older files leave the type out.
        string type = json.Get("type").TextOrNull() ?? (json.Get("merges").IsNothing ? "nothing" : "BPE");
        return type switch
        {
            "BPE" => BytePair(json, isByteLevel),
            "Unigram" => Unigram(json, isByteLevel),
            _ => throw json.Unsupported($"the model `{type}`"),
        };
    }

    private static ReadModel BytePair(TokenizerJson json, bool isByteLevel)
    {
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (!string.IsNullOrEmpty(json.Get(affix).TextOrNull())) throw json.Unsupported($"`{affix}`");
        }

        if (!json.Get("dropout").IsNothing && json.Get("dropout").Number() != 0) throw json.Unsupported("`dropout`");
        Dictionary<string, int> vocabulary = ReadVocabulary(json.Get("vocab"));
        var tokens = new byte[]?[vocabulary.Count == 0 ? 0 : vocabulary.Values.Max() + 1];
        foreach ((string token, int id) in vocabulary)
            tokens[id] = isByteLevel ? ByteAlphabet.Read(token) : Encoding.UTF8.GetBytes(token);
        bool ignoresMerges = json.Get("ignore_merges").Flag(false);
        List<(int Left, int Right, int Merged)> merges = Merges(json.Get("merges"), vocabulary, tokens);
        if (merges.Count == 0 && !ignoresMerges && tokens.Count(t => t is { Length: > 1 }) > tokens.Length / 2)
            throw json.Get("merges").Error("no merges, so that no token longer than a character can be made", "`merges.txt` may have been left out when the file was written");

        int[] fallback = json.Get("byte_fallback").Flag(false) ? ByteFallback(json, vocabulary) : [];
        string? unknown = json.Get("unk_token").TextOrNull();
        int unknownId = -1;
        if (unknown is not null && !vocabulary.TryGetValue(unknown, out unknownId))
            throw json.Get("unk_token").Error($"`{unknown}` is not in the vocabulary");
        var definition = new BytePairDefinition
        {
            Tokens = tokens,
            Merges = merges,
            IsByteLevel = isByteLevel,
            ByteFallback = fallback,
            UnknownId = unknownId,
            FusesUnknown = json.Get("fuse_unk").Flag(false),
            IgnoresMerges = ignoresMerges,
        };
        string kind = isByteLevel ? "byte-level BPE" : fallback.Length > 0 ? "BPE with byte fallback" : "BPE over characters";
        return new ReadModel(vocabulary, new BytePairModel(definition), kind);
    }

    private static ReadModel Unigram(TokenizerJson json, bool isByteLevel)
    {
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        var tokens = new List<(byte[] Text, double Score)>();
        foreach (TokenizerJson entry in json.Get("vocab").Items())
        {
            if (entry.Value.ValueKind != JsonValueKind.Array || entry.Value.GetArrayLength() != 2)
                throw entry.Error("expected a token and its score");
            string token = new TokenizerJson(entry.Value[0], entry.File, entry.Path).Text();
            vocabulary[token] = tokens.Count;
            tokens.Add((Encoding.UTF8.GetBytes(token), new TokenizerJson(entry.Value[1], entry.File, entry.Path).Number()));
        }

        TokenizerJson unknown = json.Get("unk_id");
        int unknownId = unknown.IsNothing ? -1 : unknown.Id();
        if (unknownId >= tokens.Count) throw unknown.Error($"{unknownId} is not in the vocabulary of {tokens.Count}");
        if (isByteLevel) throw json.Unsupported("Unigram over bytes");
        if (unknownId < 0) throw unknown.Unsupported("Unigram without `unk_id`");
        int[] fallback = json.Get("byte_fallback").Flag(false) ? ByteFallback(json, vocabulary) : [];
        return new ReadModel(vocabulary, new UnigramModel(tokens, unknownId, fallback), "Unigram");
    }

    private static Dictionary<string, int> ReadVocabulary(TokenizerJson json)
    {
        if (json.Value.ValueKind != JsonValueKind.Object) throw json.Error("expected an object of tokens and ids");
        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        try
        {
            foreach (JsonProperty entry in json.Value.EnumerateObject())
                vocabulary[entry.Name] = new TokenizerJson(entry.Value, json.File, json.Path).Id();
        }
        catch (InvalidOperationException)
        {
            throw json.Error("half of a surrogate pair stands alone in a token");
        }

        return vocabulary;
    }

    /// <summary>Merges, written as `"a b"` or as `["a", "b"]`.</summary>
    private static List<(int Left, int Right, int Merged)> Merges(TokenizerJson json, Dictionary<string, int> vocabulary, byte[]?[] tokens)
    {
        if (json.IsNothing) throw json.Error("BPE without `merges`");
        var merges = new List<(int Left, int Right, int Merged)>();
        foreach (TokenizerJson merge in json.Items())
        {
            (string left, string right) = Pair(merge);
            string? missing = !vocabulary.TryGetValue(left, out int leftId) ? left
                : !vocabulary.TryGetValue(right, out int rightId) ? right
                : !vocabulary.TryGetValue(left + right, out int mergedId) ? left + right
                : null;
            if (missing is not null) throw merge.Error($"merges `{left}` and `{right}`, but `{missing}` is not in the vocabulary");
            (rightId, mergedId) = (vocabulary[right], vocabulary[left + right]);
            // A merge of tokens outside the byte alphabet can never apply.
            if (tokens[leftId] is { Length: > 0 } && tokens[rightId] is { Length: > 0 }) merges.Add((leftId, rightId, mergedId));
        }

        return merges;
    }

    private static (string Left, string Right) Pair(TokenizerJson merge)
    {
        if (merge.Value.ValueKind == JsonValueKind.Array && merge.Value.GetArrayLength() == 2)
        {
            TokenizerJson[] parts = [.. merge.Items()];
            return (parts[0].Text(), parts[1].Text());
        }

        string text = merge.Value.ValueKind == JsonValueKind.String ? merge.Text() : "";
        int space = text.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0 || text.IndexOf(' ', space + 1) >= 0) throw merge.Error("expected two tokens");
        return (text[..space], text[(space + 1)..]);
    }

    private static int[] ByteFallback(TokenizerJson json, Dictionary<string, int> vocabulary)
    {
        var ids = new int[256];
        int missing = 0;
        for (int b = 0; b < 256; b++)
        {
            if (!vocabulary.TryGetValue(string.Create(CultureInfo.InvariantCulture, $"<0x{b:X2}>"), out ids[b])) missing++;
        }

        if (missing == 0) return ids;
        return missing == 256 ? [] : throw json.Unsupported($"byte fallback without {missing} of the 256 tokens `<0x00>` to `<0xFF>`");
    }
}
