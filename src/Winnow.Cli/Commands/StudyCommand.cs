using System.CommandLine;
using System.Globalization;
using Winnow.Cli.Infrastructure;
using Winnow.Kernels.Cpu;
using Winnow.Studies;
using Winnow.Studies.Execution;
using Winnow.Studies.Recipes;
using Winnow.Studies.Reports;
using Winnow.Work;
using Winnow.Work.Slurm;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow study</c>: references, scores, every way to prune, training on what is kept, and an honest comparison.</summary>
internal static class StudyCommand
{
    // What training and scoring reach of the measured peak, for estimates.
    private const double ExpectedFraction = 0.6;

    internal static Command Create(Terminal terminal)
    {
        var inputs = new Argument<string[]>("RECIPE") { HelpName = "RECIPE", Description = "A recipe (YAML); with --quick, the files of a corpus.", Arity = ArgumentArity.ZeroOrMore };
        Option<bool> quick = Choose.Flag("--quick", "No recipe: does keeping half help on these files? Under ten minutes on two cores.");
        Option<string?> output = Choose.Text("--out", "DIR", "The study's directory: steps/, results.csv, results.json, report.html.");
        Option<bool> resume = Choose.Flag("--resume", "Only go on with a study that is there. Without it, one is begun or gone on with.");
        Option<bool> dry = Choose.Flag("--dry-run", "Print the steps, tokens, FLOPs, hours and disk; compute nothing.");
        Option<long?> seed = Choose.Whole("--seed", "With --quick: of everything. Default: 1.", 0);
        var compute = new ComputeChoices();
        var engine = new EngineChoices(scores: false);
        Option<long?> jobs = Choose.Whole("--jobs", "Steps in hand at a time, each on its share of the threads. Default: up to eight, as the memory allows.", 1, most: 4096);
        Option<bool> json = Choose.Flag("--json", "Print the results (or the plan) as one JSON object.");
        WinnowCommand command = new WinnowCommand("study", "finds out by training whether pruning helps, and which way.", "RECIPE.yaml --out DIR | --quick INPUT… --out DIR")
        {
            Details = "Steps whose output exists are not done again; changing a number in the recipe redoes what depends on it. Killed anywhere, the same command goes on.",
            Examples = ["winnow study --quick corpus.jsonl.zst --out study", "winnow study recipes/paper-mini.yaml --out paper-mini --dry-run", "winnow study recipes/paper-mini.yaml --out paper-mini"],
        }
        .With("Input", [inputs, quick, seed]).With("Output and work", [output, .. compute.Symbols, jobs, .. engine.Symbols, resume, dry, json]);
        command.SetAction(async (parse, cancel) =>
        {
            string[] given = parse.GetValue(inputs) ?? [];
            if (given.Length == 0) throw new RequestException("winnow study", "no recipe given", "name a recipe, or `--quick` and the files of a corpus");
            if (!parse.GetValue(quick) && given.Length > 1) throw new RequestException("winnow study", $"`{given[1]}` is one argument too many", "one recipe at a time; with `--quick`, any number of files");
            Recipe recipe = parse.GetValue(quick) ? QuickRecipe.For(given, parse.GetValue(seed) ?? 1) : RecipeReader.Read(given[0]);
            if (parse.GetValue(dry))
            {
                int said = Plan(terminal, recipe, compute.Threads(parse), parse.GetValue(json));
                if (!parse.GetValue(json)) engine.Preview(parse, terminal, parse.GetValue(output) ?? recipe.Name, [WorkersEngine.Stage], recipe.Slurm);
                return said;
            }
            string directory = Demand.Of(parse, output);
            if (parse.GetValue(resume) && !File.Exists(Path.Combine(directory, "study.json"))) throw new RequestException(directory, "holds no study to go on with", "leave `--resume` out to begin one");
            StudyEstimate estimate = StudyEstimate.Of(StudyPlan.Of(recipe, hashInputs: false, CancellationToken.None));
            int threads = compute.Threads(parse), lanes = (int)Math.Min(threads, parse.GetValue(jobs) ?? Lanes(threads, estimate));
            IWorkEngine? workers = engine.Of(parse, terminal, threads, recipe.Slurm);
            if (workers is null) CheckMemory(estimate, lanes);
            StudyPlan plan = StudyPlan.Of(recipe, hashInputs: true, cancel);
            (StudyResults results, IReadOnlyList<StepEvent> steps) = workers is null
                ? await RunAsync(terminal, plan, directory, threads, lanes, estimate, cancel)
                : await RunAsync(terminal, plan, Path.GetFullPath(directory), workers, cancel);
            if (steps.Any(step => step.State == StepState.Running))
            {
                terminal.Say($"study: {directory}; `winnow run status {Shell.Quote(directory)}` says how far it is; the same command gathers the results");
                return CommandLine.Done;
            }
            string report = Path.Combine(directory, "report.html");
            await File.WriteAllTextAsync(report, StudyPage.Render(plan, directory, results, terminal.Time.GetUtcNow()), cancel);
            if (parse.GetValue(json)) Answer.Print(terminal, results);
            else if (results.Results.Count > 0) Print(terminal, plan, results);
            return Say(terminal, directory, report, steps);
        });
        return command;
    }

