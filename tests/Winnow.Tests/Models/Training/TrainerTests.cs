using System.Text.Json;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Models.Training;
using Xunit;

namespace Winnow.Tests.Models.Training;

public sealed class TrainerTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("winnow-training-").FullName;
    private readonly IBackend _backend = Backends.Create(Backends.All[^1]);

    public void Dispose()
    {
        _backend.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void A_resumed_training_has_the_same_bits_as_one_that_was_never_interrupted()
    {
        TrainingRequest whole = Request("whole");
        TrainingRequest parts = Request("parts");
        Trainer.Train(whole, _backend, Data());
        foreach (int stop in new[] { 3, 5, 9 })
        {
            using CancellationTokenSource cancel = new();
            Assert.Throws<OperationCanceledException>(() => Trainer.Train(
                parts with { Resume = true }, _backend, Data(), new Stopper(stop, cancel), cancel.Token));
        }

        TrainingResult result = Trainer.Train(parts with { Resume = true }, _backend, Data());
        Assert.Equal(12, result.Last.Step);
        Assert.Equal(Weights(whole.Output), Weights(parts.Output));
        Assert.Equal(Losses(whole.Output), Losses(parts.Output));
        Assert.True(Trainer.Train(parts with { Resume = true }, _backend, Data()).WasComplete);
    }

    [Fact]
    public void How_the_batch_is_split_changes_the_result_by_rounding_only()
    {
        TrainingRequest Split(int tokens) => Request($"split-{tokens}") with { MicroBatchTokens = tokens };
        TrainingRequest[] requests = [Split(8), Split(16), Split(64)];
        foreach (TrainingRequest request in requests) Trainer.Train(request, _backend, Data());
        double[][] losses = [.. requests.Select(request => Losses(request.Output))];
        for (int step = 0; step < losses[0].Length; step++)
        {
            Assert.Equal(losses[0][step], losses[1][step], 1e-5);
            Assert.Equal(losses[0][step], losses[2][step], 1e-5);
        }
    }

    [Fact]
    public void A_loss_that_is_not_finite_ends_the_training_and_names_the_last_good_checkpoint()
    {
        TrainingRequest request = Request("diverging");
        request = request with
        {
            Options = request.Options with
            {
                Schedule = new LearningRateSchedule(ScheduleKind.Constant, 1e30, 0),
                ClipNorm = 0,
                Checkpoints = CheckpointPoint.ParseList("1"),
            },
        };
        ModelException error = Assert.Throws<ModelException>(() => Trainer.Train(request, _backend, Data()));
        Assert.Contains("step-000001", error.Message, StringComparison.Ordinal);
        Assert.Contains("learning rate", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Checkpoints_are_kept_at_the_points_asked_for_and_are_models_themselves()
    {
        TrainingRequest request = Request("kept");
        string tokenizer = Path.Combine(_directory, "tokenizer.json");
        File.WriteAllText(tokenizer, "{}");
        Trainer.Train(request with
        {
            Options = request.Options with { Checkpoints = CheckpointPoint.ParseList("14%, 55%,100%") },
            Companions = [tokenizer],
            SaveInterval = TimeSpan.Zero,
        }, _backend, Data());
        string checkpoints = Path.Combine(request.Output, "checkpoints");
        Assert.Equal(["step-000002", "step-000007", "step-000012"], Directory.GetDirectories(checkpoints).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        string kept = Path.Combine(checkpoints, "step-000007");
        Assert.True(File.Exists(Path.Combine(kept, "tokenizer.json")));
        Assert.False(File.Exists(Path.Combine(kept, "moments.bin")));
        using DecoderParameters model = DecoderParameters.Load(kept, _backend);
        Assert.Equal(2, model.Config.Layers);
        Assert.Equal(Weights(request.Output), Weights(Path.Combine(checkpoints, "step-000012")));
    }

    [Fact]
    public void A_directory_is_not_trained_into_twice_by_accident()
    {
        TrainingRequest request = Request("taken");
        Trainer.Train(request, _backend, Data());
        ModelException taken = Assert.Throws<ModelException>(() => Trainer.Train(request, _backend, Data()));
        Assert.Contains("--resume", taken.Hint, StringComparison.Ordinal);
        ModelException other = Assert.Throws<ModelException>(() => Trainer.Train(
            request with { Resume = true, Options = request.Options with { WeightDecay = 0.2 } }, _backend, Data()));
        Assert.Contains("`weight_decay` was 0.1, now 0.2", other.Message, StringComparison.Ordinal);
        Trainer.Train(request with { Force = true }, _backend, Data());
    }

    [Fact]
    public void Data_smaller_than_a_batch_is_refused()
    {
        TrainingRequest request = Request("small");
        ModelException error = Assert.Throws<ModelException>(() => Trainer.Train(
            request with { Options = request.Options with { BatchSequences = 1000 } }, _backend, Data()));
        Assert.Contains("less than one batch", error.Message, StringComparison.Ordinal);
    }

    private TrainingRequest Request(string name) => new()
    {
        Options = new TrainingOptions
        {
            Steps = 12,
            BatchSequences = 4,
            Schedule = new LearningRateSchedule(ScheduleKind.Cosine, 1e-3, 2),
            Seed = 5,
        },
        Output = Path.Combine(_directory, name),
        Initialize = () => DecoderParameters.Create(Presets.Gpt2(layers: 2, width: 16, heads: 2, vocabularySize: 30, maxLength: 8), 3, _backend),
        MicroBatchTokens = 16,
    };

    /// <summary>Ten sequences, so that twelve steps of four go through several epochs.</summary>
    private static OrderedTokens Data()
    {
        Random random = new(1);
        return new OrderedTokens([.. Enumerable.Range(0, 10).Select(_ => Enumerable.Range(0, 9).Select(_ => random.Next(30)).ToArray())], 5);
    }

    private static byte[] Weights(string model) => File.ReadAllBytes(Path.Combine(model, "model.safetensors"));

    private static double[] Losses(string model) => [.. File.ReadLines(Path.Combine(model, "training_log.jsonl"))
        .Select(line => JsonSerializer.Deserialize<JsonElement>(line).GetProperty("loss").GetDouble())];

    private sealed class Stopper(int step, CancellationTokenSource cancel) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Last.Step == step) cancel.Cancel();
        }
    }
}
