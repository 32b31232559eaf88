using System.CommandLine;
using Winnow.Cli.Bench;
using Winnow.Cli.Infrastructure;
using Winnow.Data.Tokenizers;
using Winnow.Kernels;
using Winnow.Pruning;
using Winnow.Pruning.Duplicates;
using Winnow.Pruning.Scoring;
using Winnow.Studies.Reports;
using Winnow.Work;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow score</c>: a corpus and reference models in, a run directory out.</summary>
internal static class ScoreCommand
{
    internal static Command Create(Terminal terminal)
    {
        var corpus = new CorpusChoices();
        var compute = new ComputeChoices(inference: true);
        var scoring = new ScoringChoices();
        var engine = new EngineChoices();
        Option<string[]> models = Choose.Many("--model", "DIR", "Directory of a Hugging Face checkpoint, or one that `winnow train` made. Several give each unit several scores, their mean and spread.");
        Option<string?> tokenizer = Choose.Text("--tokenizer", "DIR", "Tokenizer directory or file. Default: the model's own.");
        Option<string?> output = Choose.Text("--out", "RUN", "Directory for the run: scores, manifest, logs.");
        Option<bool> restart = Choose.Flag("--restart", "Throw away the scores that are there and start over.");
        Option<bool> force = Choose.Flag("--force", "Write into a directory that holds something else.");
        Option<bool> dry = Choose.Flag("--dry-run", "Say what would be read, computed, written and how long it would take; write nothing.");
        Option<bool> json = Choose.Flag("--json", "Print the result as one JSON object.");
        Option<bool> profile = Choose.Flag("--profile", "Also say where the time went, operation by operation.");
        WinnowCommand command = new WinnowCommand("score", "gives every document of a corpus its scores under a reference model.", "INPUT… --model DIR --out RUN")
        {
            Details = "Interrupted or killed, the same command goes on where it stopped. The files are the same for any number of threads.",
            Examples = ["winnow score corpus.jsonl.zst --model gpt2 --out run", "winnow score data/ --model DIR --metrics perplexity,el2n,memorization --context 512 --out run"],
        }
        .With("Input", corpus.Symbols).With("Scores", [models, tokenizer, .. scoring.Symbols])
        .With("Output and work", [output, .. compute.Symbols, restart, force, dry, json, profile])
        .With("Workers", engine.Symbols);
        command.SetAction(async (parse, cancel) =>
        {
            var request = new ScoringRequest
            {
                Inputs = corpus.Inputs(parse),
                Corpus = corpus.Options(parse) with { Fields = scoring.Fields(parse) },
                Models = Demand.Of(parse, models!),
                Tokenizer = parse.GetValue(tokenizer),
                Output = Demand.Of(parse, output),
                Options = scoring.Options(parse),
                Runtime = new ScoringRuntime { Restart = parse.GetValue(restart), Force = parse.GetValue(force), Clock = terminal.Time },
            };
            corpus.Explain(terminal, parse);
            IBackend fast = compute.Backend(parse);
            using IBackend backend = parse.GetValue(profile) ? new TimedBackend(fast, terminal.Time) : fast;
            if (parse.GetValue(dry))
            {
                int said = await EstimateAsync(terminal, request, backend, parse.GetValue(json), cancel);
                if (!parse.GetValue(json)) engine.Preview(parse, terminal, request.Output, ScoringWork.Steps);
                return said;
            }
            if (engine.Of(parse, terminal, compute.Threads(parse)) is { } workers)
            {
                Report(terminal, await RunAsync(terminal, request, backend, engine.Split(parse, backend), workers, cancel), parse.GetValue(json));
                return CommandLine.Done;
            }
            request = request with { Runtime = request.Runtime with { PeakGflops = compute.Peak(parse, backend) } };
            ScoringResult result = await RunAsync(terminal, request, backend, cancel);
            Report(terminal, result, parse.GetValue(json));
            if (backend is TimedBackend timed) Profile.Print(terminal, timed, compute.Threads(parse));
            return CommandLine.Done;
        });
        return command;
    }

