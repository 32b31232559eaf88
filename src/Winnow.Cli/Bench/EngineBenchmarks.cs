using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Winnow.Cli.Infrastructure;
using Winnow.Pruning.Selection;
using Winnow.Work;
using Winnow.Work.Slurm;

namespace Winnow.Cli.Bench;

/// <summary>One number about the machinery around the work.</summary>
/// <param name="Name">What.</param>
/// <param name="Value">How much.</param>
/// <param name="Unit">Of what.</param>
/// <param name="Note">How it was measured.</param>
internal sealed record EngineNumber(string Name, double Value, string Unit, string Note);

/// <summary>What a run costs besides its work: per item, per task, and for the exact selection.</summary>
/// <param name="home">A directory for the work's files, on the file system that is measured.</param>
/// <param name="terminal">Told what is under way.</param>
internal sealed class EngineBenchmarks(string home, Terminal terminal)
{
    private const int Rounds = 9;

    /// <summary>Items that do nothing, by workers of this process; and items that compute, against a plain loop.</summary>
    internal async Task<IEnumerable<EngineNumber>> ItemsAsync(int items, int workers, CancellationToken cancel)
    {
        terminal.Say($"{items} items that do nothing …");
        WorkStore store = Plan(items);
        long start = terminal.Time.GetTimestamp();
        TimeSpan before = Environment.CpuUsage.TotalTime;
        await Task.WhenAll(Enumerable.Range(0, workers).Select(task => Task.Run(
            () => Worker.RunAsync(store, new NoOpStage(), new WorkerOptions { Task = task, Tasks = workers }, cancel), CancellationToken.None)));
        double seconds = terminal.Time.GetElapsedTime(start).TotalSeconds, busy = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
        double[] shares = [.. Enumerable.Range(0, Rounds).Select(_ => Overhead(cancel))];
        return
        [
            new("item", 1e6 * seconds / items, "µs", $"{items} items that do nothing, {workers} workers, wall clock"),
            new("item, processor", 1e6 * busy / items, "µs", "the same, processor time"),
            new("overhead", 100 * BenchRunner.Median([.. shares]), "%", "of items of 0.1 s against a plain loop, processor time, median of 9 times 10 items"),
        ];
    }

    /// <summary>A worker that comes when all is done: what a task costs besides its items.</summary>
    internal async Task<EngineNumber> TaskAsync(IReadOnlyList<string> program, CancellationToken cancel)
    {
        terminal.Say("tasks that find nothing to do …");
        await Worker.RunAsync(Plan(1), new NoOpStage(), new WorkerOptions(), cancel);
        List<double> seconds = [];
        for (int round = 0; round < Rounds; round++)
        {
            long start = terminal.Time.GetTimestamp();
            ProcessStartInfo command = new(program[0], [.. program.Skip(1), "worker", home, "--stage", NoOpStage.Name]) { RedirectStandardError = true, RedirectStandardOutput = true };
            using Process process = Process.Start(command)!;
            await process.WaitForExitAsync(cancel);
            seconds.Add(terminal.Time.GetElapsedTime(start).TotalSeconds);
        }

        return new("task", BenchRunner.Median(seconds), "s", "`winnow worker` from its start to its end when nothing is left to do");
    }

    /// <summary>The exact middle half of a score table of many shards, as the workers of a stage make it together.</summary>
    internal async Task<IEnumerable<EngineNumber>> SelectionAsync(long units, int shards, int threads, CancellationToken cancel)
    {
        terminal.Say($"writing {units} scores …");
        string scores = Path.Combine(home, "scores");
        (string Name, string Path)[] parts = [.. Enumerable.Range(0, shards).Select(i => ($"part {i}", Path.Combine(scores, string.Create(CultureInfo.InvariantCulture, $"part-{i:D5}.parquet"))))];
        Parallel.For(0, shards, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel }, shard =>
        {
            long first = units * shard / shards, count = (units * (shard + 1) / shards) - first;
            SeededScores.Write(parts[shard].Path, Units(first, count), seed: shard);
        });
        ParquetScores table = ParquetScores.OpenParts(parts);
        SelectionOptions options = new() { Keep = [KeepRule.Parse("middle:50%")] };

