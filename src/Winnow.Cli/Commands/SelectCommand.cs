using System.CommandLine;
using Winnow.Cli.Infrastructure;
using Winnow.Pruning.Selection;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow select</c>: scores and a rule in, which units to keep out.</summary>
internal static class SelectCommand
{
    internal static Command Create(Terminal terminal)
    {
        Argument<string?> run = Choose.Place("RUN", "Directory that `winnow score` made.");
        var choices = new SelectionChoices();
        var compute = new ComputeChoices();
        var engine = new EngineChoices(scores: false);
        Option<string?> output = Choose.Text("--out", "SELECTION", "Directory for the selection: its rule, counts and a keep mask per file.");
        Option<bool> force = Choose.Flag("--force", "Replace a selection that is there.");
        Option<bool> dry = Choose.Flag("--dry-run", "Select and say what would be kept; write nothing.");
        Option<bool> json = Choose.Flag("--json", "Print the result as one JSON object.");
        WinnowCommand command = new WinnowCommand("select", "ranks the units of a run and decides which to keep.", "RUN --metric M --keep BAND:F --out SELECTION")
        {
            Details = "Rank decides, never a rounded threshold: the number kept is exact, and ties are broken the same way everywhere.",
            Examples = [
                "winnow select run --metric perplexity --keep middle:50% --out selection",
                "winnow select run --keep perplexity:middle:50% --keep memorization:bottom:90% --within source --out selection",
                "winnow select run --keep perplexity:bottom:10%+top:10% --out outliers"],
        }
        .With("What is kept", [run, .. choices.Symbols]).With("Output and work", [output, .. compute.Symbols, force, dry, json])
        .With("Workers", engine.Symbols);
        command.SetAction((parse, cancel) => Task.Run(async () =>
        {
            SelectionOptions options = choices.Options(parse);
            bool trial = parse.GetValue(dry);
            string to = trial ? "" : Demand.Of(parse, output), from = Runs.Find(Demand.Of(parse, run));
            if (!trial && engine.Of(parse, terminal, compute.Threads(parse)) is { } workers)
            {
                SelectStage.Plan(from, from, to, options, parse.GetValue(force));
                await EngineRun.RunAsync(terminal, workers, Path.GetFullPath(from), [SelectStage.Step], cancel);
                if (EngineRun.IsComplete(terminal, from, SelectStage.Name)) Print(terminal, SelectionDirectory.Open(to).Summary, to, Demand.Of(parse, run), parse.GetValue(json));
                return CommandLine.Done;
            }
            ParquetScores scores = ParquetScores.Open(from);
            SelectionSummary summary;
            using (var display = new ProgressDisplay(terminal, "select", "rows"))
            {
                var progress = new Relay<SelectionProgress>(p => display.Show($"select, {p.Pass}", p.Rows, p.TotalRows, "rows"));
                summary = trial
                    ? RankSelector.Select(scores, options, compute.Threads(parse), (_, _) => { }, progress, cancel)
                    : SelectionDirectory.Create(to, scores, options, compute.Threads(parse), parse.GetValue(force), progress, cancel).Summary;
            }
            Print(terminal, summary, trial ? null : to, Demand.Of(parse, run), parse.GetValue(json));
            return CommandLine.Done;
        }, CancellationToken.None));
        return command;
    }

