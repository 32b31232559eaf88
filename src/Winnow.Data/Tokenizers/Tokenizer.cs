using System.Text;
using System.Text.Json;

namespace Winnow.Data.Tokenizers;

/// <summary>Text to ids and back, exactly as Hugging Face tokenizers does it. Immutable: shared by all threads.</summary>
public sealed class Tokenizer
{
    private static readonly string[] UsualEnds = ["<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>"];

    private readonly TokenizerParts _parts;
    private readonly string?[] _tokens;
    private readonly Lazy<TokenTexts> _texts;

    private Tokenizer(TokenizerParts parts, TokenizerConfig config)
    {
        _parts = parts;
        VocabularySize = parts.Ids.Count == 0 ? 0 : parts.Ids.Values.Max() + 1;
        _tokens = new string?[VocabularySize];
        foreach ((string token, int id) in parts.Ids) _tokens[id] = token;
        _texts = new Lazy<TokenTexts>(() => new TokenTexts(this));
        Config = config;
        EndOfText = config.EndOfText is string end ? IdOf(end) : UsualEnds.Select(IdOf).FirstOrDefault(id => id is not null);
        BeginOfText = config.BeginOfText is string begin ? IdOf(begin) : null;
    }

    /// <summary>Reads `tokenizer.json` (or `vocab.json` and `merges.txt`) with `tokenizer_config.json` beside it, if there.</summary>
    /// <param name="directoryOrFile">A model directory, or the `tokenizer.json` itself.</param>
    /// <exception cref="TokenizerException">The file is damaged, or uses a component Winnow does not know: it is named.</exception>
    public static Tokenizer Load(string directoryOrFile)
    {
        ArgumentException.ThrowIfNullOrEmpty(directoryOrFile);
        bool isFile = File.Exists(directoryOrFile);
        string directory = isFile ? Path.GetDirectoryName(Path.GetFullPath(directoryOrFile))! : directoryOrFile;
        string file = isFile ? directoryOrFile : Path.Combine(directory, "tokenizer.json");
        TokenizerConfig config = TokenizerConfig.Read(directory);
        if (File.Exists(file)) return new Tokenizer(TokenizerReader.Read(File.ReadAllBytes(file), file), config);
        return new Tokenizer(TokenizerReader.Read(LegacyFiles.Convert(directory, config), Path.Combine(directory, "vocab.json")), config);
    }

    /// <summary>A tokenizer from the bytes of a `tokenizer.json`.</summary>
    internal static Tokenizer Parse(byte[] json, string place, TokenizerConfig? config = null) =>
        new(TokenizerReader.Read(json, place), config ?? new TokenizerConfig());

    /// <summary>Writes `tokenizer.json` and `tokenizer_config.json`; the `tokenizer.json` of a loaded tokenizer is written byte for byte.</summary>
    /// <param name="directory">Created when missing.</param>
    public void Save(string directory)
    {
        Directory.CreateDirectory(directory);
        TokenizerWriter.WriteFile(Path.Combine(directory, "tokenizer.json"), _parts.Json);
        string? end = EndOfText is int endId ? TokenOf(endId) : null;
        string? begin = BeginOfText is int beginId ? TokenOf(beginId) : null;
        TokenizerWriter.WriteFile(Path.Combine(directory, "tokenizer_config.json"), Config.Json ?? TokenizerWriter.ConfigJson(begin, end));
    }

    /// <summary>Highest id plus one.</summary>
    public int VocabularySize { get; }

    /// <summary>The token that ends a text, from `tokenizer_config.json` or by its usual name; null when there is none.</summary>
    public int? EndOfText { get; }

    /// <summary>The token that begins a text, where the tokenizer names one.</summary>
    public int? BeginOfText { get; }

    /// <summary>Ids that the post-processor puts before a text.</summary>
    public IReadOnlyList<int> Prefix => _parts.Prefix;

    /// <summary>Ids that the post-processor puts after a text.</summary>
    public IReadOnlyList<int> Suffix => _parts.Suffix;

    /// <summary>Model and alphabet, for people: `byte-level BPE`, `BPE with byte fallback`, `Unigram`.</summary>
    public string Kind => _parts.Kind;

