using Winnow.Data.Corpus;

namespace Winnow.Data.Tokenizers;

/// <summary>Learns a byte-level BPE vocabulary with the GPT-2 pre-tokenizer: the same bytes for any number of threads.</summary>
public static class BytePairTrainer
{
    private const int BatchBytes = 1 << 20;
    private const int ReportEvery = 256;

    /// <summary>Counts the words of every document, then merges the most frequent pair until the vocabulary is full; of pairs seen
    /// equally often the one with the lowest ids.</summary>
    /// <param name="documents">Read once, in order.</param>
    /// <param name="options">Size, special tokens, threads.</param>
    /// <param name="progress">Told about every few megabytes and every few hundred merges.</param>
    /// <param name="cancel">Stops counting and merging.</param>
    /// <returns>A tokenizer whose <see cref="Tokenizer.VocabularySize"/> is less than asked when the corpus has no more pairs to merge.</returns>
    /// <exception cref="TokenizerException">The vocabulary cannot hold the bytes and the special tokens.</exception>
    public static async Task<Tokenizer> TrainAsync(
        IAsyncEnumerable<Document> documents,
        BytePairOptions options,
        IProgress<BytePairProgress>? progress = null,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(documents);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        List<string> special = [.. options.SpecialTokens.Distinct(StringComparer.Ordinal)];
        int wanted = options.VocabularySize - special.Count - 256;
        if (wanted < 0 || options.VocabularySize > TokenizerReader.HighestId)
        {
            throw new TokenizerException(
                $"vocabulary of {options.VocabularySize}",
                $"256 bytes and {special.Count} special tokens need from {256 + special.Count} to {TokenizerReader.HighestId} ids",
                "ask for another size");
        }

        (WordCounter words, BytePairProgress counted) = await CountAsync(documents, options.Threads, progress, wanted, cancel).ConfigureAwait(false);
        return await Task.Run(() => Learn(words, special, options, counted, progress, cancel), cancel).ConfigureAwait(false);
    }

    private static async Task<(WordCounter Words, BytePairProgress Counted)> CountAsync(
        IAsyncEnumerable<Document> documents,
        int threads,
        IProgress<BytePairProgress>? progress,
        int wanted,
        CancellationToken cancel)
    {
        var counted = new BytePairProgress(0, 0, 0, wanted);
        var idle = new Stack<WordCounter>(Enumerable.Range(0, threads).Select(_ => new WordCounter()));
        var running = new List<Task<WordCounter>>();
        await foreach (List<Document> batch in Batches(documents, cancel).ConfigureAwait(false))
        {
            if (idle.Count == 0)
            {
                Task<WordCounter> done = await Task.WhenAny(running).ConfigureAwait(false);
                running.Remove(done);
                idle.Push(await done.ConfigureAwait(false));
            }

            WordCounter counter = idle.Pop();
            running.Add(Task.Run(() => Count(batch, counter), cancel));
            counted = counted with { Documents = counted.Documents + batch.Count, Bytes = counted.Bytes + batch.Sum(d => (long)d.Text.Length) };
            progress?.Report(counted);
        }

        foreach (Task<WordCounter> task in running) idle.Push(await task.ConfigureAwait(false));
        WordCounter all = idle.OrderByDescending(counter => counter.Count).First();
        foreach (WordCounter counter in idle)
        {
            if (counter != all) all.Add(counter);
        }

        return (all, counted);
    }

    private static async IAsyncEnumerable<List<Document>> Batches(
        IAsyncEnumerable<Document> documents,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var batch = new List<Document>();
        long bytes = 0;
        await foreach (Document document in documents.WithCancellation(cancel).ConfigureAwait(false))
        {
            batch.Add(document);
            bytes += document.Text.Length;
            if (bytes < BatchBytes) continue;
            yield return batch;
            (batch, bytes) = ([], 0);
        }

        if (batch.Count > 0) yield return batch;
    }

    private static WordCounter Count(List<Document> documents, WordCounter counter)
    {
        var splitter = new Gpt2Splitter();
        var ends = new int[512];
        foreach (Document document in documents) counter.AddText(document.Text.Span, splitter, ends);
        return counter;
    }

    private static Tokenizer Learn(
        WordCounter words,
        List<string> special,
        BytePairOptions options,
        BytePairProgress counted,
        IProgress<BytePairProgress>? progress,
        CancellationToken cancel)
    {
        // Bytes follow the special tokens in the order of the characters that spell them, as Hugging Face numbers them.
        List<string> tokens = [.. special, .. Enumerable.Range(0, 256).Select(b => ByteAlphabet.Spell((byte)b).ToString()).Order(StringComparer.Ordinal)];
        if (tokens.Distinct(StringComparer.Ordinal).Count() < tokens.Count)
            throw new TokenizerException("special tokens", "one of them is a single byte's token", "name special tokens that text does not hold");
        int[] byteIds = [.. Enumerable.Range(0, 256).Select(b => tokens.IndexOf(ByteAlphabet.Spell((byte)b).ToString()))];
        var merger = new PairMerger(words, tokens, byteIds);
        while (tokens.Count < options.VocabularySize && merger.MergeNext(options.MinimumCount))
        {
            cancel.ThrowIfCancellationRequested();
            if (merger.Merges.Count % ReportEvery == 0) progress?.Report(counted with { Merges = merger.Merges.Count });
        }

        progress?.Report(counted with { Merges = merger.Merges.Count });
        byte[] json = TokenizerWriter.Write(new TokenizerWriter.ByteLevel
        {
            Vocabulary = [.. tokens.Select((token, id) => KeyValuePair.Create(token, id))],
            Merges = merger.Merges,
            Special = [.. special.Select((token, id) => KeyValuePair.Create(token, id))],
        });
        return Tokenizer.Parse(json, "tokenizer.json", new TokenizerConfig { EndOfText = special.FirstOrDefault() });
    }
}
