using Spectre.Console;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Infrastructure;

/// <summary>How far a long piece of work is.</summary>
/// <param name="Phase">What is being done: <c>score</c>.</param>
/// <param name="Done">How many are done.</param>
/// <param name="Unit">What is counted: <c>documents</c>.</param>
/// <param name="Fraction">Share of the phase in [0, 1]; null when unknown.</param>
/// <param name="Rate">Speed in words: <c>51.2 k tokens/s</c>.</param>
/// <param name="Remaining">Time left; null takes it from the fraction, a negative one is unknown.</param>
internal sealed record ProgressState(string Phase, long Done, string Unit, double? Fraction = null, string Rate = "", TimeSpan? Remaining = null);

/// <summary>
/// Shows how far a long piece of work is: a bar that is redrawn on a terminal, a plain line every few seconds elsewhere.
/// Whoever works publishes a state; one thread of this display reads and draws it.
/// </summary>
internal sealed class ProgressDisplay : IDisposable
{
    private static readonly TimeSpan PlainEvery = TimeSpan.FromSeconds(5);

    private readonly Terminal terminal;
    private readonly ManualResetEventSlim stop = new();
    private readonly Thread thread;
    private readonly long started;
    private ProgressState state;
    private long phaseStarted;

    /// <summary>Starts to show.</summary>
    internal ProgressDisplay(Terminal terminal, string phase, string unit)
    {
        this.terminal = terminal;
        started = phaseStarted = terminal.Time.GetTimestamp();
        state = new ProgressState(phase, 0, unit);
        thread = new Thread(Draw) { IsBackground = true, Name = "progress" };
        thread.Start();
    }

    /// <summary>Seconds since the display started.</summary>
    internal double Seconds => terminal.Time.GetElapsedTime(started).TotalSeconds;

    /// <summary>Seconds since the phase began.</summary>
    internal double PhaseSeconds => Math.Max(terminal.Time.GetElapsedTime(Volatile.Read(ref phaseStarted)).TotalSeconds, 1e-3);

    /// <summary>Publishes how far the work is. Free to call from any thread.</summary>
    internal void Show(ProgressState now)
    {
        if (now.Phase != Volatile.Read(ref state).Phase) Volatile.Write(ref phaseStarted, terminal.Time.GetTimestamp());
        Volatile.Write(ref state, now);
    }

    /// <summary>Publishes a count out of a total, 0 when that is not known.</summary>
    internal void Show(string phase, long done, long total, string unit, string rate = "") =>
        Show(new ProgressState(phase, done, unit, total > 0 ? done / (double)total : null, rate));

    /// <inheritdoc/>
    public void Dispose()
    {
        stop.Set();
        thread.Join();
        stop.Dispose();
    }

    // Whatever happens to the display, the work goes on: a terminal that went away must not cost an hour of scoring.
    private void Draw()
    {
        try
        {
            if (terminal.Interactive) DrawBar();
            else PrintLines();
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or InvalidOperationException or ArgumentException)
        {
            stop.Wait();
        }
    }

    private void PrintLines()
    {
        while (!stop.Wait(PlainEvery))
        {
            ProgressState now = Volatile.Read(ref state);
            terminal.Say($"{now.Phase}: {string.Join(", ", Words(now).Where(w => w.Length > 0))}");
        }
    }

    private void DrawBar()
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = terminal.Color ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(Console.Error),
        });
        console.Progress().AutoRefresh(false).AutoClear(true).HideCompleted(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 28 })
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(Volatile.Read(ref state).Phase), maxValue: 1);
                do
                {
                    ProgressState now = Volatile.Read(ref state);
                    task.IsIndeterminate = now.Fraction is null;
                    task.Value = Math.Min(now.Fraction ?? 0, 0.9999);
                    task.Description = Markup.Escape($"{now.Phase}  {string.Join("  ", Words(now).Where(w => w.Length > 0))}");
                    context.Refresh();
                }
                while (!stop.Wait(100));
            });
    }

    private IEnumerable<string> Words(ProgressState now)
    {
        if (now.Fraction is { } part) yield return Figures.Percent(part);
        if (now.Done > 0 && now.Unit.Length > 0) yield return $"{Figures.Count(now.Done)} {now.Unit}";
        yield return now.Rate;
        double? left = now.Remaining?.TotalSeconds ?? (now.Fraction is > 0.005 and < 1 ? PhaseSeconds * (1 - now.Fraction) / now.Fraction : null);
        if (left is { } seconds and >= 0) yield return $"{Figures.About(seconds)} left";
    }
}
