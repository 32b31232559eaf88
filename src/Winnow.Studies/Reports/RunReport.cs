using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Pruning;
using Winnow.Pruning.References;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;

namespace Winnow.Studies.Reports;

/// <summary>Makes the report of a scored, and mostly also pruned, corpus out of what lies on disk.</summary>
/// <param name="run">The run's directory.</param>
/// <param name="selection">The selection's directory; null reports the scores alone.</param>
public sealed class RunReport(string run, string? selection)
{
    private const int MostSources = 30, MostBadRecords = 50;

    /// <summary>The metric that the pictures show; null takes the selection's, or perplexity.</summary>
    public string? Metric { get; init; }

    /// <summary>The references that were trained for this run; null looks for them beside it.</summary>
    public ReferenceManifest? References { get; init; }

    /// <summary>Reads the scores twice and the corpus once, and counts.</summary>
    /// <param name="created">When.</param>
    /// <param name="cancel">Stops between rows.</param>
    /// <exception cref="CorpusException">The run or the selection is not there, or they do not belong together.</exception>
    public async Task<ReportData> BuildAsync(DateTimeOffset created, CancellationToken cancel = default)
    {
        RunManifest manifest = RunDirectory.ReadManifest(run);
        ReferenceManifest? references = References ?? (manifest.FoldSeed is null ? null : AutoReferences.Find(Path.Combine(run, "..", "reference")));
        ScoreTable table = ScoreTable.Open(run);
        SelectionDirectory? chosen = selection is null ? null : SelectionDirectory.Open(selection);
        string metric = Metric ?? (chosen?.Summary.Options.Keep is [{ Metric: { } ranked }, ..] ? ranked : chosen?.Summary.Options.Metric ?? "perplexity");
        int column = table.Schema.IndexOf(metric);
        if (column < 0) throw new CorpusException(run, $"the scores have no column `{metric}`", $"its metrics are {string.Join(", ", table.Schema.Metrics.Select(m => $"`{m.Name}`"))}");

        var statistics = new ScoreStatistics(metric, column, Cuts(chosen, metric));
        foreach ((ScoreRow row, bool kept) in Rows(table, chosen, cancel)) statistics.Measure(row, kept);
        statistics.Prepare();
        foreach ((ScoreRow row, bool kept) in Rows(table, chosen, cancel)) statistics.Place(row, kept);

        var picks = statistics.Picks();
        Dictionary<(int Shard, long Row), string> texts = await SampleTexts.ReadAsync(
            run, manifest, CorpusOptionsOf(manifest), picks.SelectMany(g => g.Units).Select(p => p.Row), cancel);
        (IReadOnlyList<string> bad, long badCount) = BadRecords(manifest);
        return new ReportData
        {
            Title = chosen is null ? "A corpus, scored" : "A corpus, winnowed",
            Summary = Summary(manifest, chosen, statistics),
            Version = Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? manifest.Winnow,
            Created = created,
            Facts = Facts(manifest, chosen, statistics, metric),
            Histogram = statistics.Histogram(),
            Sources = statistics.Sources(MostSources),
            Lengths = statistics.Lengths(),
            Samples = [.. picks.Select(g => new SampleGroup(g.Title, g.Note, [.. g.Units.Select(p => ToSample(p, texts))]))],
            Curves = [.. manifest.Models.Select((m, i) => TrainingLog.Read(m.Path, NameOf(m, i, references))).OfType<TrainingCurve>()],
            Skipped = [.. statistics.Unscored(), .. LeftOutOfSequences(manifest)],
            BadRecords = bad,
            BadRecordCount = badCount,
            Costs = [.. Costs(manifest, references)],
            CostNote = CostNote(manifest, references),
            Options = Options(manifest, chosen, references),
        };
    }

    /// <summary>Copies of documents have rows of their own, unless sequences were scored.</summary>
    private static IEnumerable<Skipped> LeftOutOfSequences(RunManifest manifest) =>
        manifest is { Options.Unit: UnitKind.Sequence, Duplicates: { Documents: > 0 } copies }
            ? [new Skipped(ScoreStatus.Duplicate, copies.Documents, copies.Bytes, "documents with the text of an earlier one, left out before packing")]
            : [];

