using System.Text;

namespace Winnow.Data.Tokenizers;

/// <summary>Normalizers, pre-tokenizers, decoders and post-processors of `tokenizer.json`. What is not known is refused by name.</summary>
internal static class ComponentReader
{
    public static List<Transform> Normalizers(TokenizerJson json)
    {
        if (json.IsNothing) return [];
        return TypeOf(json) switch
        {
            "Sequence" => [.. json.Get("normalizers").Items().SelectMany(Normalizers)],
            "NFC" => [new CompositionTransform(composes: true)],
            "NFD" => [new CompositionTransform(composes: false)],
            "Prepend" => [new PrependTransform(Bytes(json.Get("prepend")))],
            "Replace" => [Replace(json)],
            "Strip" => [new StripTransform(json.Get("strip_left").Flag(true), json.Get("strip_right").Flag(true))],
            "Precompiled" => [new CharacterMapTransform(CharacterMap(json.Get("precompiled_charsmap")), json.Place)],
            string type => throw json.Unsupported($"the normalizer `{type}`"),
        };
    }

    /// <summary>The stages of a pre-tokenizer. Where it ends with ByteLevel, the model works on bytes.</summary>
    public static List<Stage> PreTokenizers(TokenizerJson json, ref bool isByteLevel)
    {
        if (json.IsNothing) return [];
        if (isByteLevel) throw json.Unsupported("a pre-tokenizer after `ByteLevel`");
        switch (TypeOf(json))
        {
            case "Sequence":
                var stages = new List<Stage>();
                foreach (TokenizerJson part in json.Get("pretokenizers").Items()) stages.AddRange(PreTokenizers(part, ref isByteLevel));
                return stages;
            case "ByteLevel":
                isByteLevel = true;
                return ByteLevel(json);
            case "Split":
                return [Split(json)];
            case "Digits":
                return [new SplitterStage(new ClassSplitter(CharacterClass.Number, json.Get("individual_digits").Flag(false)))];
            case "Punctuation":
                return [Punctuation(json)];
            case "WhitespaceSplit":
                return [new SplitterStage(new WhiteSpaceSplitter())];
            case "Metaspace":
                return Metaspace(json);
            case var type:
                throw json.Unsupported($"the pre-tokenizer `{type}`");
        }
    }

    public static TokenDecoder Decoder(TokenizerJson json)
    {
        if (json.IsNothing) return new SpacedDecoder();
        switch (TypeOf(json))
        {
            case "Sequence":
                return new DecoderSequence([.. json.Get("decoders").Items().Select(Decoder)]);
            case "ByteLevel":
                return new ByteLevelDecoder();
            case "Replace":
                TokenizerJson literal = json.Get("pattern").Get("String");
                if (literal.IsNothing) throw json.Unsupported("the decoder `Replace` with a pattern that is not a `String`");
                return new ReplaceDecoder(Pattern(literal), Bytes(json.Get("content")));
            case "ByteFallback":
                return new ByteFallbackDecoder();
            case "Fuse":
                return new FuseDecoder();
            case "Strip":
                return new StripDecoder(Pattern(json.Get("content")), json.Get("start").Id(), json.Get("stop").Id());
            case "Metaspace":
                return new MetaspaceDecoder(Replacement(json), Scheme(json) != PrependScheme.Never);
            case var type:
                throw json.Unsupported($"the decoder `{type}`");
        }
    }

    /// <summary>The ids that a post-processor puts before and after a text.</summary>
    public static (List<int> Prefix, List<int> Suffix) PostProcessor(TokenizerJson json)
    {
        if (json.IsNothing) return ([], []);
        switch (TypeOf(json))
        {
            case "ByteLevel":
                return ([], []);
            case "Sequence":
                var (prefix, suffix) = (new List<int>(), new List<int>());
                foreach (TokenizerJson part in json.Get("processors").Items())
                {
                    (List<int> before, List<int> after) = PostProcessor(part);
                    prefix.InsertRange(0, before);
                    suffix.AddRange(after);
                }

                return (prefix, suffix);
            case "TemplateProcessing":
                return Template(json);
            case "RobertaProcessing" or "BertProcessing":
                return ([IdOfPair(json.Get("cls"))], [IdOfPair(json.Get("sep"))]);
            case var type:
                throw json.Unsupported($"the post-processor `{type}`");
        }
    }

    private static string TypeOf(TokenizerJson json) => json.Get("type").Text();

    private static byte[] Bytes(TokenizerJson json) => Encoding.UTF8.GetBytes(json.Text());

    /// <summary>A text to look for: not empty.</summary>
    private static byte[] Pattern(TokenizerJson json) => Bytes(json) is { Length: > 0 } bytes ? bytes : throw json.Error("an empty pattern");

