using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Tokenizers;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Models.Training;
using Winnow.Pruning.Selection;
using Winnow.Studies.Execution;
using Winnow.Studies.Recipes;

namespace Winnow.Studies.Works;

/// <summary>Options of the step <c>train</c>.</summary>
/// <param name="Shape">The decoder.</param>
/// <param name="Context">Tokens of a sequence.</param>
/// <param name="Tokens">Training length in tokens, or 0.</param>
/// <param name="Epochs">Training length in epochs, or 0.</param>
/// <param name="Equal"><c>tokens</c>: the length is that of the unpruned set; <c>epochs</c>: of the kept one.</param>
/// <param name="Schedule">Optimiser settings.</param>
/// <param name="Checkpoints">Shares of training at which a checkpoint is kept.</param>
/// <param name="Seed">Of the initialisation and of the order of the data.</param>
internal sealed record TrainOptions(
    ModelShape Shape, int Context, long Tokens, double Epochs, string Equal, ScheduleSettings Schedule, IReadOnlyList<double> Checkpoints, long Seed);

/// <summary>What a training was: <c>trained.json</c>, beside the model.</summary>
/// <param name="Steps">Updates.</param>
/// <param name="BatchSequences">Sequences per update.</param>
/// <param name="Sequences">Sequences in the training set.</param>
/// <param name="Tokens">Tokens predicted.</param>
/// <param name="Flops">Three times the forward's.</param>
/// <param name="Loss">Of the last step.</param>
/// <param name="Seconds">Over all attempts.</param>
/// <param name="CheckpointSteps">The steps of the options' checkpoints.</param>
internal sealed record TrainedFacts(
    int Steps, int BatchSequences, long Sequences, long Tokens, double Flops, double Loss, double Seconds, IReadOnlyList<int> CheckpointSteps);

/// <summary>Trains a decoder on a packed corpus, or on what a selection keeps of it.</summary>
internal sealed class TrainWork(IBackend backend, IProgress<TrainingProgress>? progress) : IStepWork
{
    /// <summary>The model's directory within the step's output.</summary>
    internal const string ModelFolder = "model";

    /// <inheritdoc/>
    public Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
    {
        var options = step.Options.Deserialize<TrainOptions>(StudyFiles.Json)!;
        using PackedCorpus corpus = PackedCorpus.Open(inputs["pack"]);
        SelectionDirectory? selection = inputs.TryGetValue("selection", out string? selected) ? SelectionDirectory.Open(Path.Combine(selected, SelectWork.Folder)) : null;
        ITokenSource data = corpus.Read(options.Context, selection);
        int batch = (int)Math.Max(1, options.Schedule.BatchTokens / options.Context);
        int steps = Steps(options, batch, corpus.Facts.Tokens / options.Context, data.Sequences);
        int vocabulary = Tokenizer.Load(inputs["tokenizer"]).VocabularySize;
        DecoderConfig config = Shape(options.Shape, vocabulary, options.Context);
        var training = new TrainingOptions
        {
            Steps = steps,
            BatchSequences = batch,
            Schedule = Schedule(options.Schedule, steps),
            WeightDecay = options.Schedule.WeightDecay,
            Seed = (ulong)options.Seed,
            Checkpoints = [.. options.Checkpoints.Where(share => share < 1).Select(share => new CheckpointPoint((decimal)share, IsFraction: true))],
        };
        if (data.Sequences < batch)
            throw new CorpusException("", $"{data.Sequences} sequences are kept, less than one batch of {batch}", "use more text, a smaller `batch_tokens` or a larger fraction");
        TrainingResult result = Trainer.Train(
            new TrainingRequest
            {
                Options = training,
                Output = Path.Combine(workDirectory, ModelFolder),
                Initialize = () => DecoderParameters.Create(config, (ulong)options.Seed, backend),
                Companions = [.. Directory.EnumerateFiles(inputs["tokenizer"]).Where(file => Path.GetFileName(file) != "step.json").Order(StringComparer.Ordinal)],
                Resume = true,
                SaveInterval = TimeSpan.FromMinutes(2),
            },
            backend, data, progress, cancel);
        long tokens = (long)steps * batch * data.Context;
        StudyFiles.Write(Path.Combine(workDirectory, "trained.json"), new TrainedFacts(
            steps, batch, data.Sequences, tokens, 3 * config.ForwardFlops(options.Context) * tokens, result.Last.Loss, result.Last.Seconds,
            [.. options.Checkpoints.Select(share => share < 1 ? new CheckpointPoint((decimal)share, true).Step(steps) : steps)]));
        return Task.CompletedTask;
    }

    /// <summary>The model at a share of a finished training.</summary>
    internal static string CheckpointOf(string trained, int checkpoint)
    {
        var facts = StudyFiles.Read<TrainedFacts>(Path.Combine(trained, "trained.json"));
        string model = Path.Combine(trained, ModelFolder);
        int step = facts.CheckpointSteps[checkpoint];
        return step == facts.Steps ? model : Path.Combine(model, "checkpoints", $"step-{step:D6}");
    }

    /// <summary>The decoder of a shape.</summary>
    internal static DecoderConfig Shape(ModelShape shape, int vocabulary, int context) => shape.Architecture switch
    {
        "gpt2" => Presets.Gpt2(shape.Layers, shape.Width, shape.Heads, vocabulary, context),
        // Llama's hidden width: 8/3 of the width, rounded up to a multiple of 64.
        "llama" => Presets.Llama(shape.Layers, shape.Width, shape.Heads, shape.Heads, ((shape.Width * 8 / 3) + 63) / 64 * 64, vocabulary, context),
        _ => throw new ArgumentOutOfRangeException(nameof(shape), shape.Architecture, "unknown architecture"),
    };

    /// <summary>Updates of a training; every variant gets as many tokens unless the recipe asks for equal epochs.</summary>
    internal static int Steps(TrainOptions options, int batch, long allSequences, long keptSequences)
    {
        double sequences = options.Equal == "epochs"
            ? (options.Epochs > 0 ? options.Epochs : (double)options.Tokens / options.Context / allSequences) * keptSequences
            : options.Epochs > 0 ? options.Epochs * allSequences : (double)options.Tokens / options.Context;
        return (int)Math.Max(1, Math.Round(sequences / batch, MidpointRounding.AwayFromZero));
    }

    private static LearningRateSchedule Schedule(ScheduleSettings settings, int steps) => new(
        settings.Shape == "cosine" ? ScheduleKind.Cosine : ScheduleKind.Rising, settings.LearningRate, Math.Min(steps - 1, (int)(settings.WarmUp * steps)));
}
