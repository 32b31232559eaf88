using System.CommandLine;
using Winnow.Cli.Bench;
using Winnow.Cli.Infrastructure;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Winnow.Models;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow bench</c>: what this machine can do, and how much of it Winnow uses.</summary>
internal static class BenchCommand
{
    private static readonly string[] Names = ["gemm", "score", "memorization", "train", "train-tokenizer", "encode", "read", "select", "export"];
    private static readonly bool[] WholeAndShort = [false, true];
    private static readonly CorpusFormat[] ReadFormats = [CorpusFormat.Jsonl, CorpusFormat.Parquet];
    private static readonly string[] DefaultPresets = ["gpt2-124m", "small"];

    internal static Command Create(Terminal terminal)
    {
        var compute = new ComputeChoices(inference: true);
        Option<string[]?> names = Choose.List("--only", "LIST", $"What to measure: {string.Join(", ", Names)}. Default: all.", Names);
        Option<string?> preset = Choose.Text("--preset", "NAME", "Model shape, random weights. Default: gpt2-124m and small.", [.. Presets.Names]);
        Option<string?> model = Choose.Text("--model", "DIR", "Score with this checkpoint instead of a preset.");
        Option<long?> context = Choose.Whole("--context", "Tokens in a sequence. Default: the preset's.", 2, most: int.MaxValue);
        Option<string[]> text = Choose.Many("--text", "INPUT", "Text for the benchmarks that need some. Default: the documentation that the .NET SDK carries.");
        Option<string?> tokenizer = Choose.Text("--tokenizer", "DIR", "Tokenizer for `encode`. Default: one of 16,384 tokens, trained on the text.");
        Option<long?> rounds = Choose.Whole("--rounds", "Runs of each; the median counts. Default: 5.", 1, most: 1000);
        Option<string?> time = Choose.Text("--clock", "KIND", "wall, or cpu: time of this process' threads, for a machine that others load too. Default: wall.", "wall", "cpu");
        Option<bool> profile = Choose.Flag("--profile", "Also say where the time of scoring and training went, operation by operation.");
        Option<bool> json = Choose.Flag("--json", "Print the results as one JSON object.");
        var engine = new EngineBench();
        WinnowCommand command = new WinnowCommand("bench", "measures this machine's peak and what scoring, training and tokenizing reach of it.", "[--preset NAME] [--model DIR]")
        {
            Details = "The peak (fused multiply-adds on registers, all threads) is measured before and after every run, in the same process; a fraction is the run's speed by the peak around it, and every value is the median of the runs.",
            Examples = ["winnow bench", "winnow bench --preset gpt2-124m --only gemm,score --json", "winnow bench --model DIR", "winnow bench --engine --units 100M"],
        }
        .With("What", names, preset, model, context, text, tokenizer).With("Work", [.. compute.Symbols, rounds, time, profile, json])
        .With("Engine", engine.Symbols);
        command.SetAction(async (parse, cancel) =>
        {
            if (engine.IsWanted(parse)) return await engine.RunAsync(parse, terminal, compute.Threads(parse), parse.GetValue(json), cancel);
            int threads = compute.Threads(parse), count = (int)(parse.GetValue(rounds) ?? 5);
            string[] wanted = Choose.Given(parse, names) ?? Names;
            var clock = new BenchClock(parse.GetValue(time) == "cpu");
            var peaks = new Peaks(clock);
            peaks.Measure(threads, Precision.F32);
            if (CpuBackend.SupportsBF16) peaks.Measure(threads, Precision.BF16);
            var results = new List<Measurement>();
            await Task.Run(async () =>
            {
                using IBackend fast = compute.Backend(parse);
                using TimedBackend? counter = parse.GetValue(profile) ? new TimedBackend(fast, terminal.Time) : null;
                await foreach (Func<Benchmark> make in Plan(parse, wanted, counter ?? fast, threads, cancel))
                {
                    using Benchmark benchmark = make();
                    terminal.Say($"{benchmark.Name} {benchmark.Preset} …");
                    results.Add(BenchRunner.Measure(benchmark, count, clock, peaks, cancel));
                    if (counter is not null && counter.Timings.Count > 0) Profile.Print(terminal, counter, threads);
                    counter?.Reset();
                }
            }, CancellationToken.None);
            Print(terminal, parse.GetValue(json), threads, peaks, results);
            return CommandLine.Done;
        });
        return command;

        async IAsyncEnumerable<Func<Benchmark>> Plan(ParseResult parse, string[] wanted, IBackend backend, int threads, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
        {
            if (wanted.Contains("gemm")) yield return () => new GemmBenchmark(backend, threads);
            string? directory = parse.GetValue(model);
            int length = (int)(parse.GetValue(context) ?? 0);
            if (directory is not null)
            {
                string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(directory));
                foreach (bool shortTexts in wanted.Contains("score") ? WholeAndShort : [])
                {
                    yield return () =>
                    {
                        Decoder decoder = Decoder.Load(directory, backend);
                        return new ScoreBenchmark(decoder, name, length > 0 ? length : Math.Min(decoder.Config.MaxLength, 1024), backend, shortTexts);
                    };
                }
                if (wanted.Contains("memorization")) yield return () => new MemorizationBenchmark(Decoder.Load(directory, backend), name, backend);
            }
            string[] presets = parse.GetValue(preset) is { } one ? [one] : directory is null ? DefaultPresets : [];
            foreach (string name in presets)
            {
                DecoderConfig config = Presets.Named(name, 0, length);
                foreach (bool shortTexts in wanted.Contains("score") ? WholeAndShort : [])
                {
                    yield return () => new ScoreBenchmark(Decoder.Create(config, 1, backend), name, config.MaxLength, backend, shortTexts);
                }
                if (wanted.Contains("memorization")) yield return () => new MemorizationBenchmark(Decoder.Create(config, 1, backend), name, backend);
                if (wanted.Contains("train")) yield return () => new TrainBenchmark(config, name, config.MaxLength, backend, threads);
            }
            if (wanted.Contains("select")) yield return () => new SelectBenchmark(threads);
            if (!wanted.Intersect(["train-tokenizer", "encode", "read", "export"]).Any()) yield break;
            List<Document> documents = await TextAsync(parse.GetValue(text) ?? [], cancel);
            foreach (CorpusFormat format in wanted.Contains("read") ? ReadFormats : []) yield return () => new ReadBenchmark(documents, format);
            if (wanted.Contains("export")) yield return () => new ExportBenchmark(documents);
            if (wanted.Contains("train-tokenizer")) yield return () => new TrainTokenizerBenchmark(documents, 16_384, threads);
            if (!wanted.Contains("encode")) yield break;
            Tokenizer encoder = parse.GetValue(tokenizer) is { } place
                ? Tokenizer.Load(place)
                : await BytePairTrainer.TrainAsync(documents.ToAsyncEnumerable(), new BytePairOptions(16_384) { Threads = threads }, null, cancel);
            yield return () => new EncodeBenchmark(encoder, documents);
        }
    }

