using System.CommandLine;
using Winnow.Cli.Infrastructure;
using Winnow.Pruning.Export;
using Winnow.Studies.Reports;
using Winnow.Work;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow export</c>: the kept records as files.</summary>
internal static class ExportCommand
{
    internal static Command Create(Terminal terminal)
    {
        Argument<string?> run = Choose.Place("RUN", "Directory that `winnow score` made.");
        var compute = new ComputeChoices();
        var engine = new EngineChoices(scores: false);
        Option<string?> selection = Choose.Text("--selection", "SELECTION", "Directory that `winnow select` made.");
        Option<string?> output = Choose.Text("--out", "DIR", "Gets the kept records, a file per input file under its name. A directory, or `s3://bucket/prefix`.");
        Option<string?> rejected = Choose.Text("--rejected", "DIR", "Gets the other records in the same way.");
        Option<string?> format = Choose.Text("--format", "KIND", "same (as the input, records byte for byte), jsonl, parquet or tokens (shards as llm.c reads them). Default: same.", "same", "jsonl", "parquet", "tokens");
        Option<string?> tokenizer = Choose.Text("--tokenizer", "DIR", "For tokens: the tokenizer. Default: the first model's.");
        Option<long?> limit = Choose.Whole("--limit", "Write only the first N kept records, and with `--rejected` the first N others.");
        Option<long?> shardBytes = Choose.Whole("--shard-bytes", "Begin a new file, NAME-00000 and so on, once one holds N bytes of records before compression. Default: a file per input file.");
        Option<long?> shuffle = Choose.Whole("--shuffle", "Write the records of all files in one random order, which follows from this seed; `--limit N` then draws N.", long.MinValue, "SEED");
        Option<bool> annotate = Choose.Flag("--annotate", "Write all records with their scores: JSONL in the property winnow, Parquet in columns below it; everything else stays.");
        Option<bool> manifest = Choose.Flag("--manifest", "Write SHA256SUMS too, for sha256sum -c.");
        Option<bool> force = Choose.Flag("--force", "Write into directories that are not empty.");
        Option<bool> json = Choose.Flag("--json", "Print the files written as one JSON object.");
        WinnowCommand command = new WinnowCommand("export", "writes the kept records of a corpus, byte for byte and in order.", "RUN --selection SELECTION --out DIR")
        {
            Details = "What is kept and what is rejected are together the corpus. The inputs are read again, and must be the files that were scored. Inputs and outputs may lie in an S3 store.",
            Examples = ["winnow export run --selection selection --out pruned", "winnow export run --selection selection --out pruned --rejected rest --format parquet"],
        }
        .With("Options", [run, selection, output, rejected, format, tokenizer, limit, shardBytes, shuffle, annotate, manifest, .. compute.Symbols, force, json])
        .With("Workers", engine.Symbols);
        command.SetAction(async (parse, cancel) =>
        {
            var options = new ExportOptions
            {
                Output = Demand.Of(parse, output),
                Rejected = parse.GetValue(rejected),
                Format = parse.GetValue(format) switch { "jsonl" => ExportFormat.Jsonl, "parquet" => ExportFormat.Parquet, "tokens" => ExportFormat.Tokens, _ => ExportFormat.Same },
                Tokenizer = parse.GetValue(tokenizer),
                Limit = parse.GetValue(limit),
                ShardBytes = parse.GetValue(shardBytes),
                Shuffle = parse.GetValue(shuffle),
                Annotate = parse.GetValue(annotate),
                Manifest = parse.GetValue(manifest),
                Force = parse.GetValue(force),
            };
            string from = Runs.Find(Demand.Of(parse, run)), chosen = Demand.Of(parse, selection);
            ExportReport report;
            if (engine.Of(parse, terminal, compute.Threads(parse)) is { } workers)
            {
                ExportWork.Plan(from, from, chosen, options);
                await EngineRun.RunAsync(terminal, workers, Path.GetFullPath(from), [ExportWork.Step], cancel);
                if (!EngineRun.IsComplete(terminal, from, ExportWork.Name)) return CommandLine.Done;
                report = ExportWork.ReportOf(WorkStore.Open(from, ExportWork.Name));
            }
            else
            {
                report = await RunAsync(terminal, from, chosen, options, compute.Threads(parse), cancel);
            }
            if (parse.GetValue(json)) Answer.Print(terminal, new { output = options.Output, report.KeptRecords, report.RejectedRecords, report.Kept, report.Rejected });
            else terminal.Say($"wrote {Figures.Count(report.KeptRecords)} records, {Figures.Bytes(report.Kept.Sum(f => f.Bytes))}, to {options.Output}{(options.Rejected is { } rest ? $", and the other {Figures.Count(report.RejectedRecords)} to {rest}" : "")}");
            return CommandLine.Done;
        });
        return command;
    }

    /// <summary>Exports with the progress shown.</summary>
    internal static async Task<ExportReport> RunAsync(Terminal terminal, string run, string selection, ExportOptions options, int threads, CancellationToken cancel)
    {
        using var display = new ProgressDisplay(terminal, "export", "records");
        var progress = new Relay<ExportProgress>(p => display.Show("export", p.Records, p.TotalRecords, "records"));
        return await Task.Run(() => Exporter.ExportAsync(run, selection, options, threads, progress, cancel), CancellationToken.None);
    }
}