    /// <summary>SHA-256 of `tokenizer.json`, lower-case hexadecimal.</summary>
    public string Hash => _parts.Hash;

    internal TokenizerConfig Config { get; }

    /// <summary>The `tokenizer.json`.</summary>
    internal ReadOnlyMemory<byte> Json => _parts.Json;

    /// <summary>An encoder for one thread: it owns scratch memory and a cache of words.</summary>
    /// <param name="specialInText">What special tokens inside the text become.</param>
    public TokenEncoder CreateEncoder(SpecialInText specialInText = SpecialInText.Match) => new(_parts.Pipeline, specialInText);

    /// <summary>The bytes these ids stand for, special tokens written out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id that the vocabulary does not have.</exception>
    public byte[] Decode(ReadOnlySpan<int> ids) => Decode(ids, skipSpecial: false);

    /// <summary>The bytes these ids stand for.</summary>
    /// <param name="ids">Each in [0, <see cref="VocabularySize"/>).</param>
    /// <param name="skipSpecial">Leaves special tokens out.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id that the vocabulary does not have.</exception>
    public byte[] Decode(ReadOnlySpan<int> ids, bool skipSpecial)
    {
        var texts = new List<byte[]>(ids.Length);
        foreach (int id in ids)
        {
            string token = TokenOf(id) ?? throw new ArgumentOutOfRangeException(nameof(ids), id, $"the vocabulary has ids up to {VocabularySize - 1}");
            if (!skipSpecial || !_parts.Special.Contains(id)) texts.Add(Encoding.UTF8.GetBytes(token));
        }

        return ByteLevelDecoder.Joined(_parts.Decoder.Decode(texts));
    }

    /// <summary>What every token adds to a text.</summary>
    public TokenTexts Texts => _texts.Value;

    /// <summary>Id of a token as `tokenizer.json` spells it; null where there is none.</summary>
    public int? IdOf(string token) => _parts.Ids.TryGetValue(token, out int id) ? id : null;

    /// <summary>A token as `tokenizer.json` spells it; null where the id has none.</summary>
    public string? TokenOf(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;
}

/// <summary>What `tokenizer_config.json` (and `special_tokens_map.json`) says that `tokenizer.json` does not.</summary>
internal sealed record TokenizerConfig
{
    public string? Class { get; init; }

    public string? EndOfText { get; init; }

    public string? BeginOfText { get; init; }

    public string? Unknown { get; init; }

    public bool AddsBeginOfText { get; init; }

    /// <summary>The file as it stands; null where there is none.</summary>
    public byte[]? Json { get; init; }

    /// <summary>Reads the files of a directory that are there.</summary>
    public static TokenizerConfig Read(string directory)
    {
        string file = Path.Combine(directory, "tokenizer_config.json"), map = Path.Combine(directory, "special_tokens_map.json");
        byte[]? bytes = File.Exists(file) ? File.ReadAllBytes(file) : null;
        using JsonDocument? config = bytes is null ? null : TokenizerJson.Parse(bytes, file);
        using JsonDocument? tokens = File.Exists(map) ? TokenizerJson.Parse(File.ReadAllBytes(map), map) : null;
        var json = new TokenizerJson(config?.RootElement ?? default, file, "");
        var mapJson = new TokenizerJson(tokens?.RootElement ?? default, map, "");
        return new TokenizerConfig
        {
            Class = json.Get("tokenizer_class").TextOrNull(),
            EndOfText = TokenText(json.Get("eos_token")) ?? TokenText(mapJson.Get("eos_token")),
            BeginOfText = TokenText(json.Get("bos_token")) ?? TokenText(mapJson.Get("bos_token")),
            Unknown = TokenText(json.Get("unk_token")) ?? TokenText(mapJson.Get("unk_token")),
            AddsBeginOfText = json.Get("add_bos_token").Flag(false),
            Json = bytes,
        };
    }

    /// <summary>A token is written as its text, or as an object with `content`.</summary>
    private static string? TokenText(TokenizerJson json) =>
        json.Value.ValueKind == JsonValueKind.Object ? json.Get("content").TextOrNull() : json.TextOrNull();
}
