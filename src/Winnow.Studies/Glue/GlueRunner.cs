using System.Text;
using Winnow.Data.Tokenizers;
using Winnow.Kernels;
using Winnow.Models.Checkpoints;
using Winnow.Models.Classification;

namespace Winnow.Studies.Glue;

/// <summary>Which tasks, and how a model is fine-tuned on them.</summary>
public sealed record GlueOptions
{
    /// <summary>Tasks, by name; empty for all whose files are there.</summary>
    public IReadOnlyList<string> Tasks { get; init; } = [];

    /// <summary>Fine-tuning is repeated with each; results are mean and spread.</summary>
    public IReadOnlyList<ulong> Seeds { get; init; } = [1, 2, 3];

    /// <summary>Learning rates tried; the one with the best mean on the dev set is reported as best.</summary>
    public IReadOnlyList<double> LearningRates { get; init; } = [1e-5];

    /// <summary>Numbers of epochs tried.</summary>
    public IReadOnlyList<int> Epochs { get; init; } = [3];

    /// <summary>Examples per update.</summary>
    public int BatchTexts { get; init; } = 32;

    /// <summary>Most training examples of a task, the first by the file's order; null for all.</summary>
    public int? Limit { get; init; }
}

/// <summary>One measured number of one fine-tuning.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Set">Which dev set.</param>
/// <param name="Measure"><c>accuracy</c>, <c>f1</c>, <c>matthews</c>, <c>pearson</c> or <c>spearman</c>.</param>
/// <param name="LearningRate">Peak learning rate.</param>
/// <param name="Epochs">Passes over the training set.</param>
/// <param name="Seed">Fine-tuning seed.</param>
/// <param name="Value">In [−1, 1]; higher is better.</param>
public sealed record GlueScore(string Task, string Set, string Measure, double LearningRate, int Epochs, ulong Seed, double Value);

/// <summary>A task's number over seeds, at the setting with the best mean.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Set">Which dev set.</param>
/// <param name="Measure">What was measured.</param>
/// <param name="LearningRate">Of the setting.</param>
/// <param name="Epochs">Of the setting.</param>
/// <param name="Mean">Over seeds.</param>
/// <param name="Deviation">Sample standard deviation over seeds; 0 for one seed.</param>
/// <param name="Seeds">How many.</param>
/// <param name="Majority">What always answering the most frequent label of the dev set gives; null where that is not an accuracy.</param>
public sealed record GlueSummary(
    string Task, string Set, string Measure, double LearningRate, int Epochs, double Mean, double Deviation, int Seeds, double? Majority);

/// <summary>Everything measured.</summary>
/// <param name="Model">The model's directory.</param>
/// <param name="Summaries">A line per task, set and measure.</param>
/// <param name="Scores">Every single number.</param>
/// <param name="Truncated">Texts cut to the model's length, by task.</param>
public sealed record GlueResult(
    string Model, IReadOnlyList<GlueSummary> Summaries, IReadOnlyList<GlueScore> Scores, IReadOnlyDictionary<string, int> Truncated);

/// <summary>How far a GLUE run is.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Run">Fine-tuning in hand, from 1.</param>
/// <param name="Runs">Fine-tunings in all.</param>
/// <param name="Done">Share of this one done.</param>
/// <param name="Loss">Mean loss of the last update.</param>
public sealed record GlueProgress(string Task, int Run, int Runs, double Done, double Loss);

