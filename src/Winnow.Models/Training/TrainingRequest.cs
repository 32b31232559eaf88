namespace Winnow.Models.Training;

/// <summary>One training: what decides the result, and where and how it is done.</summary>
public sealed record TrainingRequest
{
    /// <summary>What decides the result, with the data and the initial parameters.</summary>
    public required TrainingOptions Options { get; init; }

    /// <summary>MODEL/: gets <c>config.json</c>, <c>model.safetensors</c>, <c>training.json</c>, <c>training_log.jsonl</c> and <c>checkpoints/</c>.</summary>
    public required string Output { get; init; }

    /// <summary>Makes the initial parameters: new ones or a checkpoint's. Not called when a training is resumed.</summary>
    public required Func<DecoderParameters> Initialize { get; init; }

    /// <summary>Files that a model directory needs beside the weights (<c>tokenizer.json</c>): copied into it and into every checkpoint.</summary>
    public IReadOnlyList<string> Companions { get; init; } = [];

    /// <summary>Go on from the last checkpoint in <see cref="Output"/>; without one, begin.</summary>
    public bool Resume { get; init; }

    /// <summary>Throw away what <see cref="Output"/> holds of another training.</summary>
    public bool Force { get; init; }

    /// <summary>Tokens in one forward and backward; 0 chooses by memory. More sequences than fit are accumulated.</summary>
    public int MicroBatchTokens { get; init; }

    /// <summary>Longest time between two checkpoints to resume from; the last one is kept.</summary>
    public TimeSpan SaveInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The clock of the log.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}

/// <summary>One step of a training: a line of <c>training_log.jsonl</c>.</summary>
/// <param name="Step">1 for the first.</param>
/// <param name="Tokens">Tokens predicted so far.</param>
/// <param name="Loss">Mean over the batch before the update, in nats.</param>
/// <param name="LearningRate">Of this step.</param>
/// <param name="GradientNorm">Before clipping.</param>
/// <param name="TokensPerSecond">Of this step.</param>
/// <param name="Seconds">Spent so far, over all attempts.</param>
public sealed record TrainingStep(
    int Step, long Tokens, double Loss, double LearningRate, double GradientNorm, double TokensPerSecond, double Seconds);

/// <summary>How far a training is.</summary>
/// <param name="Last">The step just done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="TokensPerSecond">Over the last steps.</param>
/// <param name="Remaining">Estimated time left.</param>
public sealed record TrainingProgress(TrainingStep Last, int Steps, double TokensPerSecond, TimeSpan Remaining);

/// <summary>What a training made.</summary>
/// <param name="Directory">The model.</param>
/// <param name="Last">The last step.</param>
/// <param name="WasComplete">True when it was there already and nothing had to be done.</param>
public sealed record TrainingResult(string Directory, TrainingStep Last, bool WasComplete);
