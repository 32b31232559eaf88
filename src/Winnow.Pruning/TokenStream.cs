using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Models.Training;

namespace Winnow.Pruning;

/// <summary>How far the writing of a token file is.</summary>
/// <param name="Documents">Documents encoded.</param>
/// <param name="Tokens">Tokens written.</param>
/// <param name="Bytes">Bytes of their text.</param>
public readonly record struct TokenStreamProgress(long Documents, long Tokens, long Bytes);

/// <summary>Text to training data: the ids of every document, each followed by the end-of-text token, in one token file.</summary>
public static class TokenStream
{
    /// <summary>Writes the file; the same for any number of threads.</summary>
    /// <param name="documents">In the order in which they are written.</param>
    /// <param name="tokenizer">Must name an end-of-text token.</param>
    /// <param name="path">The token file.</param>
    /// <param name="threads">Threads that encode.</param>
    /// <param name="progress">Told every thousand documents.</param>
    /// <param name="cancel">Stops; no file is left under the name.</param>
    /// <returns>What was written.</returns>
    public static async Task<TokenStreamProgress> WriteAsync(
        IAsyncEnumerable<Document> documents, Tokenizer tokenizer, string path, int threads,
        IProgress<TokenStreamProgress>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        int end = tokenizer.EndOfText
            ?? throw new CorpusException("tokenizer", "names no end-of-text token, which separates documents in training", "add `eos_token` to its `tokenizer_config.json`");
        var done = default(TokenStreamProgress);
        using var writer = new TokenFile.Writer(path);
        await foreach (EncodedDocument encoded in ParallelEncoder.EncodeAsync(tokenizer, documents, new EncodingOptions { Threads = threads }, cancel).ConfigureAwait(false))
        {
            writer.Add(encoded.Ids);
            writer.Add([end]);
            done = new TokenStreamProgress(done.Documents + 1, writer.Tokens, done.Bytes + encoded.Document.Text.Length);
            if (done.Documents % 1000 == 0) progress?.Report(done);
        }
        writer.Finish();
        return done;
    }
}
