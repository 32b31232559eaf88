using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Winnow.Cli.Infrastructure;

/// <summary>What <c>--help</c> prints: summary, usage, options in groups, examples.</summary>
internal sealed class HelpPage(Terminal terminal) : SynchronousCommandLineAction
{
    private const int Column = 28, Width = 100;

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        Write(parseResult.CommandResult.Command, terminal.Out);
        terminal.Out.Flush();
        return 0;
    }

    /// <summary>Writes the page of one command.</summary>
    internal static void Write(Command command, TextWriter to)
    {
        string path = PathOf(command);
        var own = command as WinnowCommand;
        to.WriteLine($"{path}: {command.Description}");
        to.WriteLine();
        string usage = command.Subcommands.Count > 0 ? "COMMAND …" : own?.Usage ?? "";
        to.WriteLine($"Usage: {path} {usage}".TrimEnd());
        if (own is { Details.Length: > 0 })
        {
            to.WriteLine();
            foreach (string line in Wrap(own.Details, Width)) to.WriteLine(line);
        }
        if (command.Subcommands.Count > 0)
        {
            to.WriteLine();
            to.WriteLine("Commands");
            foreach (Command sub in command.Subcommands.Where(c => !c.Hidden)) Row(to, sub.Name, sub.Description ?? "");
        }
        foreach ((string title, IReadOnlyList<Symbol> symbols) in own?.Groups ?? [])
        {
            to.WriteLine();
            to.WriteLine(title);
            foreach (Symbol symbol in symbols.Where(s => !s.Hidden)) Row(to, Label(symbol), symbol.Description ?? "");
        }
        if (own is { Examples.Count: > 0 })
        {
            to.WriteLine();
            to.WriteLine(own.Examples.Count == 1 ? "Example" : "Examples");
            foreach (string example in own.Examples) to.WriteLine("  " + example);
        }
        if (command is RootCommand)
        {
            to.WriteLine();
            to.WriteLine("`winnow COMMAND --help` explains a command and its options. A first look: `winnow demo`.");
        }
    }

    /// <summary>The words that call a command.</summary>
    internal static string PathOf(Command command) => command.Parents.OfType<Command>().FirstOrDefault() is { } parent
        ? PathOf(parent) + " " + command.Name
        : "winnow";

    private static string Label(Symbol symbol) => symbol switch
    {
        Option { HelpName: { Length: > 0 } value } option => $"{option.Name}{string.Concat(option.Aliases.Select(a => ", " + a))} {value}",
        Option option => option.Name + string.Concat(option.Aliases.Select(a => ", " + a)),
        Argument argument => argument.HelpName ?? argument.Name,
        _ => symbol.Name,
    };

    private static void Row(TextWriter to, string label, string text)
    {
        string[] lines = Wrap(text, Width - Column);
        string first = "  " + label;
        if (first.Length > Column - 2)
        {
            to.WriteLine(first);
            first = "";
        }
        to.WriteLine((first.PadRight(Column) + lines.FirstOrDefault("")).TrimEnd());
        foreach (string line in lines.Skip(1)) to.WriteLine(new string(' ', Column) + line);
    }

    private static string[] Wrap(string text, int width)
    {
        var lines = new List<string>();
        string line = "";
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                lines.Add(line);
                line = "";
            }
            line = line.Length == 0 ? word : line + " " + word;
        }
        if (line.Length > 0) lines.Add(line);
        return [.. lines];
    }

    /// <summary>Gives every command this help page in place of the library's.</summary>
    internal static void Install(RootCommand root, Terminal terminal)
    {
        foreach (HelpOption help in root.Options.OfType<HelpOption>()) help.Action = new HelpPage(terminal);
    }
}