    private static void Print(Terminal terminal, SelectionSummary summary, string? to, string run, bool json)
    {
        if (json)
        {
            Answer.Print(terminal, new
            {
                selection = to,
                keep = summary.Options.Keep.Select(k => k.ToString()),
                summary.All,
                summary.Kept,
                summary.Excluded,
                summary.Unscored,
                rules = summary.Rules,
                summary.Shares,
            });
            return;
        }
        var table = new PlainTable("rule", "stratum", "ranked", "kept", "from", "to");
        foreach (RuleOutcome rule in summary.Rules.Take(40))
        {
            table.Add(rule.Rule, rule.Stratum, Figures.Count(rule.Ranked), Figures.Count(rule.Kept), rule.Lowest is { } low ? Figures.Score(low) : "–", rule.Highest is { } high ? Figures.Score(high) : "–");
        }
        table.Write(terminal.Out, 2);
        terminal.Out.Flush();
        long lost = summary.Unscored.Values.Sum();
        terminal.Say($"kept {Figures.Count(summary.Kept.Units)} of {Figures.Count(summary.All.Units)} units, {Figures.Short(summary.Kept.Tokens)} of {Figures.Short(summary.All.Tokens)} tokens{(lost > 0 ? $"; {Figures.Count(lost)} have no score" : "")}");
        foreach (IGrouping<string?, KeepRule> twice in summary.Options.Keep.Where(rule => rule.Band != Band.Random).GroupBy(rule => rule.Metric).Where(rules => rules.Count() > 1))
            terminal.Warn($"`--keep` is given several times for `{twice.Key}` and keeps what all of them keep; to keep what any keeps, join the bands: `--keep {twice.Key}:{string.Join("+", twice.Select(rule => rule with { Metric = null }))}`");
        if (summary.Kept.Units == 0) terminal.Warn("nothing is kept: no unit passes the condition and every rule; several `--keep` keep what all of them keep");
        if (to is not null) terminal.Say($"selection: {to}; next: winnow export {Shell.Quote(run)} --selection {Shell.Quote(to)} --out pruned");
    }
}

/// <summary>What decides which units are kept.</summary>
internal sealed class SelectionChoices
{
    private readonly Option<string?> metric = Choose.Text("--metric", "M", "The score that ranks: perplexity, bits_per_byte, el2n, memorization, or any column. Default: perplexity.");
    private readonly Option<string[]> keep = Choose.Many("--keep", "BAND:F", "bottom, middle, top or random, and the fraction kept: `middle:50%`; several bands are joined: `bottom:10%+top:10%`. METRIC:BAND:F ranks by another score; several `--keep` must all agree.");
    private readonly Option<string?> by = Choose.Text("--by", "KIND", "What the fraction is a fraction of: units, tokens or bytes. Default: units.", "units", "tokens", "bytes");
    private readonly Option<string[]?> within = Choose.List("--within", "COLUMN", "Rank inside each value of source, length (of 2^n tokens) or any column, such as those of `score --fields`, so that the mixture stays.");
    private readonly Option<string?> where = Choose.Text("--where", "CONDITION", "Drop what fails it before ranking: `tokens >= 64 and perplexity < 1000`.");
    private readonly Option<string?> unscored = Choose.Text("--unscored", "RULE", "Units without a score: drop or keep. Default: drop.", "drop", "keep");
    private readonly Option<long?> seed = Choose.Whole("--seed", "Of the random band. Default: 0.", 0);

    internal Symbol[] Symbols => [metric, keep, by, within, where, unscored, seed];

    /// <summary>The seed, when given.</summary>
    internal long? Seed(ParseResult parse) => parse.GetValue(seed);

    /// <summary>The options; <paramref name="otherwise"/> is kept where no rule is given.</summary>
    internal SelectionOptions Options(ParseResult parse, string? otherwise = null)
    {
        string[] rules = parse.GetValue(keep) ?? [];
        if (rules.Length == 0 && otherwise is not null) rules = [otherwise];
        if (rules.Length == 0 && parse.GetValue(where) is null)
            throw new RequestException(HelpPage.PathOf(parse.CommandResult.Command), "`--keep BAND:F` is missing", "for example `--keep middle:50%`");
        var options = new SelectionOptions
        {
            Metric = parse.GetValue(metric) ?? "perplexity",
            Keep = [.. rules.Select(rule => Choose.Read("--keep", () => KeepRule.Parse(rule)))],
            By = parse.GetValue(by) switch { "tokens" => Weighting.Tokens, "bytes" => Weighting.Bytes, _ => Weighting.Units },
            Within = parse.GetValue(within) ?? [],
            Where = parse.GetValue(where),
            Unscored = parse.GetValue(unscored) == "keep" ? Unscored.Keep : Unscored.Drop,
            Seed = parse.GetValue(seed) ?? 0,
        };
        return options.Where is null ? options.Validated() : Choose.Read("--where", options.Validated);
    }
}