    private static async Task<(StudyResults, IReadOnlyList<StepEvent>)> RunAsync(
        Terminal terminal, StudyPlan plan, string directory, int threads, int lanes, StudyEstimate estimate, CancellationToken cancel)
    {
        CpuBackend[] backends = [.. Enumerable.Range(0, lanes).Select(_ => new CpuBackend(threads / lanes))];
        using var display = new ProgressDisplay(terminal, "study", "steps");
        var clock = new StudyClock(estimate, lanes, terminal.Time);
        int total = plan.Graph.Steps.Count, ended = 0;
        var inHand = new List<string>();
        string Current() => inHand.Count switch { 0 => "study", 1 => inHand[0], _ => $"{inHand[0]} and {inHand.Count - 1} more" };
        var steps = new Relay<StepEvent>(e =>
        {
            lock (inHand)
            {
                clock.Report(e);
                if (e.State == StepState.Running) inHand.Add(e.Step.Id);
                else (_, ended) = (inHand.Remove(e.Step.Id), ended + 1);
                Show("");
            }
        });
        var within = new Relay<StepProgress>(p =>
        {
            lock (inHand)
            {
                clock.Report(p);
                // With several steps in hand, what one of them says would stand beside the name of another.
                Show(inHand.Count == 1 ? p.Text : "");
            }
        });
        void Show(string text) => display.Show(new ProgressState(Current(), ended, $"of {total} steps", clock.Fraction, text, clock.Left ?? Timeout.InfiniteTimeSpan));
        try
        {
            return await Task.Run(() => StudyRunner.RunAsync(plan, directory, backends, threads / lanes, steps, within, cancel), CancellationToken.None);
        }
        catch (OperationCanceledException)
        {
            throw new ResumableException($"{ended} of {total} steps are done in {directory}; the same command goes on from there");
        }
        finally
        {
            foreach (CpuBackend backend in backends) backend.Dispose();
        }
    }

    private static async Task<(StudyResults, IReadOnlyList<StepEvent>)> RunAsync(
        Terminal terminal, StudyPlan plan, string directory, IWorkEngine workers, CancellationToken cancel)
    {
        using var display = new ProgressDisplay(terminal, "study", "steps");
        var stages = new Relay<StageStatus>(status => display.Show(EngineRun.State(status)));
        var engine = new WorkersEngine(workers, directory, new WorkerDevice(Kernels.Precision.F32, CpuBackend.SupportedLanes[0]).ToJson(), stages, terminal.Time);
        try
        {
            return await Task.Run(() => StudyRunner.RunAsync(plan, directory, engine, null, cancel), CancellationToken.None);
        }
        catch (OperationCanceledException)
        {
            throw new ResumableException(workers is SlurmEngine && cancel.IsCancellationRequested ? EngineRun.JobsGoOn(directory) : $"what is done is in {directory}; the same command goes on from there");
        }
    }

    /// <summary>As many steps at a time as there are threads, up to eight, halved until they fit into half of the memory.</summary>
    private static int Lanes(int threads, StudyEstimate estimate)
    {
        int lanes = Math.Min(threads, 8);
        while (lanes > 1 && lanes * estimate.PeakMemoryBytes > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2) lanes /= 2;
        return lanes;
    }

