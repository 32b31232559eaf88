using System.CommandLine;
using Winnow.Cli.Infrastructure;
using Winnow.Data.Corpus;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Pruning;
using Winnow.Pruning.Export;
using Winnow.Pruning.References;
using Winnow.Pruning.Scoring;
using Winnow.Studies.Reports;
using Winnow.Work;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow prune</c>: a corpus in, the part worth training on and a report out.</summary>
internal static class PruneCommand
{
    internal static Command Create(Terminal terminal)
    {
        var corpus = new CorpusChoices();
        var compute = new ComputeChoices(inference: true);
        var scoring = new ScoringChoices();
        var selection = new SelectionChoices();
        var engine = new EngineChoices();
        Option<string[]> models = Choose.Many("--model", "DIR|auto", "Reference model; `auto` trains two small ones here, each on half of the corpus, and each scores the half it did not see. Default: auto.");
        Option<string?> tokenizer = Choose.Text("--tokenizer", "DIR", "Tokenizer directory or file. Default: the model's own; with `auto`, one is trained.");
        Option<string?> preset = Choose.Text("--preset", "NAME", "With `auto`: the references' shape. Default: as large as the corpus is worth.", [.. Presets.Names]);
        Option<long?> tokens = Choose.Whole("--reference-tokens", "With `auto`: training tokens of each reference. Default: what its size and the corpus are worth.");
        Option<long?> vocabulary = Choose.Whole("--vocab", "With `auto`: tokens of the tokenizer that is trained. Default: by the corpus' size.", 257, most: 1 << 24);
        Option<string?> output = Choose.Text("--out", "DIR", "Gets pruned/, run/, selection/ and report.html.");
        Option<string?> rejected = Choose.Text("--rejected", "DIR", "Gets the records that are not kept.");
        Option<string?> format = Choose.Text("--format", "KIND", "same (as the input, records byte for byte), jsonl or parquet. Default: same.", "same", "jsonl", "parquet");
        Option<bool> restart = Choose.Flag("--restart", "Throw away what is there of this pruning and start over.");
        Option<bool> force = Choose.Flag("--force", "Write into a directory that holds something else.");
        Option<bool> dry = Choose.Flag("--dry-run", "Say what would be read, trained, scored and written; write nothing.");
        Option<bool> json = Choose.Flag("--json", "Print the result as one JSON object.");
        WinnowCommand command = new WinnowCommand("prune", "keeps the part of a corpus that is worth training on.", "INPUT… --out DIR [--keep middle:50%] [--model DIR|auto]")
        {
            Details = "Scores every document with a reference model, ranks, keeps a band of the ranking and writes the kept records as they were. Interrupted or killed, the same command goes on where it stopped.",
            Examples = [
                "winnow prune corpus.jsonl.zst --out pruned",
                "winnow prune data/ --model DIR --keep middle:50% --within source --rejected rest --out pruned",
                "winnow prune corpus.jsonl --unit sequence --metric el2n --keep bottom:0.3 --model DIR --out pruned"],
        }
        .With("Input", corpus.Symbols).With("Reference and scores", [models, tokenizer, preset, tokens, vocabulary, .. scoring.Symbols]).With("What is kept", selection.Symbols)
        .With("Output and work", [output, rejected, format, .. compute.Symbols, restart, force, dry, json])
        .With("Workers", engine.Symbols);
        command.SetAction(async (parse, cancel) =>
        {
            string[] named = parse.GetValue(models) ?? [];
            if (named.Contains("auto") && named.Length > 1) throw new RequestException("--model", "`auto` together with other models", "give `auto`, or directories");
            var request = new PruneRequest
            {
                Inputs = corpus.Inputs(parse),
                Corpus = corpus.Options(parse) with { Fields = scoring.Fields(parse) },
                Models = named is ["auto"] ? [] : named,
                Tokenizer = parse.GetValue(tokenizer),
                Auto = new AutoReferenceOptions { Seed = (ulong)(selection.Seed(parse) ?? 1), Preset = parse.GetValue(preset), Tokens = parse.GetValue(tokens), Vocabulary = (int?)parse.GetValue(vocabulary) },
                Scoring = scoring.Options(parse),
                Runtime = new ScoringRuntime { Restart = parse.GetValue(restart), Force = parse.GetValue(force), Clock = terminal.Time },
                Threads = compute.Threads(parse),
                Selection = selection.Options(parse, "middle:50%"),
                Format = parse.GetValue(format) switch { "jsonl" => ExportFormat.Jsonl, "parquet" => ExportFormat.Parquet, _ => ExportFormat.Same },
                Output = Demand.Of(parse, output),
                Rejected = parse.GetValue(rejected),
            };
            corpus.Explain(terminal, parse);
            using IBackend backend = compute.Backend(parse);
            if (parse.GetValue(dry))
            {
                int said = await PlanAsync(terminal, request, backend, parse.GetValue(json), cancel);
                if (!parse.GetValue(json)) engine.Preview(parse, terminal, PruneWork.PlaceOf(request), [.. PruneWork.Steps, ReportStage.Step]);
                return said;
            }
            request = request with { Runtime = request.Runtime with { PeakGflops = compute.Peak(parse, backend) } };
            PruneResult? result;
            string report = Path.Combine(request.Output, "report.html");
            if (engine.Of(parse, terminal, compute.Threads(parse)) is { } workers)
            {
                result = await RunAsync(terminal, request, backend, engine.Split(parse, backend), workers, cancel);
                if (result is null) return CommandLine.Done;
            }
            else
            {
                result = await RunAsync(terminal, request, backend, cancel);
                await ReportAsync(terminal, result, cancel);
            }
            if (parse.GetValue(json)) PrintJson(terminal, result, report);
            else Say(terminal, result, report);
            return CommandLine.Done;
        });
        return command;
    }