/// <summary>Fine-tunes a decoder on GLUE tasks and measures it on their dev sets, as table 2 of arXiv 2309.04564 does.</summary>
public static class GlueRunner
{
    /// <summary>Runs every task × learning rate × epochs × seed.</summary>
    /// <param name="model">A Hugging Face directory with a tokenizer.</param>
    /// <param name="data">Holds a folder per task.</param>
    /// <param name="options">Tasks and settings.</param>
    /// <param name="backend">Computes.</param>
    /// <param name="progress">Told after every update.</param>
    /// <param name="cancel">Stops between updates.</param>
    public static GlueResult Run(
        string model, string data, GlueOptions options, IBackend backend, IProgress<GlueProgress>? progress = null, CancellationToken cancel = default)
    {
        IReadOnlyList<GlueTask> tasks = Tasks(data, options.Tasks);
        Tokenizer tokenizer = Tokenizer.Load(model);
        int context = ModelDirectory.ReadConfig(model).MaxLength;
        var scores = new List<GlueScore>();
        var majorities = new Dictionary<(string Task, string Set), double>();
        var truncated = new SortedDictionary<string, int>(StringComparer.Ordinal);
        int runs = tasks.Count * options.LearningRates.Count * options.Epochs.Count * options.Seeds.Count, run = 0;
        foreach (GlueTask task in tasks)
        {
            var encoder = new GlueEncoder(tokenizer, context);
            IReadOnlyList<ClassifiedText> training = encoder.Encode(GlueReader.Read(data, task, "train"), options.Limit);
            IReadOnlyList<IReadOnlyList<ClassifiedText>> evaluated = [.. task.DevelopmentSets.Select(set => encoder.Encode(GlueReader.Read(data, task, set), null))];
            truncated[task.Name] = encoder.Truncated;
            for (int i = 0; i < evaluated.Count; i++) majorities[(task.Name, task.DevelopmentSets[i])] = Majority(evaluated[i]);
            foreach ((double rate, int epochs, ulong seed) in Settings(options))
            {
                run++;
                var tuning = new FineTuningOptions { Epochs = epochs, LearningRate = rate, BatchTexts = options.BatchTexts, Seed = seed };
                var steps = progress is null ? null : new Relay(progress, task.Name, run, runs);
                IReadOnlyList<double[]> predicted = FineTuner.Run(model, backend, task.Outputs, training, evaluated, tuning, steps, cancel);
                for (int i = 0; i < evaluated.Count; i++)
                {
                    foreach ((string measure, double value) in Measure(task, predicted[i], evaluated[i]))
                        scores.Add(new GlueScore(task.Name, task.DevelopmentSets[i], measure, rate, epochs, seed, value));
                }
            }
        }

        return new GlueResult(model, Summarize(scores, majorities), scores, truncated);
    }

    /// <summary>A line per task, set and measure, at the setting with the best mean over seeds.</summary>
    internal static IReadOnlyList<GlueSummary> Summarize(
        IReadOnlyList<GlueScore> scores, IReadOnlyDictionary<(string Task, string Set), double> majorities)
    {
        var lines = new List<GlueSummary>();
        foreach (var line in scores.GroupBy(score => (score.Task, score.Set, score.Measure)))
        {
            GlueSummary best = line.GroupBy(score => (score.LearningRate, score.Epochs)).Select(setting =>
            {
                double[] values = [.. setting.Select(score => score.Value)];
                double mean = values.Average();
                double deviation = values.Length < 2 ? 0 : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
                double? majority = line.Key.Measure == "accuracy" ? majorities[(line.Key.Task, line.Key.Set)] : null;
                return new GlueSummary(
                    line.Key.Task, line.Key.Set, line.Key.Measure, setting.Key.LearningRate, setting.Key.Epochs, mean, deviation, values.Length, majority);
            }).MaxBy(summary => summary.Mean)!;
            lines.Add(best);
        }

        return lines;
    }