    private static IEnumerable<(ScoreRow Row, bool Kept)> Rows(ScoreTable table, SelectionDirectory? chosen, CancellationToken cancel)
    {
        for (int shard = 0; shard < table.Parts.Count; shard++)
        {
            KeepMask? mask = chosen?.ReadMask(shard);
            if (mask is not null && mask.Rows != table.Parts[shard].Rows)
                throw new CorpusException(chosen!.Path, $"its mask {shard} has {mask.Rows} rows, the scores {table.Parts[shard].Rows}", "the selection belongs to another run: select again");
            long place = 0;
            foreach (ScoreRow row in table.Parts[shard].ReadRows())
            {
                cancel.ThrowIfCancellationRequested();
                yield return (row, mask?[place] ?? true);
                place++;
            }
        }
    }

    // One score for each end of the kept band; with cross-fitting, one for each half. Other strata have cuts of their own, which no
    // single line shows.
    private static IReadOnlyList<double>[] Cuts(SelectionDirectory? chosen, string metric)
    {
        if (chosen is null || chosen.Summary.Options.Within is not ([] or ["fold"]) || chosen.Summary.Options.By != Weighting.Units) return [];
        RuleOutcome[] rules = [.. chosen.Summary.Rules.Where(r => (KeepRule.Parse(r.Rule).Metric ?? metric) == metric)];
        if (rules.Length is not (1 or 2) || rules.Any(r => r.Lowest is null || r.Highest is null)) return [];
        if (rules.Select(r => r.Rule).Distinct().Count() > 1) return [];
        KeepRule kept = KeepRule.Parse(rules[0].Rule);
        double[] low = [.. rules.Select(r => r.Lowest!.Value)], high = [.. rules.Select(r => r.Highest!.Value)];
        return kept.Fraction >= 1 ? [] : kept.Band switch
        {
            Band.Bottom => [high],
            Band.Top => [low],
            Band.Middle => [low, high],
            Band.Random => [],
            _ => throw new ArgumentOutOfRangeException(nameof(chosen), kept.Band, null),
        };
    }

    private static string NameOf(RunModel model, int index, ReferenceManifest? references) => references is null
        ? Path.GetFileName(Path.TrimEndingDirectorySeparator(model.Path))
        : string.Create(CultureInfo.InvariantCulture, $"reference {index + 1}, saw half {index + 1}");

    private static string Summary(RunManifest manifest, SelectionDirectory? chosen, ScoreStatistics statistics)
    {
        string unit = manifest.Options.Unit == UnitKind.Sequence ? "sequences" : "documents";
        string[] names = [.. manifest.Inputs.Select(i => i.Name)];
        string text = names.Length <= 3 ? string.Join(", ", names) : $"{names[0]}, {names[1]} and {Figures.Count(names.Length - 2)} more files";
        string reference = manifest.FoldSeed is not null
            ? $"two references of {Figures.Short(manifest.Models[0].Parameters)} parameters that were trained here, each on one half; no {unit[..^1]} is scored by a model that saw it"
            : manifest.Models.Count == 1
                ? $"a reference of {Figures.Short(manifest.Models[0].Parameters)} parameters"
                : $"{manifest.Models.Count} references of {string.Join(", ", manifest.Models.Select(m => Figures.Short(m.Parameters)).Distinct())} parameters";
        string rules = chosen is null ? "" : string.Join(" and ", chosen.Summary.Options.Keep.Select(Words));
        string what = chosen is null ? $"{Figures.Count(statistics.All.Units)} {unit} of {text}, scored by" : $"Kept {rules} of {Figures.Count(statistics.All.Units)} {unit} of {text}, scored by";
        return $"{what} {reference}.";
    }

    private static string Words(KeepRule rule) => rule.Band == Band.Random
        ? $"a random {rule.Fraction * 100:0.##} %"
        : $"{string.Join(" and ", rule.Bands().Select(band => $"the {band.Band.ToString().ToLowerInvariant()} {(band.Fraction * 100).ToString("0.##", CultureInfo.InvariantCulture)} %"))} by {rule.Metric}";

