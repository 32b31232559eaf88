using System.Text.Json;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Studies.Execution;

namespace Winnow.Studies.Works;

/// <summary>Options of the step <c>tokenizer</c>.</summary>
/// <param name="Directory">A tokenizer that exists, or null to train one.</param>
/// <param name="Hash">Of the existing tokenizer.</param>
/// <param name="Vocabulary">Size of a trained one.</param>
internal sealed record TokenizerOptions(string? Directory, string? Hash, int Vocabulary);

/// <summary>Trains a tokenizer on the start of the training corpus, or takes one over.</summary>
internal sealed class TokenizerWork(int threads) : IStepWork
{
    private const long SampleBytes = 64L << 20;

    /// <inheritdoc/>
    public async Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
    {
        var options = step.Options.Deserialize<TokenizerOptions>(StudyFiles.Json)!;
        Tokenizer tokenizer = options.Directory is { } given
            ? Tokenizer.Load(given)
            : await BytePairTrainer.TrainAsync(
                Sample(StudyFiles.OpenCorpus(inputs["prepare"], "train"), cancel), new BytePairOptions(options.Vocabulary) { Threads = threads }, null, cancel).ConfigureAwait(false);
        tokenizer.Save(workDirectory);
    }

    private static async IAsyncEnumerable<Document> Sample(
        CorpusReader corpus, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        long bytes = 0;
        await foreach (Document document in corpus.ReadAsync(cancel).ConfigureAwait(false))
        {
            yield return document;
            if ((bytes += document.Text.Length) >= SampleBytes) yield break;
        }
    }
}
