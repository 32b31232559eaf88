using Winnow.Data.Corpus;

namespace Winnow.Data.Tokenizers;

/// <summary>Learns a byte-level BPE vocabulary with the GPT-2 pre-tokenizer: the same bytes for any number of threads.</summary>
public static class BytePairTrainer
{
    /// <summary>Counts the words of every document, then merges the most frequent pair until the vocabulary is full.</summary>
    /// <param name="documents">Read once, in order.</param>
    /// <param name="options">Size, special tokens, threads.</param>
    /// <param name="progress">Told about every few megabytes and every few hundred merges.</param>
    /// <param name="cancel">Stops counting and merging.</param>
    /// <returns>A tokenizer whose <see cref="Tokenizer.VocabularySize"/> is less than asked when the corpus has no more pairs to merge.</returns>
    public static Task<Tokenizer> TrainAsync(
        IAsyncEnumerable<Document> documents,
        BytePairOptions options,
        IProgress<BytePairProgress>? progress = null,
        CancellationToken cancel = default) => throw new NotImplementedException();
}