    private static Fact[] Facts(RunManifest manifest, SelectionDirectory? chosen, ScoreStatistics s, string metric)
    {
        string unit = manifest.Options.Unit == UnitKind.Sequence ? "sequences" : "documents";
        string Of(long part, long all) => $"of {Figures.Short(all)} ({Figures.Percent(part / (double)Math.Max(all, 1))})";
        long without = s.All.Units - s.Scored;
        double tokensPerSecond = manifest.Cost.Tokens / Math.Max(manifest.Cost.WallSeconds, 1e-9);
        var facts = new List<Fact>();
        if (chosen is null)
        {
            facts.Add(new Fact(unit, Figures.Count(s.All.Units)));
            facts.Add(new Fact("tokens", Figures.Short(s.All.Tokens), "predicted"));
            facts.Add(new Fact("bytes of text", Figures.Bytes(s.All.Bytes)));
            facts.Add(new Fact($"median {metric}", Figures.Score(s.Median)));
        }
        else
        {
            facts.Add(new Fact($"{unit} kept", Figures.Count(s.Kept.Units), Of(s.Kept.Units, s.All.Units)));
            facts.Add(new Fact("tokens kept", Figures.Short(s.Kept.Tokens), Of(s.Kept.Tokens, s.All.Tokens)));
            facts.Add(new Fact("bytes kept", Figures.Bytes(s.Kept.Bytes), $"of {Figures.Bytes(s.All.Bytes)} ({Figures.Percent(s.Kept.Bytes / (double)Math.Max(s.All.Bytes, 1))})"));
            facts.Add(new Fact($"{metric} kept", $"{Figures.Score(s.KeptRange.Low, 3)} – {Figures.Score(s.KeptRange.High, 3)}", $"median of all {Figures.Score(s.Median)}"));
        }
        facts.Add(new Fact("time to score", Figures.Duration(manifest.Cost.WallSeconds), $"{Figures.Short(tokensPerSecond)} tokens/s"));
        facts.Add(new Fact("without a score", Figures.Count(without), without == 0 ? "every unit has one" : string.Join(", ", s.Unscored().Take(2).Select(u => $"{Figures.Count(u.Units)} {u.Status.Replace('_', ' ')}"))));
        return [.. facts];
    }

    private static Sample ToSample(ScoreStatistics.Picked picked, Dictionary<(int, long), string> texts) => new(
        picked.Score, picked.Kept, picked.Row.Id, picked.Row.Source, picked.Row.Bytes, picked.Row.Tokens,
        texts.GetValueOrDefault((picked.Row.Shard, picked.Row.Row), "(the text could not be read again)"));

    private static string CostNote(RunManifest manifest, ReferenceManifest? references)
    {
        const string counted = "Wall time; the arithmetic is counted by the models' formula. Reading, tokenizing and writing overlap the scoring.";
        if (references is not { References.Count: 2 }) return counted;
        double training = references.References.Sum(r => r.Flops), all = training + manifest.Cost.Flops;
        return $"So that no document is scored by a model that saw it, the corpus was split into two halves and a reference trained on a sample of each: {Figures.Percent(references.References[1].Flops / all)} of all arithmetic is the second reference, the price of that care. {counted}";
    }

    private static IEnumerable<CostLine> Costs(RunManifest manifest, ReferenceManifest? references)
    {
        CostLedger cost = manifest.Cost;
        foreach (TrainedReference r in references?.References ?? [])
        {
            double? part = cost.PeakGflops is { } peak && r.Seconds > 0 ? r.Flops / r.Seconds / (peak * 1e9) : null;
            yield return new CostLine($"train reference {r.Half + 1} on {Figures.Count(r.SampledDocuments)} documents", r.Seconds, r.Tokens, r.Flops, part);
        }
        yield return new CostLine("score", cost.WallSeconds, cost.Tokens, cost.Flops, cost.FractionOfPeak);
    }

