using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;

namespace Winnow.Cli.Bench;

/// <summary>Learning a byte-level BPE vocabulary.</summary>
internal sealed class TrainTokenizerBenchmark(IReadOnlyList<Document> documents, int vocabulary, int threads) : Benchmark
{
    private readonly double megabytes = documents.Sum(d => (double)d.Text.Length) / 1e6;

    internal override string Name => "train-tokenizer";

    internal override string Preset => $"{megabytes:0} MB, V={vocabulary}";

    internal override string Unit => "MB/s";

    internal override int ThreadCount => threads;

    internal override BenchRun Run(BenchClock clock, CancellationToken cancel)
    {
        double start = clock.Now(ThreadCount);
        BytePairTrainer.TrainAsync(documents.ToAsyncEnumerable(), new BytePairOptions(vocabulary) { Threads = threads }, null, cancel).GetAwaiter().GetResult();
        return new BenchRun(megabytes, 0, clock.Now(ThreadCount) - start);
    }

    public override void Dispose()
    {
    }
}

/// <summary>Text to ids, one core.</summary>
internal sealed class EncodeBenchmark(Tokenizer tokenizer, IReadOnlyList<Document> documents) : Benchmark
{
    private const long Most = 64_000_000;

    private readonly List<int> ids = new(1 << 20);

    internal override string Name => "encode";

    internal override string Preset => tokenizer.Kind;

    internal override string Unit => "MB/s";

    internal override int ThreadCount => 1;

    internal override BenchRun Run(BenchClock clock, CancellationToken cancel)
    {
        TokenEncoder encoder = tokenizer.CreateEncoder();
        long bytes = 0;
        double start = clock.Now(ThreadCount);
        foreach (Document document in documents)
        {
            if (bytes > Most || cancel.IsCancellationRequested) break;
            ids.Clear();
            encoder.Encode(document.Text.Span, ids);
            bytes += document.Text.Length;
        }
        return new BenchRun(bytes / 1e6, 0, clock.Now(ThreadCount) - start);
    }

    public override void Dispose()
    {
    }
}

/// <summary>A file of a corpus to documents, one core.</summary>
internal sealed class ReadBenchmark : Benchmark
{
    private readonly string path;

    internal ReadBenchmark(IReadOnlyList<Document> documents, CorpusFormat format)
    {
        Preset = format == CorpusFormat.Jsonl ? "jsonl.zst" : "parquet";
        path = Path.Combine(Path.GetTempPath(), $"winnow-bench-{Environment.ProcessId}.{Preset}");
        using var writer = new DocumentWriter(File.Create(path), format, CompressionKind.Zstd);
        foreach (Document document in documents) writer.Write(document, false);
        writer.Finish();
    }

    internal override string Name => "read";

    internal override string Preset { get; }

    internal override string Unit => "MB/s";

    internal override int ThreadCount => 1;

    internal override BenchRun Run(BenchClock clock, CancellationToken cancel)
    {
        double start = clock.Now(ThreadCount);
        long bytes = CountAsync(cancel).GetAwaiter().GetResult();
        return new BenchRun(bytes / 1e6, 0, clock.Now(ThreadCount) - start);
    }

    public override void Dispose() => File.Delete(path);

    private async Task<long> CountAsync(CancellationToken cancel)
    {
        CorpusReader reader = CorpusReader.Open([path], new CorpusOptions { KeepRecords = false });
        long bytes = 0;
        await foreach (Document document in reader.ReadAsync(cancel)) bytes += document.Text.Length;
        return bytes;
    }
}