    private static byte[] CharacterMap(TokenizerJson json) =>
        json.Value.ValueKind == System.Text.Json.JsonValueKind.String && json.Value.TryGetBytesFromBase64(out byte[]? map)
            ? map
            : throw json.Error("expected base64");

    private static Transform Replace(TokenizerJson json)
    {
        byte[] content = Bytes(json.Get("content"));
        TokenizerJson literal = json.Get("pattern").Get("String"), regex = json.Get("pattern").Get("Regex");
        if (!literal.IsNothing) return new ReplaceTransform(Pattern(literal), content);
        return new PatternReplaceTransform(new Utf8Pattern(RegexTranslator.Translate(regex.Text(), regex.Place)), content);
    }

    private static List<Stage> ByteLevel(TokenizerJson json)
    {
        var stages = new List<Stage>();
        if (json.Get("add_prefix_space").Flag(true)) stages.Add(new TransformStage(new PrefixSpaceTransform()));
        if (json.Get("use_regex").Flag(true)) stages.Add(new SplitterStage(new Gpt2Splitter()));
        return stages;
    }

    private static Stage Split(TokenizerJson json)
    {
        SplitBehavior behavior = Behavior(json.Get("behavior"));
        bool invert = json.Get("invert").Flag(false);
        TokenizerJson literal = json.Get("pattern").Get("String"), regex = json.Get("pattern").Get("Regex");
        if (!literal.IsNothing && !invert) return new SplitterStage(new LiteralSplitter(Pattern(literal), behavior));
        if (!literal.IsNothing) throw json.Unsupported("an inverted `Split` by a `String`");

        // The known patterns match all of every text: isolating matches and removing the rest come to the same.
        bool eachMatch = behavior == SplitBehavior.Isolated || (behavior == SplitBehavior.Removed && invert);
        string pattern = regex.Text();
        if (eachMatch && pattern == Gpt2Splitter.Pattern) return new SplitterStage(new Gpt2Splitter());
        if (eachMatch && ClauseSplitter.For(pattern) is ClauseSplitter known) return new SplitterStage(known);
        return new PatternStage(new RegexSplitter(new Utf8Pattern(RegexTranslator.Translate(pattern, regex.Place)), behavior, invert));
    }

    private static SplitterStage Punctuation(TokenizerJson json)
    {
        TokenizerJson behavior = json.Get("behavior");
        bool individually = (behavior.IsNothing ? SplitBehavior.Isolated : Behavior(behavior)) switch
        {
            SplitBehavior.Isolated => true,
            SplitBehavior.Contiguous => false,
            _ => throw behavior.Unsupported($"`{behavior.Text()}` of `Punctuation`"),
        };
        return new SplitterStage(new ClassSplitter(CharacterClass.Punctuation, individually));
    }

    private static SplitBehavior Behavior(TokenizerJson json) => json.Text() switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        string other => throw json.Unsupported($"the behaviour `{other}`"),
    };

    private static List<Stage> Metaspace(TokenizerJson json)
    {
        byte[] replacement = Replacement(json);
        var stages = new List<Stage> { new TransformStage(new MetaspaceTransform(replacement, Scheme(json))) };
        if (json.Get("split").Flag(true)) stages.Add(new SplitterStage(new LiteralSplitter(replacement, SplitBehavior.MergedWithNext)));
        return stages;
    }

    private static byte[] Replacement(TokenizerJson json)
    {
        TokenizerJson replacement = json.Get("replacement");
        return replacement.IsNothing ? "▁"u8.ToArray() : Pattern(replacement);
    }

    /// <summary>The scheme, or what the older `add_prefix_space` says.</summary>
    private static PrependScheme Scheme(TokenizerJson json)
    {
        TokenizerJson scheme = json.Get("prepend_scheme");
        if (scheme.IsNothing) return json.Get("add_prefix_space").Flag(true) ? PrependScheme.Always : PrependScheme.Never;
        return scheme.Text() switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            string other => throw scheme.Unsupported($"`{other}`"),
        };
    }

    private static (List<int> Prefix, List<int> Suffix) Template(TokenizerJson json)
    {
        var (prefix, suffix) = (new List<int>(), new List<int>());
        bool seenText = false;
        foreach (TokenizerJson piece in json.Get("single").Items())
        {
            TokenizerJson special = piece.Get("SpecialToken");
            if (special.IsNothing)
            {
                if (seenText || piece.Get("Sequence").Get("id").Text() != "A") throw piece.Unsupported("a template of one text that does not hold it once");
                seenText = true;
                continue;
            }

            IEnumerable<int> ids = json.Get("special_tokens").Get(special.Get("id").Text()).Get("ids").Items().Select(id => id.Id());
            (seenText ? suffix : prefix).AddRange(ids);
        }

        if (!seenText) throw json.Get("single").Unsupported("a template without the text");
        return (prefix, suffix);
    }

    private static int IdOfPair(TokenizerJson json) => json.Items().ElementAt(1).Id();
}