    /// <summary>Prunes with the progress shown; an interruption says how to go on.</summary>
    internal static Task<PruneResult> RunAsync(Terminal terminal, PruneRequest request, IBackend backend, CancellationToken cancel) =>
        ShowAsync(terminal, request, progress => Pruner.PruneAsync(request, backend, progress, cancel), cancel);

    private static async Task<T> ShowAsync<T>(Terminal terminal, PruneRequest request, Func<IProgress<PruneProgress>, Task<T>> run, CancellationToken cancel)
    {
        using var display = new ProgressDisplay(terminal, "prepare", "");
        var progress = new Relay<PruneProgress>(p => display.Show(new ProgressState(
            Words(p.Phase), 0, "", p.FractionDone, p.TokensPerSecond > 0 ? $"{Figures.Short(p.TokensPerSecond)} tokens/s" : "", p.Remaining)));
        try
        {
            return await Task.Run(() => run(progress), CancellationToken.None);
        }
        catch (OperationCanceledException)
        {
            throw new ResumableException($"what is done is in {request.Output}; the same command goes on from there");
        }
    }

    /// <summary>Plans a pruning, and has workers do it; null where they go on by themselves.</summary>
    private static async Task<PruneResult?> RunAsync(
        Terminal terminal, PruneRequest request, IBackend backend, ScoringSplit split, IWorkEngine engine, CancellationToken cancel)
    {
        string place = PruneWork.PlaceOf(request);
        ReferenceManifest? references = await ShowAsync(terminal, request, progress => PruneWork.PlanAsync(request, backend, split, progress, cancel), cancel);
        ReportStage.Plan(place, Path.Combine(request.Output, "selection"), references, Path.Combine(request.Output, "report.html"));
        await EngineRun.RunAsync(terminal, engine, place, [.. PruneWork.Steps, ReportStage.Step], cancel);
        return EngineRun.IsComplete(terminal, place, ReportStage.Name) ? PruneWork.ResultOf(request, references) : null;
    }