    /// <summary>Scores with the progress shown; an interruption says how to go on.</summary>
    internal static async Task<ScoringResult> RunAsync(Terminal terminal, ScoringRequest request, IBackend backend, CancellationToken cancel)
    {
        using var display = new ProgressDisplay(terminal, "score", "documents");
        try
        {
            return await Task.Run(() => Scorer.ScoreAsync(request, backend, new Relay<ScoringProgress>(p => display.Show(State(p))), cancel), CancellationToken.None);
        }
        catch (OperationCanceledException)
        {
            throw new ResumableException($"the scores so far are in {request.Output}; the same command goes on from there");
        }
    }

    /// <summary>Plans a scoring, and has workers do it.</summary>
    internal static async Task<ScoringResult> RunAsync(
        Terminal terminal, ScoringRequest request, IBackend backend, ScoringSplit split, IWorkEngine engine, CancellationToken cancel)
    {
        bool open;
        using (var display = new ProgressDisplay(terminal, "plan", ""))
        {
            open = await Task.Run(() => ScoringWork.PlanAsync(request, backend, split, new Relay<ScoringProgress>(p => display.Show(State(p))), cancel), CancellationToken.None);
        }
        if (open) await EngineRun.RunAsync(terminal, engine, Path.GetFullPath(request.Output), ScoringWork.Steps, cancel);
        return new ScoringResult(request.Output, RunDirectory.ReadManifest(request.Output), WasComplete: !open);
    }

    /// <summary>A scoring's progress as the display shows it.</summary>
    internal static ProgressState State(ScoringProgress p) => new(
        p.Phase, p.Units, "units", p.FractionDone, p.TokensPerSecond > 0 ? $"{Figures.Short(p.TokensPerSecond)} tokens/s" : "", p.Remaining);

    private static async Task<int> EstimateAsync(Terminal terminal, ScoringRequest request, IBackend backend, bool json, CancellationToken cancel)
    {
        ScoringEstimate estimate = await Task.Run(() => Scorer.EstimateAsync(request, backend, cancel), CancellationToken.None);
        if (json)
        {
            Answer.Print(terminal, estimate);
            return CommandLine.Done;
        }
        terminal.Out.WriteLine($"would read    {Figures.Count(estimate.Files)} files, {Figures.Bytes(estimate.FileBytes)}, about {Figures.Short(estimate.Documents)} documents");
        terminal.Out.WriteLine($"would score   about {Figures.Short(estimate.Tokens)} tokens, {Figures.Short(estimate.Flops)} FLOP");
        terminal.Out.WriteLine($"would take    about {Figures.Duration(estimate.Seconds)} at {Figures.Short(estimate.TokensPerSecond)} tokens/s (measured on a sample)");
        terminal.Out.WriteLine($"would write   {request.Output}, about {Figures.Bytes(estimate.OutputBytes)}");
        return CommandLine.Done;
    }

    private static void Report(Terminal terminal, ScoringResult result, bool json)
    {
        if (json)
        {
            Answer.Print(terminal, new { run = result.Directory, was_complete = result.WasComplete, result.Manifest.Statuses, result.Manifest.Duplicates, result.Manifest.BadRecords, result.Manifest.Cost });
            return;
        }
        if (result.Manifest.State != RunState.Complete)
        {
            terminal.Say($"run: {result.Directory}; `winnow run status {Shell.Quote(result.Directory)}` says how far it is");
            return;
        }
        long units = result.Manifest.Statuses.Values.Sum();
        if (result.WasComplete) terminal.Say($"the run in {result.Directory} was complete: nothing to do");
        else terminal.Say($"scored {Figures.Count(units)} units, {Figures.Count(result.Manifest.Cost.PredictedTokens)} tokens, in {Figures.Duration(result.Manifest.Cost.WallSeconds)}{Statuses(result)}{Shares(result.Manifest.Cost)}");
        if (result.Manifest.Duplicates is { } copies)
            terminal.Say($"left out {Figures.Count(copies.Documents)} exact copies of earlier documents, {Figures.Bytes(copies.Bytes)} of text");
        if (result.Manifest.Cost.DocumentsWithSpecial is > 0 and long special)
            terminal.Say($"{Figures.Count(special)} documents carry the text of a special token, taken as {(result.Manifest.Options.SpecialInText == SpecialInText.Match ? "that token (`--special-in-text literal` takes it as text)" : "text")}");
        terminal.Say($"run: {result.Directory}; next: winnow select {Shell.Quote(result.Directory)} --metric perplexity --keep middle:50% --out selection");
    }

