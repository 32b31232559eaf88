using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Globalization;
using Winnow.Cli.Commands;
using Winnow.Data;
using Winnow.Models;
using Winnow.Work;

namespace Winnow.Cli.Infrastructure;

/// <summary>The command <c>winnow</c>: parses, runs, and turns whatever goes wrong into one line, a hint and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>Done.</summary>
    internal const int Done = 0;

    /// <summary>Ran, and the answer is no.</summary>
    internal const int No = 1;

    /// <summary>The request or its input is wrong.</summary>
    internal const int Wrong = 2;

    /// <summary>Interrupted by Ctrl-C or SIGTERM.</summary>
    internal const int Interrupted = 130;

    /// <summary>Version of this program.</summary>
    internal static string Version { get; } = typeof(CommandLine).Assembly.GetName().Version?.ToString(3) ?? "0";

    /// <summary>Runs one command line; never throws.</summary>
    internal static async Task<int> RunAsync(string[] args, Terminal terminal)
    {
        using var interrupts = new Interrupts(terminal);
        try
        {
            RootCommand root = Build(terminal);
            ParseResult parse = root.Parse(args, new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
            if (args.Length == 0)
            {
                HelpPage.Write(root, terminal.Out);
                return Done;
            }
            if (FirstError(parse, args) is { } wrong) throw wrong;
            return await parse.InvokeAsync(
                new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null, Output = terminal.Out, Error = terminal.Out },
                interrupts.Cancel);
        }
        catch (Exception failure)
        {
            return Explain(failure, terminal, interrupts.Cancel.IsCancellationRequested);
        }
        finally
        {
            Flush(terminal);
        }
    }

    /// <summary>The whole tree of commands.</summary>
    internal static RootCommand Build(Terminal terminal)
    {
        var root = new RootCommand("scores a text corpus with a language model and keeps the part worth training on.");
        root.Directives.Clear();
        foreach (Command command in AllCommands.Create(terminal)) root.Subcommands.Add(command);
        HelpPage.Install(root, terminal);
        foreach (VersionOption version in root.Options.OfType<VersionOption>()) version.Action = new VersionLine(terminal);
        return root;
    }

    private static RequestException? FirstError(ParseResult parse, string[] args)
    {
        if (parse.Action is HelpPage) return null;
        Command command = parse.CommandResult.Command;
        string? stray = parse.UnmatchedTokens is [string first, ..] ? first : StrayOption(parse, args);
        if (stray is not null) return Unknown(stray, command);
        if (parse.Errors.Count == 0) return null;
        string message = parse.Errors.OrderBy(e => e.Message.StartsWith(Choose.Own) ? 0 : 1).First().Message;
        if (message.StartsWith(Choose.Own))
        {
            string[] parts = message[1..].Split('\n', 2);
            return new RequestException("", parts[0], parts.ElementAtOrDefault(1));
        }
        string help = $"`{HelpPage.PathOf(command)} --help` explains it";
        if (parse.Errors[0].SymbolResult is CommandResult && command.Subcommands.Count > 0)
            return new RequestException(HelpPage.PathOf(command), $"no command given; expected {string.Join(", ", command.Subcommands.Select(c => $"`{c.Name}`"))}", help);
        if (parse.Errors[0].SymbolResult is OptionResult { Tokens.Count: 0 } bare) return new RequestException(bare.Option.Name, $"needs a value, `{bare.Option.HelpName}`", help);
        string own = message.TrimEnd('.').Replace('\'', '`');
        return new RequestException(HelpPage.PathOf(command), char.ToLower(own[0], CultureInfo.InvariantCulture) + own[1..], help);
    }

    // An unknown `--option` of a command that takes inputs is parsed as one of them.
    private static string? StrayOption(ParseResult parse, string[] args) => args.Contains("--") ? null : parse.CommandResult.Children
        .OfType<ArgumentResult>().SelectMany(a => a.Tokens).Select(t => t.Value).FirstOrDefault(v => v.Length > 1 && v[0] == '-');

    private static RequestException Unknown(string word, Command command)
    {
        string path = HelpPage.PathOf(command);
        if (word.StartsWith('-'))
        {
            string name = word.Split('=')[0];
            IEnumerable<string> known = command.Options.SelectMany(o => o.Aliases.Prepend(o.Name)).Append("--help");
            string? near = Spelling.Nearest(name, known);
            return new RequestException(path, $"no option `{name}`", near is null ? $"`{path} --help` lists the options" : $"did you mean `{near}`?");
        }
        if (command.Subcommands.Count == 0) return new RequestException(path, $"`{word}` is one argument too many", $"`{path} --help` shows the usage");
        string? nearest = Spelling.Nearest(word, command.Subcommands.Select(c => c.Name));
        return new RequestException(path, $"no command `{word}`", nearest is null ? $"`{path} --help` lists the commands" : $"did you mean `{path} {nearest}`?");
    }

    /// <summary>What to do about an error; null where nobody knows.</summary>
    internal static string? HintOf(Exception failure) => failure switch
    {
        RequestException request => request.Hint,
        CorpusException corpus => corpus.Hint,
        ModelException model => model.Hint,
        WorkException work => work.Hint,
        IOException or UnauthorizedAccessException => FileTrouble.Hint(failure),
        _ => null,
    };

    private static int Explain(Exception failure, Terminal terminal, bool cancelled)
    {
        Exception cause = failure is AggregateException { InnerExceptions.Count: 1 } one ? one.InnerExceptions[0] : failure;
        switch (cause)
        {
            case OperationCanceledException when cancelled || cause is ResumableException:
                terminal.Fail(cancelled ? "interrupted" : "cancelled", cause is ResumableException resumable ? resumable.Hint : null);
                return Interrupted;
            case RequestException or CorpusException or ModelException or WorkException:
                terminal.Fail(cause.Message, HintOf(cause));
                return Wrong;
            case IOException { HResult: 32 }:
                // The reader of our output went away (`| head`): nothing is wrong.
                return Done;
            case IOException or UnauthorizedAccessException:
                terminal.Fail(FileTrouble.Describe(cause), HintOf(cause));
                return Wrong;
            default:
                terminal.Fail($"unexpected: {cause.GetType().Name}: {cause.Message.ReplaceLineEndings(" ")}", $"this is a bug in winnow; the details are in {CrashLog.Write(cause, terminal.Time)}");
                return No;
        }
    }

    private sealed class VersionLine(Terminal terminal) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            terminal.Out.WriteLine($"winnow {Version}");
            return Done;
        }
    }

    private static void Flush(Terminal terminal)
    {
        try
        {
            terminal.Out.Flush();
        }
        catch (IOException)
        {
            // The reader went away; what it wanted to read it has read.
        }
    }
}
