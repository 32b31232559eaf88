namespace Winnow.Data.Tokenizers;

/// <summary>Text to ids and back, exactly as Hugging Face tokenizers does it. Immutable: shared by all threads.</summary>
public sealed class Tokenizer
{
    private Tokenizer() => throw new NotImplementedException();

    /// <summary>Reads `tokenizer.json` (or `vocab.json` and `merges.txt`) with `tokenizer_config.json` beside it, if there.</summary>
    /// <param name="directoryOrFile">A model directory, or the `tokenizer.json` itself.</param>
    /// <exception cref="TokenizerException">The file is damaged, or uses a component Winnow does not know: it is named.</exception>
    public static Tokenizer Load(string directoryOrFile) => throw new NotImplementedException();

    /// <summary>Writes `tokenizer.json` and `tokenizer_config.json`; the files of a loaded tokenizer are copied byte for byte.</summary>
    /// <param name="directory">Created when missing.</param>
    public void Save(string directory) => throw new NotImplementedException();

    /// <summary>Highest id plus one.</summary>
    public int VocabularySize => throw new NotImplementedException();

    /// <summary>The token that ends a text, from `tokenizer_config.json` or by its usual name; null when there is none.</summary>
    public int? EndOfText => throw new NotImplementedException();

    /// <summary>The token that begins a text, where the tokenizer names one.</summary>
    public int? BeginOfText => throw new NotImplementedException();

    /// <summary>Ids that the post-processor puts before a text.</summary>
    public IReadOnlyList<int> Prefix => throw new NotImplementedException();

    /// <summary>Ids that the post-processor puts after a text.</summary>
    public IReadOnlyList<int> Suffix => throw new NotImplementedException();

    /// <summary>Model and alphabet, for people: `byte-level BPE`, `BPE with byte fallback`, `Unigram`.</summary>
    public string Kind => throw new NotImplementedException();

    /// <summary>SHA-256 of `tokenizer.json`, lower-case hexadecimal.</summary>
    public string Hash => throw new NotImplementedException();

    /// <summary>An encoder for one thread: it owns scratch memory and a cache of words.</summary>
    /// <param name="specialInText">What special tokens inside the text become.</param>
    public TokenEncoder CreateEncoder(SpecialInText specialInText = SpecialInText.Match) => throw new NotImplementedException();

    /// <summary>The bytes these ids stand for, special tokens written out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id that the vocabulary does not have.</exception>
    public byte[] Decode(ReadOnlySpan<int> ids) => throw new NotImplementedException();

    /// <summary>The bytes these ids stand for.</summary>
    /// <param name="ids">Each in [0, <see cref="VocabularySize"/>).</param>
    /// <param name="skipSpecial">Leaves special tokens out.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id that the vocabulary does not have.</exception>
    public byte[] Decode(ReadOnlySpan<int> ids, bool skipSpecial) => throw new NotImplementedException();

    /// <summary>Id of a token as `tokenizer.json` spells it; null where there is none.</summary>
    public int? IdOf(string token) => throw new NotImplementedException();

    /// <summary>A token as `tokenizer.json` spells it; null where the id has none.</summary>
    public string? TokenOf(int id) => throw new NotImplementedException();
}
