using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Winnow.Data.Tokenizers;
using Winnow.Kernels.Cpu;
using Winnow.Pruning;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning;

public sealed class ScorerTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly CpuBackend backend = new(2);

    public ScorerTests()
    {
        TinyModel.Write(directory["model"], 1);
        Directory.CreateDirectory(directory["corpus"]);
        TinyCorpus.Write(directory["corpus/a.jsonl"], 40, 1);
        TinyCorpus.Write(directory["corpus/b.jsonl"], 25, 2);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        backend.Dispose();
        directory.Dispose();
    }

    [Fact]
    public async Task Special_tokens_in_a_text_are_matched_or_taken_as_text_and_counted()
    {
        await File.WriteAllTextAsync(directory["special.jsonl"], "{\"id\":\"a\",\"text\":\"one <|endoftext|> two\"}\n{\"id\":\"b\",\"text\":\"one two\"}\n", Cancel);
        async Task<(long Carrying, int Tokens)> Score(SpecialInText rule)
        {
            ScoringRequest request = Request($"run-{rule}", All) with { Inputs = [directory["special.jsonl"]] };
            request = request with { Options = request.Options with { SpecialInText = rule } };
            ScoringResult result = await Scorer.ScoreAsync(request, backend, cancel: Cancel);
            return (result.Manifest.Cost.DocumentsWithSpecial, ScoreTable.Open(directory[$"run-{rule}"]).ReadRows().First().Tokens);
        }

        (long matched, int short_) = await Score(SpecialInText.Match);
        (long literal, int longer) = await Score(SpecialInText.Literal);
        Assert.Equal(1, matched);
        Assert.Equal(1, literal);
        Assert.True(longer > short_, $"{longer} tokens as text, {short_} matched");
    }

    [Fact]
    public async Task Any_number_of_threads_gives_the_same_files()
    {
        foreach (int threads in new[] { 1, 2, 5 })
        {
            using CpuBackend workers = new(threads);
            await Scorer.ScoreAsync(Request($"run-{threads}", All), workers, cancel: Cancel);
        }

        Assert.Equal(Scores("run-1"), Scores("run-2"));
        Assert.Equal(Scores("run-1"), Scores("run-5"));
    }

    [Fact]
    public async Task What_shares_a_batch_changes_no_score()
    {
        (int Tokens, int Slots)[] sizes = [(0, 64), (63, 1), (200, 3), (5000, 7)];
        foreach ((int tokens, int slots) in sizes)
        {
            ScoringRequest request = Request($"run-{tokens}", All) with { Runtime = new ScoringRuntime { BatchTokens = tokens, GenerationSlots = slots } };
            await Scorer.ScoreAsync(request, backend, cancel: Cancel);
        }

        Assert.All(sizes, size => Assert.Equal(Scores("run-0"), Scores($"run-{size.Tokens}")));
    }

    [Fact]
    public async Task A_document_alone_has_the_score_it_has_among_others()
    {
        await Scorer.ScoreAsync(Request("all", All), backend, cancel: Cancel);
        string[] lines = await File.ReadAllLinesAsync(directory["corpus/a.jsonl"], Cancel);
        await File.WriteAllTextAsync(directory["one.jsonl"], lines[11] + "\n", Cancel);
        await Scorer.ScoreAsync(Request("one", All) with { Inputs = [directory["one.jsonl"]] }, backend, cancel: Cancel);
        ScoreRow among = ScoreTable.Open(directory["all"]).ReadRows().First(row => row.Row == 11);
        ScoreRow alone = ScoreTable.Open(directory["one"]).ReadRows().Single();
        Assert.Equal(among.Values, alone.Values);
    }

    [Fact]
    public async Task A_run_killed_at_any_write_ends_with_the_files_of_one_that_was_not()
    {
        ScoringRequest whole = Request("whole", All);
        await Scorer.ScoreAsync(whole, backend, cancel: Cancel);
        for (int first = 1; first < 60; first += 4)
        {
            // The first attempt dies at write `first`, the next at the third write after it starts, and so on.
            int attempts = 0;
            for (int left = first; ; left = 3 + (attempts % 5))
            {
                attempts++;
                int writes = left;
                bool dead = false;
                void Kill(string _)
                {
                    if (dead || --writes <= 0)
                    {
                        dead = true;
                        throw new KilledException();
                    }
                }

                ScoringRequest request = Request($"killed-{first}", All) with { Runtime = new ScoringRuntime { BlockRows = 5 } };
                try
                {
                    await Scorer.ScoreAsync(request, backend, null, Kill, Cancel);
                    break;
                }
                catch (KilledException)
                {
                    Assert.True(attempts < 100, "no progress");
                }
            }

            Assert.Equal(Scores("whole"), Scores($"killed-{first}"));
            Assert.False(Directory.Exists(directory[$"killed-{first}/progress"]));
        }
    }

    [Fact]
    public async Task A_cancelled_run_goes_on_and_scores_nothing_twice()
    {
        TinyCorpus.Write(directory["corpus/c.jsonl"], 300, 3);
        await Scorer.ScoreAsync(Request("whole", All), backend, cancel: Cancel);
        ScoringRequest request = Request("run", All) with { Runtime = new ScoringRuntime { BlockRows = 4, BatchTokens = 64 } };
        for (int attempt = 0; attempt < 6; attempt++)
        {
            // Cancelled as the first block is written: what the workers have finished by then follows, the rest waits.
            using CancellationTokenSource source = new();
            void Stop(string what)
            {
                if (what == "before a block" && attempt < 5) source.Cancel();
            }

            try
            {
                await Scorer.ScoreAsync(request, backend, null, Stop, source.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Equal(RunState.Running, RunDirectory.ReadManifest(directory["run"]).State);
            }
        }

        Assert.Equal(Scores("whole"), Scores("run"));
        Assert.Equal(365, RunDirectory.ReadManifest(directory["run"]).Cost.Units);
    }

    [Fact]
    public async Task The_same_call_on_a_finished_run_does_nothing()
    {
        await Scorer.ScoreAsync(Request("run", All), backend, cancel: Cancel);
        ScoringResult again = await Scorer.ScoreAsync(Request("run", All), backend, cancel: Cancel);
        Assert.True(again.WasComplete);
    }

    [Fact]
    public async Task Changed_options_and_inputs_are_refused_and_named()
    {
        await Scorer.ScoreAsync(Request("run", All), backend, cancel: Cancel);
        CorpusException options = await Assert.ThrowsAsync<CorpusException>(
            () => Scorer.ScoreAsync(Request("run", Metrics.Perplexity), backend, cancel: Cancel));
        Assert.Contains("option `metrics`", options.Message, StringComparison.Ordinal);
        await File.AppendAllTextAsync(directory["corpus/b.jsonl"], "{\"text\": \"one more\"}\n", Cancel);
        CorpusException inputs = await Assert.ThrowsAsync<CorpusException>(() => Scorer.ScoreAsync(Request("run", All), backend, cancel: Cancel));
        Assert.Contains("b.jsonl` changed", inputs.Message, StringComparison.Ordinal);
        TinyModel.Write(directory["model"], 2);
        CorpusException model = await Assert.ThrowsAsync<CorpusException>(() => Scorer.ScoreAsync(Request("run", All), backend, cancel: Cancel));
        Assert.Contains("the models changed", model.Message, StringComparison.Ordinal);
        await Scorer.ScoreAsync(Request("run", All) with { Runtime = new ScoringRuntime { Restart = true } }, backend, cancel: Cancel);
        Assert.Equal(66, ScoreTable.Open(directory["run"]).Rows);
    }

    [Fact]
    public async Task A_unit_that_cannot_be_scored_has_a_status_and_no_score()
    {
        await File.WriteAllTextAsync(directory["odd.jsonl"], """
            {"id": "empty", "text": ""}
            {"id": "one", "text": "a"}
            {"id": "fine", "text": "a language model"}
            not json

            {"id": "long", "text": "rank rank rank rank rank rank rank rank rank rank rank rank rank rank rank rank"}
            {"nothing": 1}
            """, Cancel);
        ScoringRequest request = Request("run", All) with
        {
            Inputs = [directory["odd.jsonl"]],
            Corpus = new CorpusOptions { MaxBadRecords = 5 },
        };
        request = request with { Options = request.Options with { Context = 16, Window = new WindowRule(WindowKind.Truncate) } };
        ScoringResult result = await Scorer.ScoreAsync(request, backend, cancel: Cancel);
        ScoreTable table = ScoreTable.Open(directory["run"]);
        ScoreRow[] rows = [.. table.ReadRows()];
        Assert.Equal(["empty", "too_short", "ok", "invalid", "truncated", "invalid"], rows.Select(row => row.Status));
        Assert.All(rows.Where(row => row.Status is not ("ok" or "truncated")), row => Assert.All(row.Values, value => Assert.Equal(double.NaN, value)));
        ScoreRow cut = rows[4];
        Assert.Equal(15, cut.Tokens);
        Assert.InRange(cut.ScoredBytes, 15, cut.Bytes - 1);
        double bits = cut.Values[table.Schema.IndexOf("nll")] / (Math.Log(2) * cut.ScoredBytes);
        Assert.Equal(bits, cut.Values[table.Schema.IndexOf("bits_per_byte")]);
        Assert.Equal(2, result.Manifest.BadRecords);
        Assert.Equal(2, File.ReadLines(directory["run/logs/bad-records.jsonl"]).Count());
    }

    [Fact]
    public async Task Several_models_give_their_values_their_mean_and_their_spread()
    {
        TinyModel.Write(directory["second"], 2);
        TinyModel.Write(directory["third"], 3);
        string[] models = [directory["model"], directory["second"], directory["third"]];
        await Scorer.ScoreAsync(Request("together", All) with { Models = models }, backend, cancel: Cancel);
        ScoreTable together = ScoreTable.Open(directory["together"]);
        ScoreRow[] rows = [.. together.ReadRows()];
        double[][] means = [.. rows.Select(_ => new double[2])];
        for (int model = 0; model < 3; model++)
        {
            await Scorer.ScoreAsync(Request($"alone-{model}", All) with { Models = [models[model]] }, backend, cancel: Cancel);
            ScoreTable alone = ScoreTable.Open(directory[$"alone-{model}"]);
            ScoreRow[] single = [.. alone.ReadRows()];
            for (int i = 0; i < rows.Length; i++)
            {
                foreach (string metric in new[] { "nll", "perplexity", "el2n", "memorization", "memorization_prefix" })
                {
                    Assert.Equal(Value(alone, single[i], metric), Value(together, rows[i], $"{metric}@{model + 1}"));
                }

                means[i][0] += Value(alone, single[i], "perplexity") / 3;
                means[i][1] += Value(alone, single[i], "el2n") / 3;
            }
        }

        for (int i = 0; i < rows.Length; i++)
        {
            if (rows[i].Tokens == 0) continue;
            Assert.Equal(means[i][0], Value(together, rows[i], "perplexity"), 1e-9 * means[i][0]);
            Assert.Equal(means[i][1], Value(together, rows[i], "el2n"), 1e-12);
            Assert.True(Value(together, rows[i], "el2n_spread") > 0);
        }
    }

    [Fact]
    public async Task Each_half_of_a_cross_fitted_corpus_is_scored_by_the_model_of_the_other()
    {
        TinyModel.Write(directory["second"], 2);
        CorpusFold fold = new(7);
        string[] models = [directory["model"], directory["second"]];
        await Scorer.ScoreAsync(Request("crossed", All) with { Models = models, Fold = fold }, backend, cancel: Cancel);
        await Scorer.ScoreAsync(Request("first", All), backend, cancel: Cancel);
        await Scorer.ScoreAsync(Request("second-run", All) with { Models = [models[1]] }, backend, cancel: Cancel);
        ScoreRow[] crossed = [.. ScoreTable.Open(directory["crossed"]).ReadRows()];
        ScoreRow[][] single = [[.. ScoreTable.Open(directory["first"]).ReadRows()], [.. ScoreTable.Open(directory["second-run"]).ReadRows()]];
        Assert.Equal([0, 1], crossed.Select(row => row.Fold!.Value).Distinct().Order());
        for (int i = 0; i < crossed.Length; i++) Assert.Equal(single[1 - crossed[i].Fold!.Value][i].Values, crossed[i].Values);
    }

    [Fact]
    public async Task Sequences_hold_every_token_once_and_nothing_is_lost()
    {
        ScoringRequest request = Request("run", All);
        request = request with { Options = request.Options with { Unit = UnitKind.Sequence, Context = 64 } };
        await Scorer.ScoreAsync(request, backend, cancel: Cancel);
        ScoreRow[] rows = [.. ScoreTable.Open(directory["run"]).ReadRows()];
        TokenEncoder encoder = Tokenizer.Load(directory["model"]).CreateEncoder();
        CorpusReader corpus = CorpusReader.Open([directory["corpus"]], new CorpusOptions());
        foreach (int shard in new[] { 0, 1 })
        {
            int tokens = 0;
            long bytes = 0;
            List<int> ids = [];
            await foreach (Document document in corpus.ReadAsync(shard, Cancel))
            {
                ids.Clear();
                encoder.Encode(document.Text.Span, ids);
                tokens += ids.Count + 1;
                bytes += document.Text.Length;
            }

            ScoreRow[] part = [.. rows.Where(row => row.Shard == shard)];
            Assert.Equal(tokens / 64, part.Count(row => row.Status == ScoreStatus.Ok && row.Tokens == 63));
            Assert.Equal(tokens % 64 > 0 ? 1 : 0, part.Count(row => row.Status == ScoreStatus.Partial));
            Assert.Equal(bytes, part.Sum(row => row.Bytes));
            Assert.Equal(Enumerable.Range(0, part.Length).Select(i => (long)i), part.Select(row => row.Row));
        }
    }

    [Fact]
    public async Task An_interrupted_run_over_sequences_ends_with_the_same_files()
    {
        ScoringRequest request = Request("whole", All);
        request = request with { Options = request.Options with { Unit = UnitKind.Sequence, Context = 64 }, Runtime = new ScoringRuntime { BlockRows = 2 } };
        await Scorer.ScoreAsync(request, backend, cancel: Cancel);
        request = request with { Output = directory["killed"] };
        int writes = 0;
        void Kill(string what)
        {
            if (++writes >= 9) throw new KilledException();
        }

        await Assert.ThrowsAsync<KilledException>(() => Scorer.ScoreAsync(request, backend, null, Kill, Cancel));
        await Scorer.ScoreAsync(request, backend, cancel: Cancel);
        Assert.Equal(Scores("whole"), Scores("killed"));
    }

    [Theory]
    [InlineData(UnitKind.Document)]
    [InlineData(UnitKind.Sequence)]
    public async Task Fields_of_records_become_columns_to_select_by_in_every_format_and_after_a_kill(UnitKind unit)
    {
        string?[] languages = ["en", "zh", null, "7", "true"];
        using (FileStream stream = File.Create(directory["t.parquet"]))
        {
            using ParquetWriter writer = new(stream, [ParquetColumn.String("text"), ParquetColumn.String("lang", nullable: true), ParquetColumn.Double("m.n")]);
            for (int i = 0; i < 20; i++)
            {
                writer[0].Add($"the language model {i}");
                if (languages[i % 5] is { } language) writer[1].Add(language);
                else writer[1].AddNull();
                writer[2].Add(i + 0.5);
                writer.EndRow();
            }

            writer.Finish();
        }

        static string Written(int i) => (i % 5) switch { 0 => "\"\\u0065n\"", 1 => "\"zh\"", 2 => i == 2 ? "null" : "[1]", 3 => "7", _ => "true" };
        await File.WriteAllLinesAsync(directory["t.jsonl"], Enumerable.Range(0, 20).Select(i => $"{{\"text\": \"the language model {i}\", \"lang\": {Written(i)}, \"m\": {{\"n\": {i}.5}}}}"), Cancel);
        await File.WriteAllLinesAsync(directory["t.csv"], Enumerable.Range(0, 20).Select(i => $"the language model {i},{languages[i % 5]},{i}.5").Prepend("text,lang,m.n"), Cancel);
        string[] inputs = [directory["t.parquet"], directory["t.jsonl"], directory["t.csv"]];
        ScoringRequest request = Request("run", Metrics.Perplexity) with { Inputs = inputs, Corpus = new CorpusOptions { Fields = ["lang", "m.n"] }, Runtime = new ScoringRuntime { BlockRows = 4 } };
        request = request with { Options = request.Options with { Unit = unit, Context = 8 } };
        int writes = 12;
        await Assert.ThrowsAsync<KilledException>(() => Scorer.ScoreAsync(request, backend, null, _ => { if (--writes <= 0) throw new KilledException(); }, Cancel));
        await Scorer.ScoreAsync(request, backend, cancel: Cancel);
        ScoreRow[] rows = [.. ScoreTable.Open(directory["run"]).ReadRows()];
        Assert.Equal(["lang", "m.n"], ScoreTable.Open(directory["run"]).Schema.Fields);
        Assert.All(rows, row =>
        {
            long document = row.Span?.FirstRow ?? row.Row;
            Assert.Equal([languages[document % 5], $"{document}.5"], row.Fields);
        });
        SelectionOptions options = new() { Keep = [KeepRule.Parse("middle:50%")], Within = ["lang"], Where = "lang != 'zh'", Metric = "perplexity", Unscored = Unscored.Keep };
        SelectionSummary summary = RankSelector.Select(ParquetScores.Open(directory["run"]), options, 2, (_, _) => { });
        Assert.Equal(["", "7", "en", "true"], summary.Rules.Where(rule => rule.Ranked > 0).Select(rule => rule.Stratum));
        Assert.Equal(rows.Count(row => row.Fields[0] == "zh"), summary.Excluded.Units);
        Assert.Equal("lang", summary.Shares[0].Column);
        Assert.EndsWith(",lang,m.n", Lines(ScoreTable.Open(directory["run"]), ScoreFormat.Csv)[0], StringComparison.Ordinal);
        CorpusException refused = await Assert.ThrowsAsync<CorpusException>(() => Scorer.ScoreAsync(
            request with { Output = directory["other"], Corpus = new CorpusOptions { Fields = ["lang", "tokens"] } }, backend, cancel: Cancel));
        Assert.Contains("`tokens` is a column of the score table already", refused.Message, StringComparison.Ordinal);
        refused = await Assert.ThrowsAsync<CorpusException>(() => Scorer.ScoreAsync(
            request with { Output = directory["other"], Corpus = new CorpusOptions { Fields = ["site"] } }, backend, cancel: Cancel));
        Assert.Contains("no column `site`", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_limit_counts_documents_over_all_files()
    {
        ScoringRequest request = Request("run", Metrics.Perplexity) with { Corpus = new CorpusOptions { Limit = 45 } };
        await Scorer.ScoreAsync(request, backend, cancel: Cancel);
        ScoreTable table = ScoreTable.Open(directory["run"]);
        Assert.Equal([40, 5], table.Parts.Select(part => part.Rows));
    }

    [Theory]
    [InlineData(65, "disjoint", Metrics.Perplexity, "65 tokens are more than the 64")]
    [InlineData(1, "disjoint", Metrics.Perplexity, "1 tokens leave nothing to predict")]
    [InlineData(64, "stride:64", Metrics.Perplexity, "does not fit into a context of 64")]
    [InlineData(40, "disjoint", Metrics.Memorization, "memorization looks at 64 tokens, the context is 40")]
    public async Task What_does_not_fit_together_is_refused(int context, string window, Metrics metrics, string message)
    {
        ScoringRequest request = Request("run", metrics);
        request = request with { Options = request.Options with { Context = context, Window = WindowRule.Parse(window), Prompt = 32, Continuation = 32 } };
        CorpusException refused = await Assert.ThrowsAsync<CorpusException>(() => Scorer.ScoreAsync(request, backend, cancel: Cancel));
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        Assert.NotNull(refused.Hint);
    }

    [Fact]
    public async Task A_corpus_without_a_document_is_refused()
    {
        await File.WriteAllTextAsync(directory["empty.jsonl"], "\n\n", Cancel);
        ScoringRequest request = Request("run", All) with { Inputs = [directory["empty.jsonl"]] };
        CorpusException refused = await Assert.ThrowsAsync<CorpusException>(() => Scorer.ScoreAsync(request, backend, cancel: Cancel));
        Assert.NotNull(refused.Hint);
    }

    [Fact]
    public async Task The_estimate_writes_nothing_and_knows_a_small_corpus()
    {
        ScoringEstimate estimate = await Scorer.EstimateAsync(Request("run", All), backend, Cancel);
        Assert.Equal(65, estimate.Documents);
        Assert.False(Directory.Exists(directory["run"]));
        await Scorer.ScoreAsync(Request("run", All), backend, cancel: Cancel);
        RunManifest manifest = RunDirectory.ReadManifest(directory["run"]);
        Assert.Equal(manifest.Cost.PredictedTokens, estimate.Tokens);
        Assert.Equal(manifest.Cost.Flops, estimate.Flops, manifest.Cost.Flops * 1e-9);
    }

    [Fact]
    public async Task Exports_agree_with_each_other_to_the_bit()
    {
        await Scorer.ScoreAsync(Request("run", All), backend, cancel: Cancel);
        ScoreTable table = ScoreTable.Open(directory["run"]);
        ScoreRow[] rows = [.. table.ReadRows()];
        string[] jsonl = Lines(table, ScoreFormat.Jsonl), csv = Lines(table, ScoreFormat.Csv);
        Assert.Equal(rows.Length, jsonl.Length);
        Assert.Equal(rows.Length + 1, csv.Length);
        string[] names = csv[0].Split(',');
        for (int i = 0; i < rows.Length; i++)
        {
            using JsonDocument json = JsonDocument.Parse(jsonl[i]);
            Assert.Equal(names, json.RootElement.EnumerateObject().Select(property => property.Name));
            foreach (ScoreColumn metric in table.Schema.Metrics.Where(metric => metric.Kind == ScoreColumnKind.Double))
            {
                double value = Value(table, rows[i], metric.Name);
                JsonElement cell = json.RootElement.GetProperty(metric.Name);
                Assert.Equal(BitConverter.DoubleToInt64Bits(value), BitConverter.DoubleToInt64Bits(cell.ValueKind == JsonValueKind.Null ? double.NaN : cell.GetDouble()));
            }
        }

        File.WriteAllBytes(directory["all.parquet"], Bytes(table, ScoreFormat.Parquet));
        Assert.Equal(rows.Select(ScoreJournalTests.Text), ScorePart.Open(directory["all.parquet"]).ReadRows().Select(ScoreJournalTests.Text));
    }

    private static readonly Metrics All = Metrics.Perplexity | Metrics.El2n | Metrics.Memorization;

    private ScoringRequest Request(string run, Metrics metrics) => new()
    {
        Inputs = [directory["corpus"]],
        Models = [directory["model"]],
        Output = directory[run],
        Options = new ScoringOptions { Metrics = metrics, Prompt = 6, Continuation = 10 },
    };

    private string Scores(string run) => string.Join('\n', Directory.EnumerateFiles(directory[run + "/scores"]).Order(StringComparer.Ordinal)
        .Select(file => Path.GetFileName(file) + " " + Convert.ToBase64String(File.ReadAllBytes(file))));

    private static double Value(ScoreTable table, ScoreRow row, string metric) => row.Values[table.Schema.IndexOf(metric)];

    private static byte[] Bytes(ScoreTable table, ScoreFormat format)
    {
        using MemoryStream stream = new();
        ScoreExport.Write(table, format, stream);
        return stream.ToArray();
    }

    private static string[] Lines(ScoreTable table, ScoreFormat format) =>
        System.Text.Encoding.UTF8.GetString(Bytes(table, format)).TrimEnd('\n').Split('\n');

    private sealed class KilledException : Exception;
}
