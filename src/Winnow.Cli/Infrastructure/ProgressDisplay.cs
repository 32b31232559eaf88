using Spectre.Console;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Infrastructure;

/// <summary>
/// Shows how far a long piece of work is: a bar that is redrawn on a terminal, a plain line every few seconds elsewhere.
/// Whoever works sets counters; one thread of this display reads and draws them.
/// </summary>
internal sealed class ProgressDisplay : IDisposable
{
    private static readonly TimeSpan PlainEvery = TimeSpan.FromSeconds(5);

    private readonly Terminal terminal;
    private readonly string title, unit;
    private readonly long start;
    private readonly ManualResetEventSlim stop = new();
    private readonly Thread? thread;
    private long done, total, tokens;
    private string note = "";

    /// <summary>Starts to show.</summary>
    /// <param name="terminal">Where.</param>
    /// <param name="title">What is being done: <c>score</c>.</param>
    /// <param name="unit">What is counted: <c>documents</c>.</param>
    /// <param name="total">How many there are; 0 when unknown.</param>
    /// <param name="quiet">True shows nothing.</param>
    internal ProgressDisplay(Terminal terminal, string title, string unit, long total = 0, bool quiet = false)
    {
        (this.terminal, this.title, this.unit, this.total) = (terminal, title, unit, total);
        start = terminal.Time.GetTimestamp();
        if (quiet) return;
        thread = new Thread(terminal.Interactive ? DrawBar : PrintLines) { IsBackground = true, Name = "progress" };
        thread.Start();
    }

    /// <summary>Seconds since the start.</summary>
    internal double Seconds => terminal.Time.GetElapsedTime(start).TotalSeconds;

    /// <summary>Publishes how far the work is. Free to call from any thread.</summary>
    internal void Set(long doneNow, long totalNow = 0, long tokensNow = 0, string noteNow = "")
    {
        Volatile.Write(ref done, doneNow);
        if (totalNow > 0) Volatile.Write(ref total, totalNow);
        if (tokensNow > 0) Volatile.Write(ref tokens, tokensNow);
        Volatile.Write(ref note, noteNow);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        stop.Set();
        thread?.Join();
        stop.Dispose();
    }

    private void PrintLines()
    {
        while (!stop.Wait(PlainEvery))
        {
            (double part, string rates) = State();
            string counted = total > 0 ? $"{100 * part:0.0} %, {Figures.Count(done)} of {Figures.Count(total)} {unit}" : $"{Figures.Count(done)} {unit}";
            terminal.Say($"{title}: {counted}{(rates.Length > 0 ? ", " + rates : "")}");
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
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 28 }, new PercentageColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask(title, maxValue: 1);
                do
                {
                    (double part, string rates) = State();
                    task.IsIndeterminate = total == 0;
                    task.Value = Math.Min(part, 0.9999);
                    task.Description = Markup.Escape($"{title}  {(total == 0 ? $"{Figures.Count(done)} {unit}  " : "")}{rates}");
                    context.Refresh();
                }
                while (!stop.Wait(100));
            });
    }

    private (double Part, string Rates) State()
    {
        double seconds = Math.Max(Seconds, 1e-3);
        long all = Volatile.Read(ref total), sofar = Volatile.Read(ref done), read = Volatile.Read(ref tokens);
        double part = all > 0 ? Math.Clamp(sofar / (double)all, 0, 1) : 0;
        var rates = new List<string>(3);
        if (read > 0) rates.Add($"{Figures.Short(read / seconds)} tokens/s");
        if (part is > 0.002 and < 1) rates.Add($"{Figures.Duration(seconds * (1 - part) / part)} left");
        if (Volatile.Read(ref note) is { Length: > 0 } words) rates.Add(words);
        return (part, string.Join(", ", rates));
    }
}