    // What stands beside the forward: it overlaps it, and should be little.
    private static string Shares(CostLedger cost)
    {
        if (cost.WallSeconds <= 0) return "";
        string Part(string phase) => $"{phase} {Figures.Percent(cost.Seconds.GetValueOrDefault(phase) / cost.WallSeconds)}";
        string speed = cost.FractionOfPeak is { } fraction ? $"{Figures.Percent(fraction)} of the measured peak; " : "";
        return $"; {speed}of the time {Part("read")}, {Part("tokenize")}, {Part("write")}";
    }

    private static string Statuses(ScoringResult result)
    {
        string[] others = [.. result.Manifest.Statuses.Where(s => s.Key != "ok" && s.Value > 0).Select(s => $"{Figures.Count(s.Value)} {s.Key}")];
        return others.Length == 0 ? "" : $" ({string.Join(", ", others)})";
    }
}

/// <summary>What decides the scores.</summary>
internal sealed class ScoringChoices
{
    private readonly Option<string[]?> metrics = Choose.List("--metrics", "LIST", "perplexity, el2n, memorization, separated by commas. Default: perplexity,el2n.", "perplexity", "el2n", "memorization");
    private readonly Option<string?> unit = Choose.Text("--unit", "KIND", "What is scored and kept: document, or sequence (documents joined and cut to the context). Default: document.", "document", "sequence");
    private readonly Option<long?> context = Choose.Whole("--context", "Tokens in a window. Default: the model's, at most 2048.", 2, most: int.MaxValue);
    private readonly Option<string?> window = Choose.Text("--window", "RULE", "Longer texts: disjoint windows, truncate after the first, or stride:N with N tokens of context. Default: disjoint.");
    private readonly Option<string?> bos = Choose.Text("--bos", "RULE", "Before a document: what the tokenizer prepends, none, or end-of-text. Default: tokenizer.", "tokenizer", "none", "end-of-text");
    private readonly Option<long?> prompt = Choose.Whole("--prompt", "Memorization: tokens of the prompt. Default: 32.", 1, most: 65536);
    private readonly Option<long?> continuation = Choose.Whole("--continuation", "Memorization: tokens compared. Default: 32.", 1, most: 65536);

    private readonly Option<string[]?> fields = Choose.List("--fields", "LIST", "Properties or columns that become columns of the score table, as text, for `--within` and `--where`: `--fields lang,meta.site`.");
    private readonly Option<string?> dedup = Choose.Text("--dedup", "RULE", "exact: of documents with the same text only the first is scored; the copies are counted and never kept. Default: none.", "none", "exact");
    private readonly Option<string?> inText = Choose.SpecialInText();

    internal Symbol[] Symbols => [metrics, unit, context, window, bos, inText, dedup, fields, prompt, continuation];

    /// <summary>What documents carry along into the score table.</summary>
    internal string[]? Fields(ParseResult parse) => Choose.Given(parse, fields);

    internal ScoringOptions Options(ParseResult parse)
    {
        var options = new ScoringOptions();
        return options with
        {
            Metrics = Choose.Given(parse, metrics) is { } names ? names.Aggregate(Metrics.None, (all, name) => all | Of(name)) : options.Metrics,
            Unit = parse.GetValue(unit) == "sequence" ? UnitKind.Sequence : UnitKind.Document,
            Context = (int?)parse.GetValue(context),
            Window = parse.GetValue(window) is { } rule ? Choose.Read("--window", () => WindowRule.Parse(rule)) : options.Window,
            Bos = parse.GetValue(bos) switch { "none" => BosPolicy.None, "end-of-text" => BosPolicy.EndOfText, _ => options.Bos },
            SpecialInText = Choose.SpecialInText(parse, inText),
            Dedup = parse.GetValue(dedup) == "exact" ? Dedup.Exact : Dedup.None,
            Prompt = (int)(parse.GetValue(prompt) ?? options.Prompt),
            Continuation = (int)(parse.GetValue(continuation) ?? options.Continuation),
        };
    }

    private static Metrics Of(string name) => name switch
    {
        "perplexity" => Metrics.Perplexity,
        "el2n" => Metrics.El2n,
        "memorization" => Metrics.Memorization,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
    };
}