    private static async Task<List<Document>> TextAsync(string[] inputs, CancellationToken cancel)
    {
        const long most = 100_000_000;
        CorpusReader reader = CorpusReader.Open(inputs.Length > 0 ? inputs : DotnetDocumentation.Find(), new CorpusOptions { KeepRecords = false });
        var documents = new List<Document>();
        long bytes = 0;
        await foreach (Document document in reader.ReadAsync(cancel))
        {
            documents.Add(document);
            bytes += document.Text.Length;
            if (bytes >= most) break;
        }
        return inputs.Length > 0 ? documents : Joined(documents);
    }

    /// <summary>Documentation comes a sentence or two at a time; web documents are a few kilobytes long.</summary>
    private static List<Document> Joined(List<Document> pieces)
    {
        const int least = 3000;
        var documents = new List<Document>();
        var text = new List<byte>(2 * least);
        foreach (Document piece in pieces)
        {
            text.AddRange(piece.Text.Span);
            text.Add((byte)'\n');
            if (text.Count < least && piece != pieces[^1]) continue;
            documents.Add(piece with { Text = text.ToArray() });
            text.Clear();
        }
        return documents;
    }

    private static void Print(Terminal terminal, bool json, int threads, Peaks peaks, List<Measurement> results)
    {
        MachineFacts machine = MachineFacts.Read();
        if (json)
        {
            Answer.Print(terminal, new
            {
                machine = new { cpu = machine.Cpu, cores = machine.Cores, lanes = CpuBackend.SupportedLanes[0], device = "cpu" },
                peak_gflops = new { f32 = peaks.Best(Precision.F32), bf16 = peaks.Best(Precision.BF16) },
                results = results.Select(r => r with { Value = Math.Round(r.Value, 2) }),
            });
            return;
        }
        terminal.Out.WriteLine($"{machine.Cpu}, {machine.Cores} cores, {CpuBackend.SupportedLanes[0]} lanes; measured peak {peaks.Best(Precision.F32):0} GFLOP/s in f32{(peaks.Best(Precision.BF16) is { } narrow ? $", {narrow:0} in bf16," : "")} with {threads} thread{(threads == 1 ? "" : "s")}");
        terminal.Out.WriteLine();
        var table = new PlainTable("what", "on", "precision", "threads", "speed", "of peak", "memory");
        foreach (Measurement r in results)
        {
            table.Add(r.Name, r.Preset, r.Precision ?? "", Figures.Count(r.Threads), $"{(r.Value >= 1000 ? Figures.Count((long)Math.Round(r.Value)) : Figures.Significant(r.Value, 3))} {r.Unit}", r.FractionOfPeak is { } part ? Figures.Percent(part) : "", Figures.Bytes(r.PeakBytes));
        }
        table.Write(terminal.Out, 2);
    }
}
