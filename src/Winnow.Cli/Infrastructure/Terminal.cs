using System.Text;

namespace Winnow.Cli.Infrastructure;

/// <summary>Where a command speaks: data on standard output, everything for people on standard error.</summary>
/// <param name="output">Data.</param>
/// <param name="error">For people.</param>
/// <param name="interactive">Standard error is a terminal that can redraw a line.</param>
/// <param name="color">Colour may be used on standard error.</param>
/// <param name="time">The clock.</param>
internal sealed class Terminal(TextWriter output, TextWriter error, bool interactive, bool color, TimeProvider time)
{
    private readonly Lock gate = new();

    /// <summary>Data, and nothing else.</summary>
    internal TextWriter Out { get; } = output;

    /// <summary>True when standard error can redraw a line.</summary>
    internal bool Interactive { get; } = interactive;

    /// <summary>True when colour may be used.</summary>
    internal bool Color { get; } = color;

    /// <summary>The clock.</summary>
    internal TimeProvider Time { get; } = time;

    /// <summary>The process's own streams; colour and redrawing only for a real terminal, and never under <c>NO_COLOR</c>.</summary>
    internal static Terminal OfProcess()
    {
        var utf8 = new UTF8Encoding(false);
        var output = new StreamWriter(Console.OpenStandardOutput(), utf8, 1 << 16) { AutoFlush = false, NewLine = "\n" };
        var error = new StreamWriter(Console.OpenStandardError(), utf8, 256) { AutoFlush = true, NewLine = "\n" };
        bool terminal = !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        bool color = terminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return new Terminal(output, error, terminal, color, TimeProvider.System);
    }

    /// <summary>One line for people.</summary>
    internal void Say(string line)
    {
        lock (gate) error.WriteLine(line);
    }

    /// <summary>Raw text for people: the live progress line.</summary>
    internal void Draw(string text)
    {
        lock (gate) error.Write(text);
    }

    /// <summary>Something that does not stop the work but must be known.</summary>
    internal void Warn(string line) => Say(Paint("warning:", "33;1") + " " + line);

    /// <summary><c>error: place: found</c>, then <c>hint: what to do</c>.</summary>
    internal void Fail(string message, string? hint)
    {
        Say(Paint("error:", "31;1") + " " + message);
        if (!string.IsNullOrEmpty(hint)) Say(Paint("hint:", "36;1") + " " + hint);
    }

    /// <summary>The text in an ANSI style, where colour may be used.</summary>
    internal string Paint(string text, string style) => Color ? $"\e[{style}m{text}\e[0m" : text;
}
