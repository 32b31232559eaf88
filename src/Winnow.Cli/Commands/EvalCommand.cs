using System.CommandLine;
using Winnow.Cli.Infrastructure;
using Winnow.Kernels;
using Winnow.Pruning.Scoring;
using Winnow.Studies.Evaluation;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow eval</c>: how well a model predicts held-out text.</summary>
internal static class EvalCommand
{
    internal static Command Create(Terminal terminal)
    {
        Argument<string?> model = Choose.Place("MODEL", "Directory of a Hugging Face checkpoint, or one that `winnow train` made.");
        var corpus = new CorpusChoices();
        var compute = new ComputeChoices(inference: true);
        Option<string?> tokenizer = Choose.Text("--tokenizer", "DIR", "Tokenizer directory or file. Default: the model's own.");
        Option<long?> context = Choose.Whole("--context", "Tokens in a window. Default: the model's, at most 2048.", 2, most: int.MaxValue);
        Option<string?> window = Choose.Text("--window", "RULE", "Longer texts: disjoint, truncate or stride:N. Default: disjoint.");
        Option<double?> confidence = Choose.Number("--confidence", "F", "Of the intervals. Default: 0.95.", 0.5, 0.9999);
        Option<long?> seed = Choose.Whole("--seed", "Of the bootstrap. Default: 1.", 0);
        Option<bool> json = Choose.Flag("--json", "Print the result as one JSON object.");
        WinnowCommand command = new WinnowCommand("eval", "measures a model's perplexity and bits per byte on held-out text, with confidence intervals.", "MODEL INPUT…")
        {
            Details = "The intervals come from a bootstrap over documents, because the tokens of one document are not independent.",
            Examples = ["winnow eval model held-out.jsonl", "winnow eval model test/ --json"],
        }
        .With("Input", [model, .. corpus.Symbols]).With("Options", [tokenizer, context, window, confidence, seed, .. compute.Symbols, json]);
        command.SetAction(async (parse, cancel) =>
        {
            var request = new EvaluationRequest
            {
                Model = Demand.Of(parse, model),
                Inputs = corpus.Inputs(parse),
                Corpus = corpus.Options(parse),
                Tokenizer = parse.GetValue(tokenizer),
                Context = (int?)parse.GetValue(context),
                Window = parse.GetValue(window) is { } rule ? Choose.Read("--window", () => WindowRule.Parse(rule)) : new(WindowKind.Disjoint),
                Confidence = parse.GetValue(confidence) ?? 0.95,
                Seed = (ulong)(parse.GetValue(seed) ?? 1),
            };
            corpus.Explain(terminal, parse);
            EvaluationResult result;
            using (IBackend backend = compute.Backend(parse))
            using (var display = new ProgressDisplay(terminal, "eval", "units"))
            {
                result = await Task.Run(() => Evaluator.EvaluateAsync(request, backend, new Relay<ScoringProgress>(p => display.Show(ScoreCommand.State(p))), cancel), CancellationToken.None);
            }
            if (parse.GetValue(json)) Answer.Print(terminal, result);
            else Print(terminal, result);
            return CommandLine.Done;
        });
        return command;
    }

    private static void Print(Terminal terminal, EvaluationResult result)
    {
        var table = new PlainTable("text", "documents", "tokens", "perplexity", "interval", "bits per byte", "interval");
        foreach (EvaluatedSet set in result.Sources.Count > 1 ? result.Sources.Append(result.All) : [result.All])
        {
            table.Add(set.Name, Figures.Count(set.Documents), Figures.Count(set.Tokens), Figures.Score(set.Perplexity.Value), Interval(set.Perplexity), Figures.Significant(set.BitsPerByte.Value, 4), Interval(set.BitsPerByte));
        }
        table.Write(terminal.Out);
        terminal.Out.Flush();
        string unscored = string.Join(", ", result.Unscored.Where(u => u.Value > 0).Select(u => $"{Figures.Count(u.Value)} {u.Key}"));
        terminal.Say($"{Figures.Percent(result.Confidence)} intervals, {Figures.Count(result.Resamples)} resamples of documents; {result.Precision.ToString().ToLowerInvariant()}, context {result.Context}, {result.Window} windows{(unscored.Length > 0 ? $"; without a score: {unscored}" : "")}");
    }

    private static string Interval(Estimate estimate) => estimate is { Low: { } low, High: { } high } ? $"{Figures.Score(low)} – {Figures.Score(high)}" : "–";
}