        terminal.Say("selecting the middle half …");
        SelectStage stage = new(SelectStage.Plan(home, home, Path.Combine(home, "selection"), options), threads, table);
        ResidentMemory.Forget();
        long start = terminal.Time.GetTimestamp();
        TimeSpan before = Environment.CpuUsage.TotalTime;
        await stage.PrepareAsync(new WorkerOptions(), cancel);
        double seconds = terminal.Time.GetElapsedTime(start).TotalSeconds, busy = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
        string[] passes = [.. WorkStore.StagesOf(home).Where(name => name.StartsWith(SelectStage.Name + "-", StringComparison.Ordinal))];
        long bytes = passes.Sum(pass => new DirectoryInfo(Path.Combine(WorkStore.DirectoryOf(home, pass), "found")).EnumerateFiles().Sum(file => file.Length));
        return
        [
            new("selection", seconds, "s", $"exact middle half of {units} units in {shards} files, {passes.Length} passes, {threads} threads, masks written"),
            new("selection, memory", ResidentMemory.Peak() / 1e6, "MB", "resident at its peak"),
            new("selection, processor", busy, "s", "the same, processor time of all threads"),
            new("selection of 10^10 units", busy * 1e10 / units / 3600, "core-hours", "extrapolated from the processor time"),
            new("summaries", 1e9 * bytes / units / 1e6, "MB", "of all passes, per billion units in files of this size"),
        ];
    }

    /// <summary>Items that do nothing, by the tasks of a Slurm cluster.</summary>
    internal async Task<EngineNumber> SlurmAsync(int items, SlurmOptions options, IReadOnlyList<string> program, CancellationToken cancel)
    {
        Plan(items);
        var notes = new Relay<string>(terminal.Say);
        SlurmEngine engine = new(new SlurmClient(notes, terminal.Time), options, program, notes, terminal.Time) { Poll = TimeSpan.FromMilliseconds(200) };
        long start = terminal.Time.GetTimestamp();
        await engine.RunAsync(home, [new WorkStep(NoOpStage.Name, Computes: false)], null, cancel);
        return new("slurm", terminal.Time.GetElapsedTime(start).TotalSeconds, "s", $"{items} items that do nothing, {options.Tasks} tasks, from the submission to the last item");
    }

    private WorkStore Plan(int items) => WorkStore.Create(home, new WorkDescription(
        NoOpStage.Name, home, JsonSerializer.SerializeToElement(new { }), [.. Enumerable.Range(0, items).Select(item => new WorkItem(item))]));

    private static IEnumerable<(string Id, long Bytes)> Units(long first, long count)
    {
        for (long i = first; i < first + count; i++) yield return (i.ToString("x10", CultureInfo.InvariantCulture), 400 + (i % 1000));
    }

    /// <summary>Share of the time that the same computing takes longer as items of a stage.</summary>
    private double Overhead(CancellationToken cancel)
    {
        const int items = 10;
        WorkStore store = Plan(items);
        var clock = new BenchClock(cpu: true);
        double start = clock.Now(1);
        for (int i = 0; i < items; i++) Compute();
        double plain = clock.Now(1) - start;
        start = clock.Now(1);
        Worker.RunAsync(store, new ComputeStage(), new WorkerOptions(), cancel).GetAwaiter().GetResult();
        return (clock.Now(1) - start - plain) / plain;
    }

    private static ulong Compute()
    {
        ulong state = 88172645463325252;
        for (int i = 0; i < 50_000_000; i++)
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }

        return state;
    }

    private sealed class ComputeStage : IWorkStage
    {
        public Task<WorkOutcome> RunAsync(WorkClaim claim, CancellationToken stop) => Task.FromResult(new WorkOutcome((long)(Compute() & 1)));
    }
}
