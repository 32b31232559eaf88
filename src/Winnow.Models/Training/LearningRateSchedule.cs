namespace Winnow.Models.Training;

/// <summary>How the learning rate moves after the warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>Falls from the peak to the floor along half a cosine.</summary>
    Cosine,

    /// <summary>Falls from the peak to the floor along a line.</summary>
    Linear,

    /// <summary>Stays at the peak.</summary>
    Constant,

    /// <summary>Rises from 0 to the peak along a line over the whole training: what arXiv 2309.04564 says of its models.</summary>
    Rising,
}

/// <summary>The learning rate of every step.</summary>
/// <param name="Kind">The shape after the warm-up.</param>
/// <param name="Peak">The highest rate.</param>
/// <param name="WarmupSteps">Steps over which it first rises from 0 to the peak along a line.</param>
public sealed record LearningRateSchedule(ScheduleKind Kind, double Peak, int WarmupSteps)
{
    /// <summary>Where cosine and linear schedules end.</summary>
    public double Floor { get; init; } = Peak / 10;

    /// <summary>The rate of a step.</summary>
    /// <param name="step">1 for the first.</param>
    /// <param name="steps">Steps in all.</param>
    public double At(int step, int steps)
    {
        if (Kind == ScheduleKind.Rising) return Peak * step / steps;
        if (step <= WarmupSteps) return Peak * step / WarmupSteps;
        double way = (double)(step - 1 - WarmupSteps) / (steps - WarmupSteps);
        return Kind switch
        {
            ScheduleKind.Cosine => Floor + ((Peak - Floor) * 0.5 * (1 + Math.Cos(Math.PI * way))),
            ScheduleKind.Linear => Peak + ((Floor - Peak) * way),
            ScheduleKind.Constant => Peak,
            _ => throw new InvalidOperationException($"unknown schedule {Kind}"),
        };
    }
}
