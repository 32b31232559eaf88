namespace Winnow.Data.Tokenizers;

/// <summary>A tokenizer that cannot be read, or that asks for something Winnow does not do: place, what was found, what to do.</summary>
/// <param name="place">File, and the part of it, that is wrong.</param>
/// <param name="found">What was found, and what was expected.</param>
/// <param name="hint">What to do about it.</param>
public sealed class TokenizerException(string place, string found, string? hint = null) : CorpusException(place, found, hint);
