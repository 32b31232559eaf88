namespace Winnow.Models.Training;

/// <summary>Everything that decides what a training makes of a model and data. Kept beside the result.</summary>
public sealed record TrainingOptions
{
    /// <summary>Optimiser steps.</summary>
    public required int Steps { get; init; }

    /// <summary>Sequences in the batch of one step.</summary>
    public required int BatchSequences { get; init; }

    /// <summary>The learning rate of every step.</summary>
    public required LearningRateSchedule Schedule { get; init; }

    /// <summary>Decay of AdamW's first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of AdamW's second moment.</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>AdamW's ε.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled decay of parameters with two dimensions; others do not decay.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>The gradient's norm is scaled down to this; 0 does not clip.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Of the order of the data. (The initial parameters have their own seed.)</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Points at which a checkpoint is kept.</summary>
    public IReadOnlyList<CheckpointPoint> Checkpoints { get; init; } = [];

    /// <summary>The steps of <see cref="Checkpoints"/>, ascending.</summary>
    public IReadOnlyList<int> CheckpointSteps => [.. Checkpoints.Select(point => point.Step(Steps)).Distinct().Order()];

    /// <summary>Throws where a value makes no sense.</summary>
    public void Validate(ITokenSource data)
    {
        Require(Steps >= 1, $"{Steps} steps", "at least one step is needed");
        Require(BatchSequences >= 1, $"a batch of {BatchSequences} sequences", "a batch holds at least one sequence");
        Require(double.IsFinite(Schedule.Peak) && Schedule.Peak > 0, $"a learning rate of {Schedule.Peak}", "the learning rate is positive");
        Require(Schedule.WarmupSteps >= 0 && Schedule.WarmupSteps < Steps, $"a warm-up of {Schedule.WarmupSteps} of {Steps} steps", "the warm-up is shorter than the training");
        Require(Beta1 is >= 0 and < 1 && Beta2 is >= 0 and < 1, $"betas {Beta1} and {Beta2}", "betas lie in [0, 1)");
        Require(Epsilon > 0 && WeightDecay >= 0 && ClipNorm >= 0, "a negative ε, decay or clipping norm", "none of them is negative");
        Require(data.Sequences >= BatchSequences,
            $"the data holds {data.Sequences} sequences of {data.Context} tokens, less than one batch of {BatchSequences}",
            "use more text, a smaller batch or a shorter context");
    }

    private static void Require(bool holds, string found, string hint)
    {
        if (!holds) throw new ModelException("training", found, hint);
    }
}
