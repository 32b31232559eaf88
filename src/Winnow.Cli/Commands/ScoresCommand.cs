using System.CommandLine;
using Winnow.Cli.Infrastructure;
using Winnow.Pruning;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow scores</c>: the score table as data.</summary>
internal static class ScoresCommand
{
    internal static Command Create(Terminal terminal)
    {
        Argument<string?> run = Choose.Place("RUN", "Directory that `winnow score` made, or that holds one as `run/`.");
        Option<string?> format = Choose.Text("--format", "KIND", "jsonl, csv or parquet. Default: by the name of the file, else jsonl.", "jsonl", "csv", "parquet");
        Option<string?> file = Choose.Text("-o", "FILE", "Where to. Default: standard output.");
        Option<bool> force = Choose.Flag("--force", "Overwrite the file.");
        Option<bool> agreement = Choose.Flag("--rank-correlation", "Instead: how far the metrics, models and checkpoints rank the units alike.");
        Option<string?> compare = Choose.Text("--compare", "OTHER", "Instead: document by document of the same id, in how many RUN's score is higher than OTHER's.");
        Option<bool> json = Choose.Flag("--json", "With `--rank-correlation` or `--compare`: print one JSON object.");
        WinnowCommand command = new WinnowCommand("scores", "prints the scores of a run, one row per unit.", "RUN [--format jsonl|csv|parquet] [-o FILE]")
        {
            Examples = ["winnow scores run | head", "winnow scores run --format csv -o scores.csv", "winnow scores run --rank-correlation", "winnow scores with-boilerplate --compare without"],
        }
        .With("Options", run, format, file, force, agreement, compare, json);
        command.SetAction((parse, cancel) => Task.Run(() =>
        {
            ScoreTable table = ScoreTable.Open(Runs.Find(Demand.Of(parse, run)));
            if (parse.GetValue(agreement)) return Agree(terminal, table, parse.GetValue(json), cancel);
            if (parse.GetValue(compare) is { } other) return Pair(terminal, table, ScoreTable.Open(Runs.Find(other)), parse.GetValue(json), cancel);
            string? to = parse.GetValue(file);
            ScoreFormat kind = Kind(parse.GetValue(format) ?? Path.GetExtension(to)?.TrimStart('.'));
            if (to is null)
            {
                using Stream output = Console.OpenStandardOutput();
                ScoreExport.Write(table, kind, output, cancel);
                return CommandLine.Done;
            }
            if (File.Exists(to) && !parse.GetValue(force)) throw new RequestException(to, "the file exists", "name another file, or overwrite with `--force`");
            WriteFile(table, kind, to, cancel);
            terminal.Say($"scores of {Figures.Count(table.Rows)} units: {to}");
            return CommandLine.Done;
        }, CancellationToken.None));
        return command;
    }

    private static int Agree(Terminal terminal, ScoreTable table, bool json, CancellationToken cancel)
    {
        IReadOnlyList<RankAgreement> pairs = RankAgreement.Compare(table, cancel: cancel);
        if (json)
        {
            Answer.Print(terminal, new { pairs });
            return CommandLine.Done;
        }
        var lines = new PlainTable("one", "other", "units", "Spearman", "bottom half", "middle half", "top half");
        foreach (RankAgreement pair in pairs)
            lines.Add(pair.First, pair.Second, Figures.Count(pair.Units), Figures.Significant(pair.Spearman, 3), Figures.Percent(pair.Bottom), Figures.Percent(pair.Middle), Figures.Percent(pair.Top));
        lines.Write(terminal.Out, 2);
        return CommandLine.Done;
    }

    private static int Pair(Terminal terminal, ScoreTable one, ScoreTable other, bool json, CancellationToken cancel)
    {
        IReadOnlyList<PairedScores> pairs = PairedScores.Compare(one, other, cancel);
        if (json)
        {
            Answer.Print(terminal, new { pairs });
            return CommandLine.Done;
        }

        var lines = new PlainTable("metric", "pairs", "higher", "lower", "equal", "share higher", "95 % interval", "median difference");
        foreach (PairedScores pair in pairs)
        {
            lines.Add(
                pair.Metric, Figures.Count(pair.Pairs), Figures.Count(pair.Higher), Figures.Count(pair.Lower), Figures.Count(pair.Pairs - pair.Higher - pair.Lower),
                pair.Share is { } share ? Figures.Percent(share) : "–", pair is { Low: { } low, High: { } high } ? $"{Figures.Percent(low)} … {Figures.Percent(high)}" : "–", Figures.Significant(pair.MedianDifference, 3));
        }

        lines.Write(terminal.Out, 1);
        return CommandLine.Done;
    }

    private static void WriteFile(ScoreTable table, ScoreFormat kind, string to, CancellationToken cancel)
    {
        string beside = to + ".partial";
        try
        {
            using (FileStream stream = File.Create(beside)) ScoreExport.Write(table, kind, stream, cancel);
            File.Move(beside, to, overwrite: true);
        }
        finally
        {
            File.Delete(beside);
        }
    }

    private static ScoreFormat Kind(string? name) => name switch
    {
        "csv" => ScoreFormat.Csv,
        "parquet" => ScoreFormat.Parquet,
        _ => ScoreFormat.Jsonl,
    };
}

/// <summary>Where the parts of a pruned directory stand.</summary>
internal static class Runs
{
    /// <summary>The run's own directory, when its parent was named.</summary>
    internal static string Find(string directory)
    {
        string inside = Path.Combine(directory, "run");
        return !File.Exists(Path.Combine(directory, "manifest.json")) && File.Exists(Path.Combine(inside, "manifest.json")) ? inside : directory;
    }

    /// <summary>The selection beside or below a run, or null.</summary>
    internal static string? SelectionOf(string directory)
    {
        foreach (string place in new[] { Path.Combine(directory, "selection"), Path.Combine(Path.GetDirectoryName(Path.GetFullPath(Path.TrimEndingDirectorySeparator(directory))) ?? directory, "selection") })
        {
            if (File.Exists(Path.Combine(place, "selection.json"))) return place;
        }
        return null;
    }
}