    /// <summary>The task's measures on fixed predictions.</summary>
    internal static IEnumerable<(string Measure, double Value)> Measure(GlueTask task, double[] predicted, IReadOnlyList<ClassifiedText> labelled)
    {
        double[] labels = [.. labelled.Select(text => text.Label)];
        if (task.IsRegression)
            return [("pearson", GlueMetrics.Pearson(predicted, labels)), ("spearman", GlueMetrics.Spearman(predicted, labels))];
        int[] classes = [.. predicted.Select(value => (int)value)], truth = [.. labels.Select(value => (int)value)];
        return task.Measure switch
        {
            GlueMeasure.Accuracy => [("accuracy", GlueMetrics.Accuracy(classes, truth))],
            GlueMeasure.AccuracyAndF1 => [("accuracy", GlueMetrics.Accuracy(classes, truth)), ("f1", GlueMetrics.F1(classes, truth))],
            GlueMeasure.Matthews => [("matthews", GlueMetrics.Matthews(classes, truth))],
            _ => throw new ArgumentOutOfRangeException(nameof(task), task.Measure, "not a classification measure"),
        };
    }

    private static IReadOnlyList<GlueTask> Tasks(string data, IReadOnlyList<string> names)
    {
        IReadOnlyList<GlueTask> available = GlueReader.Available(data);
        if (names.Count > 0) return [.. names.Select(name => GlueTask.All.FirstOrDefault(task => task.Name == name) ?? throw Unknown(name))];
        return available.Count > 0
            ? available
            : throw new Data.CorpusException(data, "no GLUE task with a train and a dev set", "expected folders such as SST-2/ with train.tsv and dev.tsv");
        static Data.CorpusException Unknown(string name) =>
            new("`--tasks`", $"unknown task `{name}`", $"the tasks are {string.Join(", ", GlueTask.All.Select(task => task.Name))}");
    }

    private static IEnumerable<(double Rate, int Epochs, ulong Seed)> Settings(GlueOptions options) =>
        from rate in options.LearningRates from epochs in options.Epochs from seed in options.Seeds select (rate, epochs, seed);

    private static double Majority(IReadOnlyList<ClassifiedText> texts) =>
        (double)texts.GroupBy(text => text.Label).Max(label => label.Count()) / texts.Count;

    private sealed class Relay(IProgress<GlueProgress> to, string task, int run, int runs) : IProgress<(double Done, double Loss)>
    {
        public void Report((double Done, double Loss) value) => to.Report(new GlueProgress(task, run, runs, value.Done, value.Loss));
    }
}

/// <summary>Texts to ids: each text followed by the end-of-text token; pairs one after the other.</summary>
internal sealed class GlueEncoder(Tokenizer tokenizer, int context)
{
    private readonly TokenEncoder _encoder = tokenizer.CreateEncoder();

    /// <summary>Texts that were cut so far.</summary>
    public int Truncated { get; private set; }

    /// <summary>Encodes examples; a pair that is too long loses tokens from the end of its longer text.</summary>
    public IReadOnlyList<ClassifiedText> Encode(IReadOnlyList<GlueExample> examples, int? limit) =>
        [.. examples.Take(limit ?? int.MaxValue).Select(example => new ClassifiedText(Ids(example), example.Label))];

    private List<int> Ids(GlueExample example)
    {
        List<int>[] texts = [.. example.Texts.Select(Encode)];
        int separators = tokenizer.EndOfText is null ? 0 : texts.Length;
        int over = texts.Sum(text => text.Count) + separators - context;
        if (over > 0) Truncated++;
        for (; over > 0; over--)
        {
            List<int> longer = texts.MaxBy(text => text.Count)!;
            longer.RemoveAt(longer.Count - 1);
        }

        var ids = new List<int>(tokenizer.Prefix);
        foreach (List<int> text in texts)
        {
            ids.AddRange(text);
            if (tokenizer.EndOfText is { } end) ids.Add(end);
        }

        if (ids.Count == 0) throw new Data.CorpusException("GLUE", "an example without a token, and the tokenizer has no end-of-text token");
        return ids.Count <= context ? ids : ids[..context];
    }

    private List<int> Encode(string text)
    {
        var ids = new List<int>();
        _encoder.Encode(Encoding.UTF8.GetBytes(text), ids);
        return ids;
    }
}