    /// <summary>Writes the report of a pruning and returns its path.</summary>
    internal static async Task<string> ReportAsync(Terminal terminal, PruneResult result, CancellationToken cancel)
    {
        string to = Path.Combine(result.Directory, "report.html");
        await ReportCommand.WriteAsync(terminal, new RunReport(Path.Combine(result.Directory, "run"), Path.Combine(result.Directory, "selection")) { References = result.References }, to, ".partial", cancel);
        return to;
    }

    /// <summary>Says what was made, where, and what to do next.</summary>
    internal static void Say(Terminal terminal, PruneResult result, string report)
    {
        if (result.Run.Duplicates is { } copies)
            terminal.Say($"left out {Figures.Count(copies.Documents)} exact copies of earlier documents, {Figures.Bytes(copies.Bytes)} of text");
        terminal.Say($"kept {Figures.Count(result.Selection.Kept.Units)} of {Figures.Count(result.Selection.All.Units)} units ({string.Join(", ", result.Selection.Options.Keep)}), {Figures.Bytes(result.Selection.Kept.Bytes)} of {Figures.Bytes(result.Selection.All.Bytes)} of text");
        terminal.Say($"pruned: {Path.Combine(result.Directory, "pruned")}; report: {report}; next: winnow train {Shell.Quote(Path.Combine(result.Directory, "pruned"))} --out model");
    }

    private static string Words(string phase) => phase switch
    {
        "measure" => "measure the corpus",
        "tokenizer" => "train the tokenizer",
        "train 1/2" => "train reference 1 of 2",
        "train 2/2" => "train reference 2 of 2",
        _ => phase,
    };

    private static void PrintJson(Terminal terminal, PruneResult result, string report) => Answer.Print(terminal, new
    {
        output = result.Directory,
        report,
        keep = result.Selection.Options.Keep.Select(k => k.ToString()),
        result.Selection.All,
        result.Selection.Kept,
        result.Selection.Unscored,
        result.Run.Duplicates,
        files = result.Export.Kept,
        rejected = result.Export.Rejected,
        cost = result.Run.Cost,
        references = result.References?.References,
    });

    private static async Task<int> PlanAsync(Terminal terminal, PruneRequest request, IBackend backend, bool json, CancellationToken cancel)
    {
        ScoringEstimate? estimate = request.Models.Count == 0 ? null : await Task.Run(
            () => Scorer.EstimateAsync(
                new ScoringRequest { Inputs = request.Inputs, Corpus = request.Corpus, Models = request.Models, Tokenizer = request.Tokenizer, Output = Path.Combine(request.Output, "run"), Options = request.Scoring },
                backend, cancel), CancellationToken.None);
        ReferencePlan? plan = request.Models.Count == 0 ? AutoReferences.Estimate(request) : null;
        CorpusReader reader = CorpusReader.Open(request.Inputs, request.Corpus);
        long bytes = reader.Shards.Sum(s => Math.Max(s.Bytes, 0));
        if (json)
        {
            Answer.Print(terminal, new { files = reader.Shards.Count, file_bytes = bytes, keep = request.Selection.Keep.Select(k => k.ToString()), scoring = estimate, references = plan, output = request.Output, request.Rejected });
            return CommandLine.Done;
        }
        terminal.Out.WriteLine($"would read    {Figures.Count(reader.Shards.Count)} files, {Figures.Bytes(bytes)}");
        if (plan is not null) terminal.Out.WriteLine($"would train   a tokenizer of {Figures.Count(plan.Vocabulary)} tokens and two references of {plan.Layers} layers, width {plan.Width}, on {Figures.Short(plan.Tokens)} tokens each");
        if (estimate is not null) terminal.Out.WriteLine($"would score   about {Figures.Short(estimate.Tokens)} tokens in about {Figures.Duration(estimate.Seconds)} at {Figures.Short(estimate.TokensPerSecond)} tokens/s (measured on a sample)");
        terminal.Out.WriteLine($"would keep    {string.Join(" and ", request.Selection.Keep)}");
        terminal.Out.WriteLine($"would write   {request.Output}: pruned/, run/, selection/, report.html{(request.Rejected is { } rest ? $"; the others to {rest}" : "")}");
        return CommandLine.Done;
    }
}
