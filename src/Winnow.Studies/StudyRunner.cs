using System.Text.Json;
using Winnow.Data;
using Winnow.Kernels;
using Winnow.Models.Training;
using Winnow.Pruning.Scoring;
using Winnow.Studies.Execution;
using Winnow.Studies.Glue;
using Winnow.Studies.Recipes;
using Winnow.Studies.Works;

namespace Winnow.Studies;

/// <summary>What a step in hand is doing.</summary>
/// <param name="Step">Its id.</param>
/// <param name="Text">For people: <c>loss 4.31</c>.</param>
/// <param name="Done">Share done, in [0, 1]; null when unknown.</param>
public sealed record StepProgress(string Step, string Text, double? Done);

/// <summary>Runs a study in its directory: does what is not done, gathers what was measured.</summary>
public static class StudyRunner
{
    private const string PlanFile = "study.json";

    /// <summary>Runs the study's steps in this process.</summary>
    /// <param name="plan">The study.</param>
    /// <param name="directory">Holds one study; made where it is not there.</param>
    /// <param name="backends">One for every step that may be in hand at a time.</param>
    /// <param name="threads">A step's, for work that is not its backend's.</param>
    /// <param name="steps">Told when a step's state changes.</param>
    /// <param name="within">Told what the step in hand is doing.</param>
    /// <param name="cancel">Stops in a state that the same call goes on from.</param>
    /// <exception cref="CorpusException">The directory holds another study, or another process works in it.</exception>
    public static Task<(StudyResults Results, IReadOnlyList<StepEvent> Steps)> RunAsync(
        StudyPlan plan, string directory, IReadOnlyList<IBackend> backends, int threads,
        IProgress<StepEvent>? steps = null, IProgress<StepProgress>? within = null, CancellationToken cancel = default) =>
        RunAsync(plan, directory, new InProcessEngine([.. backends.Select(backend => Works(backend, threads, within))], TimeProvider.System), steps, cancel);

    /// <summary>Has the study's steps done by an engine.</summary>
    /// <param name="plan">The study.</param>
    /// <param name="directory">Holds one study; made where it is not there.</param>
    /// <param name="engine">Has them done.</param>
    /// <param name="steps">Told when a step's state changes.</param>
    /// <param name="cancel">Stops in a state that the same call goes on from.</param>
    /// <exception cref="CorpusException">The directory holds another study, or another process works in it.</exception>
    public static async Task<(StudyResults Results, IReadOnlyList<StepEvent> Steps)> RunAsync(
        StudyPlan plan, string directory, IEngine engine, IProgress<StepEvent>? steps = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(engine);
        using StudyLock held = StudyLock.TryTake(directory)
            ?? throw new CorpusException(directory, "another run is at work here", "wait for it, or name another directory");
        Claim(plan, directory);
        var store = new StepStore(directory);
        using StudyPresence? presence = engine is InProcessEngine ? new StudyPresence(directory, plan.Graph, steps, TimeProvider.System, cancel) : null;
        IReadOnlyList<StepEvent> outcome = await engine.RunAsync(plan.Graph, store, presence ?? steps, presence?.Cancelled ?? cancel).ConfigureAwait(false);
        StudyResults results = StudyResults.Gather(plan, store);
        await File.WriteAllTextAsync(Path.Combine(directory, "results.csv"), results.ToCsv(), cancel).ConfigureAwait(false);
        StudyFiles.Write(Path.Combine(directory, "results.json"), results);
        return (results, outcome);
    }

    /// <summary>The plan of the study in a directory, to report on it as far as it is; its inputs must still be what they were.</summary>
    /// <exception cref="CorpusException">There is no study, or an input cannot be read.</exception>
    public static StudyPlan Open(string directory, CancellationToken cancel = default)
    {
        string file = Path.Combine(directory, PlanFile);
        if (!IsStudy(directory)) throw new CorpusException(directory, "holds no study");
        return StudyPlan.Of(StudyFiles.Read<Recipe>(file), hashInputs: true, cancel);
    }

    /// <summary>True where a directory holds a study.</summary>
    public static bool IsStudy(string directory) => File.Exists(Path.Combine(directory, PlanFile));

    /// <summary>Refuses a directory that holds a study of another name; the same study with changed numbers redoes what they change.</summary>
    private static void Claim(StudyPlan plan, string directory)
    {
        string file = Path.Combine(directory, PlanFile);
        if (File.Exists(file))
        {
            string? name = JsonDocument.Parse(File.ReadAllBytes(file)).RootElement.GetProperty("name").GetString();
            if (name != plan.Recipe.Name)
                throw new CorpusException(directory, $"holds the study `{name}`, this recipe is `{plan.Recipe.Name}`", "name another directory with `--out`");
        }
        else if (Directory.EnumerateFileSystemEntries(directory).Any(entry => Path.GetFileName(entry) != "lock"))
        {
            throw new CorpusException(directory, "is not empty and holds no study", "name another directory with `--out`");
        }

        StudyFiles.Write(file, plan.Recipe);
    }

    /// <summary>What does each kind of step.</summary>
    public static IReadOnlyDictionary<string, IStepWork> Works(IBackend backend, int threads, IProgress<StepProgress>? within = null)
    {
        // The works of one lane do one step at a time.
        string current = "";
        IProgress<T>? Told<T>(Func<T, StepProgress> say) => within is null ? null : new Relay<T>(within, say);
        IProgress<ScoringProgress>? scoring = Told<ScoringProgress>(p => new StepProgress(current, $"{p.TokensPerSecond:N0} tokens/s", p.FractionDone));
        var works = new Dictionary<string, IStepWork>(StringComparer.Ordinal)
        {
            ["prepare"] = new PrepareWork(),
            ["tokenizer"] = new TokenizerWork(threads),
            ["pack"] = new PackWork(threads),
            ["train"] = new TrainWork(backend, Told<TrainingProgress>(p => new StepProgress(current, $"loss {p.Last.Loss:0.000}, {p.TokensPerSecond:N0} tokens/s", (double)p.Last.Step / p.Steps))),
            ["score"] = new ScoreWork(backend, scoring),
            ["select"] = new SelectWork(threads),
            ["evaluate"] = new EvaluateWork(backend, scoring),
            ["glue"] = new GlueWork(backend, Told<GlueProgress>(p => new StepProgress(current, $"{p.Task}, loss {p.Loss:0.000}", (p.Run - 1 + p.Done) / p.Runs))),
        };
        return works.ToDictionary(work => work.Key, work => (IStepWork)new Announced(work.Value, step => current = step.Id), StringComparer.Ordinal);
    }

    private sealed class Announced(IStepWork work, Action<Step> begins) : IStepWork
    {
        public Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
        {
            begins(step);
            return work.RunAsync(step, inputs, workDirectory, cancel);
        }
    }

    private sealed class Relay<T>(IProgress<StepProgress> to, Func<T, StepProgress> say) : IProgress<T>
    {
        public void Report(T value) => to.Report(say(value));
    }
}
