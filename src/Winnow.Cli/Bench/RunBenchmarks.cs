using System.Globalization;
using System.Text.Json;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Winnow.Pruning;
using Winnow.Pruning.Export;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;

namespace Winnow.Cli.Bench;

/// <summary>A score table with seeded scores, as a run leaves it.</summary>
internal static class SeededScores
{
    /// <summary>Writes a part.</summary>
    internal static void Write(string path, IEnumerable<(string Id, long Bytes)> units, int seed = 4)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        ParquetColumn[] columns =
        [
            ParquetColumn.Int32("shard"), ParquetColumn.Int64("row"), ParquetColumn.String("id"), ParquetColumn.String("source"), ParquetColumn.Int64("bytes"), ParquetColumn.Int32("tokens"),
            .. ScoreSchema.StandardMetrics.Select(name => ParquetColumn.Double(name, nullable: true)), ParquetColumn.String("status"), ParquetColumn.Int64("scored_bytes"),
        ];
        using FileStream file = File.Create(path);
        using var writer = new ParquetWriter(file, columns, new ParquetWriterOptions { RowGroupRows = 1 << 16 });
        var random = new Random(seed);
        long row = 0;
        foreach ((string id, long bytes) in units)
        {
            int tokens = (int)Math.Max(1, bytes / 4);
            double nll = tokens * (2 + (3 * random.NextDouble()));
            writer[0].Add(0);
            writer[1].Add(row++);
            writer[2].Add(id);
            writer[3].Add("bench");
            writer[4].Add(bytes);
            writer[5].Add(tokens);
            writer[6].Add(nll);
            writer[7].Add(Math.Exp(nll / tokens));
            writer[8].Add(nll / Math.Log(2) / Math.Max(1, bytes));
            writer[9].Add(random.NextDouble());
            writer[10].AddNull();
            writer[11].Add(ScoreStatus.Ok);
            writer[12].Add(bytes);
            writer.EndRow();
        }
        writer.Finish();
    }
}

/// <summary>The exact middle half of a score table on the disk, by rank; all threads.</summary>
internal sealed class SelectBenchmark : Benchmark
{
    private const int Rows = 1_000_000;

    private readonly string home = Directory.CreateTempSubdirectory("winnow-bench-").FullName;
    private readonly ParquetScores scores;

    internal SelectBenchmark(int threads)
    {
        ThreadCount = threads;
        string path = Path.Combine(home, "part.parquet");
        SeededScores.Write(path, Enumerable.Range(0, Rows).Select(i => (i.ToString("x8", CultureInfo.InvariantCulture), 400L + (i % 1000))));
        scores = ParquetScores.OpenParts([("part", path)]);
    }

    internal override string Name => "select";

    internal override string Preset => "1,000,000 rows, middle:50%";

    internal override string Unit => "rows/s";

    internal override int ThreadCount { get; }

    internal override BenchRun Run(BenchClock clock, CancellationToken cancel)
    {
        double start = clock.Now(ThreadCount);
        RankSelector.Select(scores, new SelectionOptions { Keep = [KeepRule.Parse("middle:50%")] }, ThreadCount, (_, _) => { }, null, cancel);
        return new BenchRun(Rows, 0, clock.Now(ThreadCount) - start);
    }

    public override void Dispose() => Directory.Delete(home, true);
}

/// <summary>The kept half of a JSONL.zst file, byte for byte, into another; one core. The speed counts the text that is read.</summary>
internal sealed class ExportBenchmark : Benchmark
{
    private readonly string home = Directory.CreateTempSubdirectory("winnow-bench-").FullName;
    private readonly double megabytes;

    internal ExportBenchmark(IReadOnlyList<Document> documents)
    {
        string corpus = At("corpus.jsonl.zst");
        using (var writer = new DocumentWriter(File.Create(corpus), CorpusFormat.Jsonl, CompressionKind.Zstd))
        {
            foreach (Document document in documents) writer.Write(document, false);
            writer.Finish();
        }
        megabytes = documents.Sum(d => (double)d.Text.Length) / 1e6;
        using (RunDirectory.Open(At("run"), Manifest(corpus))) SeededScores.Write(ScoreTable.PartPath(At("run"), 0), documents.Select(d => (d.Id, (long)d.Text.Length)));
        SelectionDirectory.Create(At("selection"), ParquetScores.Open(At("run")), new SelectionOptions { Keep = [KeepRule.Parse("middle:50%")] }, 1);
    }

    internal override string Name => "export";

    internal override string Preset => "jsonl.zst, middle:50%";

    internal override string Unit => "MB/s";

    internal override int ThreadCount => 1;

    internal override BenchRun Run(BenchClock clock, CancellationToken cancel)
    {
        double start = clock.Now(ThreadCount);
        Exporter.ExportAsync(At("run"), At("selection"), new ExportOptions { Output = At("kept"), Force = true }, 1, null, cancel).GetAwaiter().GetResult();
        return new BenchRun(megabytes, 0, clock.Now(ThreadCount) - start);
    }

    public override void Dispose() => Directory.Delete(home, true);

    private string At(string name) => Path.Combine(home, name);

    private static RunManifest Manifest(string corpus) => new()
    {
        Winnow = "bench",
        State = RunState.Complete,
        Started = DateTimeOffset.UnixEpoch,
        Options = new ScoringOptions(),
        Corpus = JsonDocument.Parse("{}").RootElement,
        Context = 2,
        BosIds = [],
        Models = [],
        Tokenizer = new RunTokenizer("none", "", 0),
        Inputs = [new RunInput(0, corpus, Path.GetFileName(corpus), new FileInfo(corpus).Length, "")],
        Machine = new RunMachine("", 0, "", "", ""),
    };
}
