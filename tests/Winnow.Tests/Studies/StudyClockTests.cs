using System.Text.Json.Nodes;
using Winnow.Studies;
using Winnow.Studies.Execution;
using Xunit;

namespace Winnow.Tests.Studies;

/// <summary>The time a study still takes, by the FLOPs of its plan.</summary>
public sealed class StudyClockTests
{
    private static readonly Dictionary<string, (string Kind, double Flops)> Steps = new(StringComparer.Ordinal)
    {
        ["prepare"] = ("prepare", 0),
        ["reference"] = ("train references", 600),
        ["a"] = ("train", 100),
        ["b"] = ("train", 100),
        ["c"] = ("train", 200),
    };

    private readonly Clock _time = new();

    [Fact]
    public void Each_kind_goes_at_its_own_speed_and_side_by_side_steps_share_the_time()
    {
        StudyClock clock = Begin(lanes: 2);
        foreach (string id in new[] { "prepare", "reference", "a", "b" }) Starts(clock, id);
        Ends(clock, "prepare", StepState.Done, 100);
        Assert.Null(clock.Left);
        Ends(clock, "reference", StepState.Done, 60);
        Assert.Equal(0.6, clock.Fraction, 1e-9);
        // Nothing is known of the other kind: 400 FLOP at 10 a second and lane, on two lanes.
        Assert.Equal(20, clock.Left!.Value.TotalSeconds, 1e-6);
        Ends(clock, "a", StepState.Done, 50);
        Assert.Equal(300 / 2.0 / 2, clock.Left!.Value.TotalSeconds, 1e-6);
        Starts(clock, "c");
        _time.Advance(25);
        clock.Report(new StepProgress("c", "", 0.25));
        Ends(clock, "b", StepState.Done, 50);
        // The last step has one lane however many there are: 150 FLOP at 2 a second.
        Assert.Equal(75, clock.Left!.Value.TotalSeconds, 1e-6);
        Assert.Equal(0.85, clock.Fraction, 1e-9);
    }

    [Fact]
    public void What_earlier_runs_did_is_done_and_says_nothing_of_the_speed()
    {
        StudyClock clock = Begin(lanes: 1);
        Ends(clock, "prepare", StepState.Reused, 0);
        Starts(clock, "reference");
        clock.Report(new StepProgress("reference", "", 0.9));
        Assert.Null(clock.Left);
        Assert.Equal(0.54, clock.Fraction, 1e-9);
        _time.Advance(10);
        clock.Report(new StepProgress("reference", "", 0.95));
        // 30 FLOP in 10 s; 30 of this step and 400 of the others are left.
        Assert.Equal(430 / 3.0, clock.Left!.Value.TotalSeconds, 1e-6);
        Ends(clock, "reference", StepState.Done, 20);
        Assert.Equal(400 / 3.0, clock.Left!.Value.TotalSeconds, 1e-6);
        foreach (string step in new[] { "a", "b", "c" }) Ends(clock, step, StepState.Reused, 0);
        Assert.Equal(TimeSpan.Zero, clock.Left);
        Assert.Equal(1, clock.Fraction, 1e-9);
    }

    private StudyClock Begin(int lanes) => new(
        new StudyEstimate([.. Steps.Values.GroupBy(s => s.Kind).Select(g => new StudyEstimateLine(g.Key, g.Count(), 0, g.Sum(s => s.Flops), 0))], 0, 0) { Steps = Steps }, lanes, _time);

    private static Step Of(string id) => new(id, id is "prepare" ? "prepare" : "train", new JsonObject(), new Dictionary<string, string>());

    private static void Starts(StudyClock clock, string id) => clock.Report(new StepEvent(Of(id), StepState.Running));

    private static void Ends(StudyClock clock, string id, StepState state, double seconds)
    {
        clock.Report(new StepEvent(Of(id), state, seconds));
    }

    private sealed class Clock : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(double seconds) => _ticks += TimeSpan.FromSeconds(seconds).Ticks;

        public override long GetTimestamp() => _ticks;
    }
}
