using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Winnow.Data.Corpus;

namespace Winnow.Data.Tokenizers;

/// <summary>A document with its ids.</summary>
/// <param name="Document">The document that was encoded.</param>
/// <param name="Ids">Its ids, without prefix and suffix.</param>
/// <param name="Ends">For every id the byte where its token ends; empty unless asked for.</param>
/// <param name="CarriedSpecial">Whether the text of a special token stood in the document.</param>
public sealed record EncodedDocument(Document Document, int[] Ids, int[] Ends, bool CarriedSpecial);

/// <summary>How documents are encoded.</summary>
public sealed record EncodingOptions
{
    /// <summary>Threads that encode; the result is the same for any number.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Also computes where every token ends.</summary>
    public bool Ends { get; init; }

    /// <summary>What special tokens inside a document become.</summary>
    public SpecialInText SpecialInText { get; init; } = SpecialInText.Match;
}

/// <summary>Encodes documents on several threads and hands them out in their order.</summary>
public static class ParallelEncoder
{
    private const int BatchBytes = 1 << 18;
    private const int BatchDocuments = 256;

    /// <summary>Reads ahead only as far as keeps the threads busy. Documents of token shards, read with this tokenizer, keep their ids.</summary>
    public static async IAsyncEnumerable<EncodedDocument> EncodeAsync(
        Tokenizer tokenizer,
        IAsyncEnumerable<Document> documents,
        EncodingOptions options,
        [EnumeratorCancellation] CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(documents);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        var encoders = new ConcurrentBag<TokenEncoder>();
        var running = new Queue<Task<List<EncodedDocument>>>();
        try
        {
            await foreach (List<Document> batch in Batches(documents, cancel).ConfigureAwait(false))
            {
                // One batch more than threads: while the oldest is handed out, none stands idle.
                while (running.Count > options.Threads)
                {
                    foreach (EncodedDocument document in await running.Dequeue().ConfigureAwait(false)) yield return document;
                }

                running.Enqueue(Task.Run(() => Encode(tokenizer, batch, options, encoders), cancel));
            }

            while (running.Count > 0)
            {
                foreach (EncodedDocument document in await running.Dequeue().ConfigureAwait(false)) yield return document;
            }
        }
        finally
        {
            // Whoever stops early, or fails, leaves no batch running behind.
            await Task.WhenAll(running.Select(task => task.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default)))
                .ConfigureAwait(false);
        }
    }

    private static List<EncodedDocument> Encode(
        Tokenizer tokenizer,
        List<Document> documents,
        EncodingOptions options,
        ConcurrentBag<TokenEncoder> encoders)
    {
        if (!encoders.TryTake(out TokenEncoder? encoder)) encoder = tokenizer.CreateEncoder(options.SpecialInText);
        var encoded = new List<EncodedDocument>(documents.Count);
        List<int> ids = [], ends = [];
        foreach (Document document in documents)
        {
            if (document.Tokens is { } given)
            {
                encoded.Add(new EncodedDocument(document, given.Ids, options.Ends ? given.Ends : [], CarriedSpecial: false));
                continue;
            }

            ids.Clear();
            ends.Clear();
            bool special = encoder.Encode(document.Text.Span, ids, options.Ends ? ends : null);
            encoded.Add(new EncodedDocument(document, [.. ids], [.. ends], special));
        }

        encoders.Add(encoder);
        return encoded;
    }

    private static async IAsyncEnumerable<List<Document>> Batches(
        IAsyncEnumerable<Document> documents,
        [EnumeratorCancellation] CancellationToken cancel)
    {
        var batch = new List<Document>();
        long bytes = 0;
        await foreach (Document document in documents.WithCancellation(cancel).ConfigureAwait(false))
        {
            batch.Add(document);
            bytes += document.Text.Length;
            if (bytes < BatchBytes && batch.Count < BatchDocuments) continue;
            yield return batch;
            (batch, bytes) = ([], 0);
        }

        if (batch.Count > 0) yield return batch;
    }
}
