using Winnow.Studies.Execution;

namespace Winnow.Studies;

/// <summary>
/// How far a study is and how long it still takes: the FLOPs of its plan that are not done, at the speed that each kind of step has had
/// in this run. Steps without a model in them (preparing, selecting) count nothing.
/// </summary>
/// <param name="estimate">Of the plan.</param>
/// <param name="lanes">Steps in hand at a time.</param>
/// <param name="time">The clock.</param>
public sealed class StudyClock(StudyEstimate estimate, int lanes, TimeProvider time)
{
    // Less says nothing: the first step of a training is slower than the others.
    private const double LeastSeconds = 5;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Kind> _kinds = estimate.Lines.ToDictionary(line => line.Kind, line => new Kind { Remaining = line.Flops }, StringComparer.Ordinal);
    private readonly Dictionary<string, InHand> _inHand = new(StringComparer.Ordinal);

    /// <summary>A step's state changed.</summary>
    public void Report(StepEvent value)
    {
        ArgumentNullException.ThrowIfNull(value);
        (string name, double flops) = estimate.Steps[value.Step.Id];
        lock (_gate)
        {
            if (value.State == StepState.Running)
            {
                _inHand[value.Step.Id] = new InHand(_kinds[name], flops, time.GetTimestamp(), value.Step.Kind == "train");
                return;
            }

            Kind kind = _kinds[name];
            kind.Remaining -= flops;
            if (!_inHand.Remove(value.Step.Id, out InHand? ended) || value.State != StepState.Done || flops == 0) return;
            kind.Done += flops * (1 - (ended.From ?? 0));
            kind.Seconds += value.Seconds;
        }
    }

    /// <summary>A step in hand came on.</summary>
    public void Report(StepProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        lock (_gate)
        {
            if (value.Done is not { } share || !_inHand.TryGetValue(value.Step, out InHand? step)) return;
            // A training that an earlier run began goes on from its last save: that part is not this run's speed.
            if (step.Resumes) step.From ??= share;
            step.Share = share;
        }
    }

    /// <summary>Share of all FLOPs that are done, earlier runs' included.</summary>
    public double Fraction
    {
        get
        {
            lock (_gate)
            {
                double all = estimate.Flops;
                return all > 0 ? Math.Clamp(1 - ((_kinds.Values.Sum(kind => kind.Remaining) - _inHand.Values.Sum(step => step.Flops * step.Share)) / all), 0, 1) : 0;
            }
        }
    }

    /// <summary>Time left; null until there is a speed to go by.</summary>
    public TimeSpan? Left
    {
        get
        {
            lock (_gate)
            {
                (double done, double seconds) = Sum(_kinds.Values);
                if (seconds < LeastSeconds || done <= 0) return null;
                double Speed(Kind kind) => Sum([kind]) is { Done: > 0, Seconds: >= LeastSeconds } own ? own.Done / own.Seconds : done / seconds;
                double left = _kinds.Values.Where(kind => kind.Remaining > 0).Sum(kind => Math.Max(0, kind.Remaining - Of(kind).Sum(step => step.Flops * step.Share)) / Speed(kind));
                double longest = _inHand.Values.Select(step => step.Flops * (1 - step.Share) / Speed(step.Kind)).DefaultIfEmpty(0).Max();
                return TimeSpan.FromSeconds(Math.Min(Math.Max(left / lanes, longest), 1e9));
            }
        }
    }

    private IEnumerable<InHand> Of(Kind kind) => _inHand.Values.Where(step => step.Kind == kind);

    /// <summary>FLOPs of this run and the seconds of lanes that they took, of steps that have said how far they are.</summary>
    private (double Done, double Seconds) Sum(IEnumerable<Kind> kinds)
    {
        double done = 0, seconds = 0;
        foreach (Kind kind in kinds)
        {
            done += kind.Done;
            seconds += kind.Seconds;
            foreach (InHand step in Of(kind).Where(step => step.Share > (step.From ?? 0)))
            {
                done += step.Flops * (step.Share - (step.From ?? 0));
                seconds += time.GetElapsedTime(step.Began).TotalSeconds;
            }
        }

        return (done, seconds);
    }

    private sealed class Kind
    {
        internal double Remaining { get; set; }

        internal double Done { get; set; }

        internal double Seconds { get; set; }
    }

    private sealed class InHand(Kind kind, double flops, long began, bool resumes)
    {
        internal Kind Kind => kind;

        internal double Flops => flops;

        internal long Began => began;

        internal bool Resumes => resumes;

        internal double? From { get; set; }

        internal double Share { get; set; }
    }
}
