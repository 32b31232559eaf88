using System.Runtime.InteropServices;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Packing;
using Winnow.Data.Tokenizers;
using Winnow.Studies.Execution;

namespace Winnow.Studies.Works;

/// <summary>Options of the step <c>pack</c>.</summary>
/// <param name="Corpus"><c>train</c>, or a reference corpus's name.</param>
/// <param name="Unit"><c>sequence</c> or <c>document</c>.</param>
/// <param name="Context">Tokens of a sequence.</param>
internal sealed record PackOptions(string Corpus, string Unit, int Context);

/// <summary>Tokenizes a corpus into units: the same units, in the same order, that scoring gives rows to.</summary>
internal sealed class PackWork(int threads) : IStepWork
{
    /// <inheritdoc/>
    public async Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
    {
        var options = step.Options.Deserialize<PackOptions>(StudyFiles.Json)!;
        Tokenizer tokenizer = Tokenizer.Load(inputs["tokenizer"]);
        int end = tokenizer.EndOfText ?? throw new CorpusException(inputs["tokenizer"], "the tokenizer names no end-of-text token, which separates documents");
        CorpusReader corpus = StudyFiles.OpenCorpus(inputs["prepare"], options.Corpus);
        using var writer = new Writer(workDirectory);
        var rows = new List<long>();
        var encoding = new EncodingOptions { Threads = threads, Ends = options.Unit == "sequence" };
        for (int shard = 0; shard < corpus.Shards.Count; shard++)
        {
            long before = writer.Units;
            var packer = new SequencePacker(options.Context, end);
            await foreach (EncodedDocument document in ParallelEncoder.EncodeAsync(tokenizer, corpus.ReadAsync(shard, cancel), encoding, cancel).ConfigureAwait(false))
            {
                if (options.Unit == "document") writer.Add([.. document.Ids, end]);
                else foreach (PackedSequence sequence in packer.Add(document)) writer.Add(sequence.Ids);
            }

            // What does not fill a sequence has a row in the score table, but no score and nothing to train on.
            if (options.Unit == "sequence" && packer.Remainder is not null) writer.Add([]);
            rows.Add(writer.Units - before);
        }

        writer.Finish();
        StudyFiles.Write(Path.Combine(workDirectory, "pack.json"), new PackFacts(rows, writer.Tokens));
    }

    private sealed class Writer(string directory) : IDisposable
    {
        private readonly FileStream _tokens = new(Path.Combine(directory, "tokens.bin"), FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        private readonly FileStream _ends = new(Path.Combine(directory, "ends.bin"), FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);

        internal long Units { get; private set; }

        internal long Tokens { get; private set; }

        internal void Add(ReadOnlySpan<int> ids)
        {
            _tokens.Write(MemoryMarshal.AsBytes(ids));
            Tokens += ids.Length;
            Units++;
            _ends.Write(BitConverter.GetBytes(Tokens));
        }

        internal void Finish()
        {
            _tokens.Flush(flushToDisk: true);
            _ends.Flush(flushToDisk: true);
        }

        public void Dispose()
        {
            _tokens.Dispose();
            _ends.Dispose();
        }
    }
}
