using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Winnow.Data.Tokenizers;

/// <summary>Everything that a tokenizer directory says, ready to use.</summary>
internal sealed record TokenizerParts(
    TokenizerPipeline Pipeline,
    TokenDecoder Decoder,
    Dictionary<string, int> Ids,
    IReadOnlySet<int> Special,
    List<int> Prefix,
    List<int> Suffix,
    string Kind,
    byte[] Json)
{
    public string Hash { get; } = Convert.ToHexStringLower(SHA256.HashData(Json));
}

/// <summary>Reads `tokenizer.json`.</summary>
internal static class TokenizerReader
{
    /// <summary>Higher ids are taken for damage.</summary>
    public const int HighestId = (1 << 24) - 1;

    /// <summary>Reads the whole file.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="file">Its name, for complaints.</param>
    public static TokenizerParts Read(byte[] bytes, string file)
    {
        using JsonDocument document = TokenizerJson.Parse(bytes, file);
        var json = new TokenizerJson(document.RootElement, file, "");
        if (document.RootElement.ValueKind != JsonValueKind.Object || json.Get("model").IsNothing)
            throw json.Error("not a tokenizer: there is no `model`");
        if (!json.Get("truncation").IsNothing) throw json.Get("truncation").Unsupported("a tokenizer that truncates");
        if (!json.Get("padding").IsNothing) throw json.Get("padding").Unsupported("a tokenizer that pads");

        bool isByteLevel = false;
        List<Transform> normalizers = ComponentReader.Normalizers(json.Get("normalizer"));
        List<Stage> preTokenizers = ComponentReader.PreTokenizers(json.Get("pre_tokenizer"), ref isByteLevel);
        ReadModel model = ReadModel.From(json.Get("model"), isByteLevel);
        List<AddedToken> added = AddedTokens(json.Get("added_tokens"), model.Vocabulary);
        var ids = new Dictionary<string, int>(model.Vocabulary, StringComparer.Ordinal);
        foreach (AddedToken token in added) ids[token.Content] = token.Id;
        (List<int> prefix, List<int> suffix) = ComponentReader.PostProcessor(json.Get("post_processor"));

        var stages = new List<Stage>();
        AddMatcher(stages, added.Where(token => !token.Normalized), []);
        stages.AddRange(normalizers.Select(normalizer => new TransformStage(normalizer)));
        AddMatcher(stages, added.Where(token => token.Normalized), normalizers);
        stages.AddRange(preTokenizers);
        return new TokenizerParts(
            new TokenizerPipeline(stages, model.Model),
            ComponentReader.Decoder(json.Get("decoder")),
            ids,
            new HashSet<int>(added.Where(token => token.Special).Select(token => token.Id)),
            prefix,
            suffix,
            model.Kind,
            bytes);
    }

    private static void AddMatcher(List<Stage> stages, IEnumerable<AddedToken> tokens, List<Transform> normalizers)
    {
        // Special tokens come first where two are spelt alike.
        var matcher = new AddedTokenMatcher([.. tokens.OrderByDescending(t => t.Special).Select(t => (Normalize(t.Content, normalizers), t))]);
        if (!matcher.IsEmpty) stages.Add(new AddedTokenStage(matcher));
    }

    private static byte[] Normalize(string content, List<Transform> normalizers)
    {
        byte[] text = Encoding.UTF8.GetBytes(content);
        var output = new TextBuffer();
        foreach (Transform normalizer in normalizers)
        {
            output.Reset(tracksEnds: false);
            if (normalizer.Apply(new TextView(text, default, 0), atStart: true, output)) text = output.Bytes.ToArray();
        }

        return text;
    }

    /// <summary>Added tokens with the ids that Hugging Face gives them, which must be those of the file.</summary>
    private static List<AddedToken> AddedTokens(TokenizerJson json, Dictionary<string, int> vocabulary)
    {
        var tokens = new List<AddedToken>();
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        int highest = -1;
        foreach (TokenizerJson entry in json.Items())
        {
            string content = entry.Get("content").Text();
            int id = entry.Get("id").Id();
            if (content.Length == 0) continue;
            int expected = known.TryGetValue(content, out int same) || vocabulary.TryGetValue(content, out same) ? same
                : Math.Max(highest + 1, vocabulary.Count);
            if (id != expected)
                throw entry.Error($"`{content}` has id {id} here, but {expected} by the vocabulary and the tokens before it",
                    "the file was edited or is damaged: take it from the original checkpoint");
            known[content] = id;
            highest = Math.Max(highest, id);
            tokens.Add(new AddedToken(
                id,
                content,
                entry.Get("special").Flag(false),
                entry.Get("normalized").Flag(true),
                entry.Get("single_word").Flag(false),
                entry.Get("lstrip").Flag(false),
                entry.Get("rstrip").Flag(false)));
        }

        return tokens;
    }
}