    private (IReadOnlyList<string> Lines, long Count) BadRecords(RunManifest manifest)
    {
        string path = Path.Combine(run, "logs", "bad-records.jsonl");
        if (manifest.BadRecords == 0 || !File.Exists(path)) return ([], manifest.BadRecords);
        var lines = new List<string>();
        foreach (string line in File.ReadLines(path).Take(MostBadRecords))
        {
            try
            {
                using JsonDocument entry = JsonDocument.Parse(line);
                string Text(string name) => entry.RootElement.TryGetProperty(name, out JsonElement value) ? value.ToString() : "";
                lines.Add($"{Text("path")}:{Text("line")}: {Text("why")}");
            }
            catch (JsonException)
            {
                lines.Add(line);
            }
        }
        return (lines, manifest.BadRecords);
    }

    private static OptionGroup[] Options(RunManifest manifest, SelectionDirectory? chosen, ReferenceManifest? references)
    {
        static KeyValuePair<string, string> Pair(string name, object? value) => new(name, Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
        var scoring = new List<KeyValuePair<string, string>>
        {
            Pair("metrics", manifest.Options.Metrics.ToString().ToLowerInvariant()), Pair("unit", manifest.Options.Unit.ToString().ToLowerInvariant()),
            Pair("context", manifest.Context), Pair("window", manifest.Options.Window), Pair("before a document", manifest.BosIds.Count == 0 ? "nothing" : "ids " + string.Join(", ", manifest.BosIds)),
            Pair("cross-fitted", manifest.FoldSeed is not null ? "yes, two halves" : "no"),
        };
        foreach (JsonProperty option in manifest.Corpus.EnumerateObject())
        {
            if (option.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False) && option.Value.ToString() != "0") scoring.Add(Pair("corpus: " + option.Name, option.Value));
        }
        var groups = new List<OptionGroup> { new("Scoring", scoring) };
        if (chosen is not null)
        {
            var o = chosen.Summary.Options;
            groups.Add(new OptionGroup("Selection", [
                Pair("keep", string.Join(", ", o.Keep)), Pair("by", o.By.ToString().ToLowerInvariant()), Pair("within", o.Within.Count == 0 ? "all" : string.Join(", ", o.Within)),
                Pair("where", o.Where ?? "–"), Pair("without a score", o.Unscored.ToString().ToLowerInvariant()), Pair("seed", o.Seed)]));
        }
        if (references is { Plan: { } plan })
        {
            groups.Add(new OptionGroup("References", [
                Pair("shape", $"{plan.Layers} layers, width {plan.Width}, {plan.Heads} heads"), Pair("vocabulary", manifest.Tokenizer.VocabularySize), Pair("context", plan.Context),
                Pair("training tokens each", Figures.Count(plan.Tokens)), Pair("steps", plan.Steps), Pair("learning rate", plan.LearningRate), Pair("seed", references.Options.Seed)]));
        }
        groups.Add(new OptionGroup("Identities (SHA-256)", [
            .. manifest.Models.Select((m, i) => Pair(manifest.Models.Count == 1 ? "model" : $"model {i + 1}", Digest(m.Sha256))), Pair("tokenizer", Digest(manifest.Tokenizer.Sha256)),
            .. manifest.Inputs.Take(20).Select(i => Pair(i.Name, Digest(i.Sha256)))]));
        groups.Add(new OptionGroup("Machine", [
            Pair("winnow", manifest.Winnow), Pair("processor", manifest.Machine.Cpu), Pair("cores", manifest.Machine.Cores), Pair("backend", manifest.Machine.Backend),
            Pair("system", manifest.Machine.System), Pair("runtime", manifest.Machine.Runtime)]));
        return [.. groups];
    }

    private static string Digest(string sha) => sha.Length == 0 ? "not known (standard input)" : sha.Length > 32 ? sha[..32] + "…" : sha;

    private static CorpusOptions CorpusOptionsOf(RunManifest manifest)
    {
        JsonElement o = manifest.Corpus;
        string? Text(string name) => o.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return new CorpusOptions
        {
            TextField = Text("text_field"),
            IdField = Text("id_field"),
            SourceField = Text("source_field"),
            Paragraphs = o.TryGetProperty("paragraphs", out JsonElement paragraphs) && paragraphs.ValueKind == JsonValueKind.True,
            Format = Enum.TryParse(Text("format"), true, out CorpusFormat format) ? format : null,
            MaxBadRecords = long.MaxValue,
            MaxBadShards = int.MaxValue,
        };
    }
}