    private static int Plan(Terminal terminal, Recipe recipe, int threads, bool json)
    {
        StudyEstimate estimate = StudyEstimate.Of(StudyPlan.Of(recipe, hashInputs: false, CancellationToken.None));
        double rate = MachinePeak.Measure(threads) * 1e9 * ExpectedFraction;
        if (json)
        {
            Answer.Print(terminal, new { recipe.Name, estimate.CorpusTokens, lines = estimate.Lines, estimate.Flops, hours = estimate.Flops / rate / 3600, estimate.PeakMemoryBytes });
            return CommandLine.Done;
        }

        var table = new PlainTable("work", "steps", "tokens", "FLOP", "hours here", "disk");
        foreach (StudyEstimateLine line in estimate.Lines)
            table.Add(line.Kind, Figures.Count(line.Steps), line.Tokens == 0 ? "" : Figures.Short(line.Tokens), line.Flops == 0 ? "" : Figures.Short(line.Flops), line.Flops == 0 ? "" : Hours(line.Flops / rate / 3600), line.DiskBytes == 0 ? "" : Figures.Bytes((long)line.DiskBytes));
        table.Add("all", Figures.Count(estimate.Lines.Sum(l => l.Steps)), Figures.Short(estimate.Lines.Sum(l => l.Tokens)), Figures.Short(estimate.Flops), Hours(estimate.Flops / rate / 3600), Figures.Bytes((long)estimate.Lines.Sum(l => l.DiskBytes)));
        table.Write(terminal.Out);
        terminal.Out.Flush();
        terminal.Say($"corpus about {Figures.Short(estimate.CorpusTokens)} tokens; memory up to {Figures.Bytes((long)estimate.PeakMemoryBytes)}; hours at {Figures.Short(rate)}FLOP/s, {Figures.Percent(ExpectedFraction)} of the peak measured now");
        return CommandLine.Done;
    }

    private static string Hours(double hours) => hours.ToString(hours < 100 ? "0.00" : "N0", CultureInfo.InvariantCulture);

    private static void CheckMemory(StudyEstimate estimate, int lanes)
    {
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (lanes * estimate.PeakMemoryBytes <= available) return;
        string needed = Figures.Bytes((long)estimate.PeakMemoryBytes), has = $"this machine has {Figures.Bytes(available)}";
        throw lanes > 1 && estimate.PeakMemoryBytes <= available
            ? new RequestException("memory", $"{lanes} steps at a time need about {needed} each, {has}", "lower `--jobs`")
            : new RequestException("memory", $"the largest step needs about {needed}, {has}", "use smaller models, or a larger machine");
    }

    private static void Print(Terminal terminal, StudyPlan plan, StudyResults results)
    {
        var table = new PlainTable("model", "test", "variant", "perplexity", "± seeds", "over no pruning", "interval", "verdict", "over random", "verdict");
        foreach (VariantResult line in results.Results.OrderBy(r => r.Training, StringComparer.Ordinal).ThenBy(r => plan.Tests.ToList().IndexOf(r.Test)).ThenBy(r => r.Perplexity))
        {
            bool none = line.Variant.Metric == "none";
            table.Add(
                line.Training, line.Test, line.Variant.ToString(), Figures.Score(line.Perplexity, 5), Figures.Score(line.SeedDeviation, 2), none ? "" : Signed(line.OverNone.Value),
                none || line.OverNone is not { Low: { } low, High: { } high } ? "" : $"{Signed(low)} … {Signed(high)}", none ? "" : line.Verdict, line.OverRandom is null ? "" : Signed(line.OverRandom.Value), line.VerdictOverRandom ?? "");
        }

        table.Write(terminal.Out, leftColumns: 3);
        terminal.Out.Flush();
    }

    private static string Signed(double fraction) => (100 * fraction).ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture) + "%";

    private static int Say(Terminal terminal, string directory, string report, IReadOnlyList<StepEvent> steps)
    {
        StepEvent[] failed = [.. steps.Where(e => e.State == StepState.Failed)];
        foreach (StepEvent[] alike in failed.GroupBy(e => e.Error!.Message).Select(group => group.ToArray()))
        {
            string others = alike.Length > 1 ? $" and {alike.Length - 1} more" : "";
            terminal.Fail($"step {alike[0].Step.Id}{others}: {alike[0].Error!.Message}", (alike[0].Error as Data.CorpusException)?.Hint ?? (alike[0].Error as Models.ModelException)?.Hint);
        }

        int skipped = steps.Count(e => e.State == StepState.Skipped);
        if (failed.Length > 0) terminal.Say($"{failed.Length} steps failed, {skipped} that need them were not tried; the same command tries them again");
        terminal.Say($"results: {Path.Combine(directory, "results.csv")}; report: {report}");
        if (failed.Length == 0) return CommandLine.Done;
        return failed.Any(e => e.Error is Data.CorpusException or Models.ModelException) ? CommandLine.Wrong : CommandLine.No;
    }
}
