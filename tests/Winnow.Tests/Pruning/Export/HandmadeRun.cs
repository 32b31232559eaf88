using System.Text.Json;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Pruning;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;

namespace Winnow.Tests.Pruning.Export;

/// <summary>A finished run over given files, without a model: the scores are drawn.</summary>
internal static class HandmadeRun
{
    private static readonly ScoreSchema Schema = ScoreSchema.For(Metrics.Perplexity, models: 1);

    /// <summary>Scores every document of the files and writes the run's directory.</summary>
    public static CorpusReader Write(string run, IReadOnlyList<string> inputs, CorpusOptions? options = null, int seed = 1)
    {
        CorpusReader corpus = CorpusReader.Open(inputs, options ?? new CorpusOptions());
        WriteManifest(run, corpus, UnitKind.Document, foldSeed: null);
        Random random = new(seed);
        foreach (CorpusShard shard in corpus.Shards)
        {
            List<ScoreRow> rows = [];
            foreach (Document document in corpus.Read(shard.Index))
            {
                while (rows.Count < document.Row) rows.Add(Row(shard, rows.Count, $"{shard.Name}:{rows.Count}", double.NaN, ScoreStatus.Invalid));
                rows.Add(Row(shard, document.Row, document.Id, random.NextDouble(), ScoreStatus.Ok));
            }

            WritePart(run, shard.Index, Schema, rows);
        }

        return corpus;
    }

    /// <summary>Writes the manifest of a complete run.</summary>
    public static void WriteManifest(string run, CorpusReader corpus, UnitKind unit, ulong? foldSeed, string? model = null)
    {
        Directory.CreateDirectory(run);
        RunManifest manifest = new()
        {
            Winnow = "test",
            State = RunState.Complete,
            Started = default,
            Options = new ScoringOptions { Unit = unit },
            Corpus = JsonSerializer.SerializeToElement(corpus.Options with { KeepRecords = true }, RunManifest.Json),
            Context = 8,
            BosIds = [],
            FoldSeed = foldSeed,
            Models = model is null ? [] : [new RunModel(model, "", 1, 8, 1)],
            Tokenizer = model is null ? new RunTokenizer("test", "", 1) : new RunTokenizer("test", Tokenizer.Load(model).Hash, 1),
            Inputs = [.. corpus.Shards.Select(shard => new RunInput(shard.Index, shard.Path, shard.Name, shard.Bytes, ""))],
            Machine = new RunMachine("", 1, "", "", ""),
        };
        File.WriteAllBytes(Path.Combine(run, "manifest.json"), JsonSerializer.SerializeToUtf8Bytes(manifest, RunManifest.Json));
    }

    /// <summary>Writes one part of the score table.</summary>
    public static void WritePart(string run, int shard, ScoreSchema schema, IEnumerable<ScoreRow> rows)
    {
        string path = ScoreTable.PartPath(run, shard);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using FileStream stream = File.Create(path);
        using ScorePartWriter writer = new(stream, schema);
        foreach (ScoreRow row in rows) writer.Add(row);
        writer.Finish();
    }

    /// <summary>A row whose only score is its perplexity.</summary>
    public static ScoreRow Row(CorpusShard shard, long row, string id, double perplexity, string status) => new()
    {
        Shard = shard.Index,
        Row = row,
        Id = id,
        Source = "s",
        Bytes = 1,
        ScoredBytes = 1,
        Tokens = 1,
        Status = status,
        Values = [.. Schema.Metrics.Select(metric => metric.Name == "perplexity" ? perplexity : double.NaN)],
    };

    /// <summary>Selects from the run.</summary>
    public static SelectionDirectory Select(string run, string selection, string keep) => SelectionDirectory.Create(
        selection, ParquetScores.Open(run), new SelectionOptions { Keep = [KeepRule.Parse(keep)] }, threads: 2);
}
