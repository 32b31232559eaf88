using System.CommandLine;
using System.Globalization;
using Winnow.Cli.Infrastructure;
using Winnow.Kernels;
using Winnow.Studies.Glue;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow glue</c>: what a model learns from GLUE's tasks.</summary>
internal static class GlueCommand
{
    internal static Command Create(Terminal terminal)
    {
        Argument<string?> model = Choose.Place("MODEL", "Directory of a Hugging Face checkpoint, or one that `winnow train` made.");
        Option<string?> data = Choose.Text("--data", "DIR", "Holds a folder per task: SST-2/train.tsv, SST-2/dev.tsv, … (TSV or JSONL, plain, .gz or .zst).");
        Option<string?> tasks = Choose.Text("--tasks", "NAMES", "Comma-separated: CoLA, SST-2, MRPC, QQP, STS-B, MNLI, QNLI, RTE, WNLI. Default: all whose files are there.");
        Option<string?> seeds = Choose.Text("--seeds", "LIST", "Comma-separated seeds; results are mean and spread over them. Default: 1,2,3.");
        Option<string?> rates = Choose.Text("--lr", "LIST", "Comma-separated learning rates; the best on the dev set is reported. Default: 1e-5.");
        Option<string?> epochs = Choose.Text("--epochs", "LIST", "Comma-separated numbers of epochs to try. Default: 3.");
        Option<long?> batch = Choose.Whole("--batch", "Examples per update. Default: 32.", 1, most: 4096);
        Option<long?> limit = Choose.Whole("--limit", "Most training examples of a task. Default: all.", 1, most: int.MaxValue);
        var compute = new ComputeChoices();
        Option<bool> json = Choose.Flag("--json", "Print the result as one JSON object.");
        WinnowCommand command = new WinnowCommand("glue", "fine-tunes a model on GLUE tasks and measures it on their dev sets.", "MODEL --data DIR")
        {
            Details = "A linear head reads the hidden state after each text's last token; decoder and head are trained together with AdamW.",
            Examples = ["winnow glue model --data glue --tasks SST-2,RTE", "winnow glue model --data glue --lr 1e-5,5e-5 --seeds 1,2,3,4,5 --json"],
        }
        .With("Input", [model, data, tasks, limit]).With("Fine-tuning", [rates, epochs, batch, seeds]).With("Options", [.. compute.Symbols, json]);
        command.SetAction(async (parse, cancel) =>
        {
            string directory = Demand.Of(parse, model), from = Demand.Of(parse, data);
            var options = new GlueOptions
            {
                Tasks = parse.GetValue(tasks)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [],
                Seeds = List<ulong>(parse.GetValue(seeds), "--seeds", "whole numbers", [1UL, 2, 3], s => ulong.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out ulong v) ? v : null),
                LearningRates = List<double>(parse.GetValue(rates), "--lr", "numbers above 0", [1e-5], s => double.TryParse(s, NumberStyles.Float, CultureInfo.InvariantCulture, out double v) && v > 0 ? v : null),
                Epochs = List<int>(parse.GetValue(epochs), "--epochs", "whole numbers above 0", [3], s => int.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out int v) && v > 0 ? v : null),
                BatchTexts = (int)(parse.GetValue(batch) ?? 32),
                Limit = (int?)parse.GetValue(limit),
            };
            GlueResult result;
            using (IBackend backend = compute.Backend(parse))
            using (var display = new ProgressDisplay(terminal, "glue", "fine-tunings"))
            {
                result = await Task.Run(() => GlueRunner.Run(directory, from, options, backend, new Relay<GlueProgress>(p => display.Show(State(p))), cancel), CancellationToken.None);
            }
            if (parse.GetValue(json)) Answer.Print(terminal, result);
            else Print(terminal, result);
            return CommandLine.Done;
        });
        return command;
    }

    private static ProgressState State(GlueProgress p) => new(
        $"{p.Task} {p.Run}/{p.Runs}", p.Run - 1, "fine-tunings", (p.Run - 1 + p.Done) / p.Runs, string.Create(CultureInfo.InvariantCulture, $"loss {p.Loss:0.000}"));

    private static IReadOnlyList<T> List<T>(string? text, string option, string expected, IReadOnlyList<T> otherwise, Func<string, T?> read) where T : struct =>
        text is null ? otherwise : [.. text.Split(',', StringSplitOptions.TrimEntries).Select(part => read(part) ?? throw new RequestException($"`{option}`", $"found `{part}`, expected {expected}, separated by commas"))];

    private static void Print(Terminal terminal, GlueResult result)
    {
        var table = new PlainTable("task", "set", "measure", "mean", "std", "majority", "lr", "epochs", "seeds");
        foreach (GlueSummary line in result.Summaries)
        {
            table.Add(
                line.Task, line.Set, line.Measure, Hundredths(line.Mean), Hundredths(line.Deviation), line.Majority is { } majority ? Hundredths(majority) : "–",
                line.LearningRate.ToString("0.#e+0", CultureInfo.InvariantCulture), Figures.Count(line.Epochs), Figures.Count(line.Seeds));
        }
        table.Write(terminal.Out, leftColumns: 3);
        terminal.Out.Flush();
        foreach ((string task, int count) in result.Truncated.Where(t => t.Value > 0)) terminal.Say($"{task}: {Figures.Count(count)} texts were cut to the model's length");
    }

    private static string Hundredths(double value) => (100 * value).ToString("0.00", CultureInfo.InvariantCulture);
}
