namespace Winnow.Data.Tokenizers;

/// <summary>What to do with the text of a special token (`&lt;|endoftext|&gt;`) that stands inside a document.</summary>
public enum SpecialInText
{
    /// <summary>It becomes the special token, as in Hugging Face tokenizers.</summary>
    Match,

    /// <summary>It is text like any other.</summary>
    Literal,
}
