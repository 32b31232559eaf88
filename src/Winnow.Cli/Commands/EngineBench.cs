using System.CommandLine;
using Winnow.Cli.Bench;
using Winnow.Cli.Infrastructure;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow bench --engine</c>: what workers, their files and the exact selection cost besides the work.</summary>
internal sealed class EngineBench
{
    private readonly Option<string?> engine = Choose.TextOr("--engine", "KIND", "Measure what the machinery around the work costs: local, or slurm (the queue too). Default of KIND: local.", "local", "local", "slurm");
    private readonly Option<long?> items = Choose.Whole("--items", "With `--engine`: items that do nothing. Default: 100,000; slurm: 10,000.", 1, most: 10_000_000);
    private readonly Option<long?> tasks = Choose.Whole("--tasks", "With `--engine`: workers. Default: 4.", 1, most: 100_000);
    private readonly Option<long?> units = Choose.Whole("--units", "With `--engine local`: units in 100 files, of which the middle half is selected. Default: 10M.", 1000);
    private readonly Option<string?> place = Choose.Text("--out", "DIR", "With `--engine`: a new directory on the file system to measure, removed at the end; slurm: one that all nodes see.");
    private readonly SlurmChoices slurm = new();

    /// <summary>What goes under the help's heading.</summary>
    internal Symbol[] Symbols => [engine, items, tasks, units, place, .. slurm.Symbols];

    /// <summary>Whether this is what is wanted.</summary>
    internal bool IsWanted(ParseResult parse) => parse.GetValue(engine) is not null;

    /// <summary>Measures and prints.</summary>
    internal async Task<int> RunAsync(ParseResult parse, Terminal terminal, int threads, bool json, CancellationToken cancel)
    {
        string home = Path.GetFullPath(parse.GetValue(place) ?? Path.Combine(Path.GetTempPath(), $"winnow-bench-{Environment.ProcessId}"));
        if (Directory.Exists(home)) throw new RequestException("--out", $"`{home}` is there already", "name a new directory; it is removed at the end");
        Directory.CreateDirectory(home);
        try
        {
            var bench = new EngineBenchmarks(home, terminal);
            List<EngineNumber> numbers = [];
            int workers = (int)(parse.GetValue(tasks) ?? 4);
            if (parse.GetValue(engine) == "slurm")
            {
                numbers.Add(await bench.SlurmAsync((int)(parse.GetValue(items) ?? 10_000), slurm.Options(parse, workers), WorkerProgram.Command, cancel));
            }
            else
            {
                numbers.AddRange(await bench.ItemsAsync((int)(parse.GetValue(items) ?? 100_000), workers, cancel));
                numbers.Add(await bench.TaskAsync(WorkerProgram.Command, cancel));
                numbers.AddRange(await bench.SelectionAsync(parse.GetValue(units) ?? 10_000_000, 100, threads, cancel));
            }
            Print(terminal, numbers, json);
            return CommandLine.Done;
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }

    private static void Print(Terminal terminal, List<EngineNumber> numbers, bool json)
    {
        MachineFacts machine = MachineFacts.Read();
        if (json)
        {
            Answer.Print(terminal, new { machine = new { cpu = machine.Cpu, cores = machine.Cores }, results = numbers });
            return;
        }
        terminal.Out.WriteLine($"{machine.Cpu}, {machine.Cores} cores");
        terminal.Out.WriteLine();
        var table = new PlainTable("what", "value", "how");
        foreach (EngineNumber number in numbers) table.Add(number.Name, $"{Figures.Significant(number.Value, 3)} {number.Unit}", number.Note);
        table.Write(terminal.Out, 2);
    }
}
