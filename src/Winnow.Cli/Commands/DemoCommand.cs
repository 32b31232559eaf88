using System.Buffers.Binary;
using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Winnow.Cli.Infrastructure;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Kernels;
using Winnow.Pruning;
using Winnow.Pruning.References;
using Winnow.Pruning.Scoring;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow demo</c>: the whole loop on text that every .NET SDK carries.</summary>
internal static class DemoCommand
{
    private const long DefaultBytes = 6_000_000;

    internal static Command Create(Terminal terminal)
    {
        var compute = new ComputeChoices();
        Option<string?> output = Choose.Text("--out", "DIR", "Directory for everything. Default: winnow-demo; when a finished demo is there, winnow-demo-2, and so on.");
        Option<long?> bytes = Choose.Whole("--bytes", "Text in the sample. Default: 6M.", 50_000);
        Option<long?> seed = Choose.Whole("--seed", "Of the sample and the references. Default: 1.", 0);
        Option<bool> force = Choose.Flag("--force", "Write into a directory that holds something else.");
        WinnowCommand command = new WinnowCommand("demo", "shows the whole loop on real text, in about three minutes.", "[--out DIR]")
        {
            Details = "Takes a seeded sample of the documentation that the .NET SDK carries, trains a tokenizer and two small reference models on it, scores every document with the reference that did not see it, keeps the middle half by perplexity, and draws a report. Needs no network and no model.",
            Examples = ["winnow demo", "winnow demo --bytes 20M --out larger-demo"],
        }
        .With("Options", [output, bytes, seed, .. compute.Symbols, force]);
        command.SetAction(async (parse, cancel) =>
        {
            string to = parse.GetValue(output) ?? FreeName();
            ulong chosen = (ulong)(parse.GetValue(seed) ?? 1);
            string corpus = Path.Combine(to, "corpus.jsonl");
            bool goesOn = File.Exists(corpus) && !parse.GetValue(force);
            if (!goesOn) Demand.Free(to, parse.GetValue(force));
            long start = terminal.Time.GetTimestamp();
            if (!goesOn) await SampleAsync(terminal, corpus, parse.GetValue(bytes) ?? DefaultBytes, chosen, cancel);
            var request = new PruneRequest
            {
                Inputs = [corpus],
                Auto = new AutoReferenceOptions { Seed = chosen },
                Runtime = new ScoringRuntime { Clock = terminal.Time, Force = parse.GetValue(force) },
                Threads = compute.Threads(parse),
                Output = to,
            };
            using IBackend backend = compute.Backend(parse);
            PruneResult result = await PruneCommand.RunAsync(terminal, request, backend, cancel);
            string report = await PruneCommand.ReportAsync(terminal, result, cancel);
            terminal.Say($"kept {Figures.Count(result.Selection.Kept.Units)} of {Figures.Count(result.Selection.All.Units)} documents, the middle half by perplexity, in {Figures.Duration(terminal.Time.GetElapsedTime(start).TotalSeconds)}");
            terminal.Say($"report: {report}; pruned file: {Path.Combine(to, "pruned", "corpus.jsonl")}; next, on your own text: winnow prune FILES --out pruned");
            return CommandLine.Done;
        });
        return command;
    }

    // An unfinished demo is gone on with; a finished one is left alone.
    private static string FreeName()
    {
        for (int i = 1; ; i++)
        {
            string name = i == 1 ? "winnow-demo" : string.Create(CultureInfo.InvariantCulture, $"winnow-demo-{i}");
            if (!Directory.Exists(name) || (File.Exists(Path.Combine(name, "corpus.jsonl")) && !File.Exists(Path.Combine(name, "report.html")))) return name;
        }
    }

    private static async Task SampleAsync(Terminal terminal, string path, long wanted, ulong seed, CancellationToken cancel)
    {
        CorpusReader reader = CorpusReader.Open(DotnetDocumentation.Find(), new CorpusOptions { KeepRecords = false });
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        long all = 0, taken = 0, documents = 0;
        using var display = new ProgressDisplay(terminal, "read the SDK's documentation", "documents");
        await foreach (Document document in reader.ReadAsync(cancel))
        {
            all += document.Text.Length;
            display.Show("read the SDK's documentation", ++documents, 0, "documents");
        }
        double share = Math.Min(1, wanted / (double)Math.Max(all, 1));
        string beside = path + ".partial";
        documents = 0;
        using (var writer = new DocumentWriter(File.Create(beside), CorpusFormat.Jsonl, CompressionKind.None))
        {
            await foreach (Document document in reader.ReadAsync(cancel))
            {
                if (!IsTaken(document.Id, seed, share)) continue;
                writer.Write(document, false);
                taken += document.Text.Length;
                display.Show("sample", ++documents, 0, "documents");
            }
            writer.Finish();
        }
        File.Move(beside, path, overwrite: true);
        terminal.Say($"sample: {Figures.Count(documents)} documents, {Figures.Bytes(taken)} of the {Figures.Bytes(all)} of documentation in {Figures.Count(reader.Shards.Count)} files of the SDK → {path}");
    }

    // A seeded hash of the id decides, so that the sample does not depend on the order of the files.
    private static bool IsTaken(string id, ulong seed, double share)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{seed}\n{id}")));
        return BinaryPrimitives.ReadUInt64LittleEndian(hash) < share * ulong.MaxValue;
    }
}
