using System.CommandLine;
using System.Globalization;
using Winnow.Cli.Infrastructure;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;

namespace Winnow.Cli.Commands;

/// <summary>The inputs of a command and how they are read: the same options, names and meaning everywhere.</summary>
internal sealed class CorpusChoices
{
    private readonly Argument<string[]> inputs = Choose.Inputs();
    private readonly Option<string?> text = Choose.Text("--text-field", "NAME", "Property or column with the text; dots go into nested ones. Default: the one of text, content, raw_content, document that is there.");
    private readonly Option<string?> id = Choose.Text("--id-field", "NAME", "Property or column with the id. Default: id.");
    private readonly Option<string?> source = Choose.Text("--source-field", "NAME", "Property or column that says where a document comes from. Default: source.");
    private readonly Option<string?> split = Choose.Text("--split", "NAME", "Of a directory with a Hugging Face data set: train, validation, test or all. Default: train.");
    private readonly Option<bool> paragraphs = Choose.Flag("--paragraphs", "In plain text, a document is a blank-line paragraph instead of a file.");
    private readonly Option<long?> bad = Choose.Whole("--max-bad-records", "Unreadable records that are skipped and listed before the run stops. Default: 0.", 0);
    private readonly Option<long?> badShards = Choose.Whole("--max-bad-shards", "Damaged files of which the records before the damage are used. Default: 0.", 0, most: int.MaxValue);
    private readonly Option<long?> limit = Choose.Whole("--limit", "Read only the first N documents.");

    /// <summary>What goes under the help's heading of inputs.</summary>
    internal Symbol[] Symbols => [inputs, text, id, source, split, paragraphs, limit, bad, badShards];

    /// <summary>The inputs; at least one.</summary>
    internal string[] Inputs(ParseResult parse)
    {
        string[] given = parse.GetValue(inputs) ?? [];
        if (given.Length == 0)
            throw new RequestException(HelpPage.PathOf(parse.CommandResult.Command), "no input given", "name files, directories or globs; `-` is stdin");
        return given;
    }

    /// <summary>Says how the inputs are understood: a data set's split, the field that is taken as the text, files that are left out.</summary>
    internal void Explain(Terminal terminal, ParseResult parse)
    {
        if (Inputs(parse).Contains("-")) return;
        CorpusReader reader = CorpusReader.Open(Inputs(parse), Options(parse) with { KeepRecords = false, MaxBadRecords = long.MaxValue });
        foreach (string note in reader.Notes) terminal.Say(note);
        if (reader.Ignored.Count > 0)
            terminal.Warn($"left out {reader.Ignored.Count} file{(reader.Ignored.Count == 1 ? "" : "s")} of no known kind: {string.Join(", ", reader.Ignored.Take(3))}{(reader.Ignored.Count > 3 ? ", …" : "")}");
        if (parse.GetValue(text) is not null || reader.Shards[0].Format is not (CorpusFormat.Jsonl or CorpusFormat.Parquet or CorpusFormat.Csv or CorpusFormat.Tsv)) return;
        try
        {
            _ = reader.Read(0).FirstOrDefault();
        }
        catch (CorpusException)
        {
            // The command itself says what is wrong.
        }

        // `text` is no guess.
        foreach (string field in reader.TextFields.Where(field => field != "text")) terminal.Say($"the text is `{field}` (`--text-field` names another)");
    }

    /// <summary>How they are read.</summary>
    internal CorpusOptions Options(ParseResult parse) => new()
    {
        TextField = parse.GetValue(text),
        IdField = parse.GetValue(id),
        SourceField = parse.GetValue(source),
        Split = parse.GetValue(split),
        Paragraphs = parse.GetValue(paragraphs),
        MaxBadRecords = parse.GetValue(bad) ?? 0,
        MaxBadShards = (int)(parse.GetValue(badShards) ?? 0),
        Limit = parse.GetValue(limit),
    };
}

/// <summary>What computes, and with how many threads.</summary>
/// <param name="inference">True where weights are only multiplied with, not trained: then their precision may be chosen.</param>
internal sealed class ComputeChoices(bool inference = false)
{
    private readonly Option<long?> threads = Choose.Whole("--threads", "Threads; the results do not depend on it. Default: all cores.", 1, most: 4096);
    private readonly Option<string?> precision = Choose.Text("--precision", "KIND", "What scoring multiplies in: f32, or bf16, which is up to twice as fast and changes the scores slightly. Default: f32.", "f32", "bf16");

    /// <summary>What goes under the help's heading.</summary>
    internal Symbol[] Symbols => inference ? [threads, precision] : [threads];

    /// <summary>How many threads; a task of a cluster takes no more than it was given.</summary>
    internal int Threads(ParseResult parse) => (int)(parse.GetValue(threads) ?? Math.Min(Environment.ProcessorCount, Given()));

    private static int Given() =>
        int.TryParse(Environment.GetEnvironmentVariable("SLURM_CPUS_PER_TASK"), NumberStyles.None, CultureInfo.InvariantCulture, out int cpus) && cpus > 0 ? cpus : int.MaxValue;

    /// <summary>A backend with that many threads.</summary>
    internal CpuBackend Backend(ParseResult parse) =>
        new(Threads(parse), 0, inference && parse.GetValue(precision) == "bf16" ? Precision.BF16 : Precision.F32);

    /// <summary>The peak of those threads for the cost ledger, in GFLOP/s; takes about a tenth of a second.</summary>
    internal double Peak(ParseResult parse, IBackend backend) =>
        Math.Round(MachinePeak.Measure(Math.Min(Threads(parse), Environment.ProcessorCount), 0, backend.Precision), 1);
}
