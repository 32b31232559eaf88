using System.CommandLine;
using Winnow.Cli.Infrastructure;
using Winnow.Data;
using Winnow.Data.Tokenizers;
using Winnow.Kernels.Cpu;
using Winnow.Models;
using Winnow.Models.Checkpoints;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow model inspect</c>: what a checkpoint is, before anything is computed with it.</summary>
internal static class ModelCommand
{
    // Scoring reaches about this share of the peak; the estimate says that it is one.
    private const double UsualFraction = 0.7;

    internal static Command Create(Terminal terminal)
    {
        var command = new WinnowCommand("model", "looks at a checkpoint.");
        command.Subcommands.Add(Inspect(terminal));
        return command;
    }

    private static WinnowCommand Inspect(Terminal terminal)
    {
        Argument<string?> place = Choose.Place("DIR", "Directory of a Hugging Face checkpoint.");
        var compute = new ComputeChoices();
        Option<bool> json = Choose.Flag("--json", "Print it as one JSON object.");
        WinnowCommand command = new WinnowCommand("inspect", "prints family, size, types, memory, tokenizer and expected speed of a checkpoint.", "DIR")
        {
            Details = "Reads the headers only. The speed is an estimate from this machine's measured peak.",
            Examples = ["winnow model inspect gpt2", "winnow model inspect DIR --json"],
        }
        .With("Options", [place, .. compute.Symbols, json]);
        command.SetAction(parse =>
        {
            string directory = Demand.Of(parse, place);
            int threads = compute.Threads(parse);
            using ModelDirectory model = ModelDirectory.Open(directory);
            Show(terminal, directory, model, threads, parse.GetValue(json));
            return CommandLine.Done;
        });
        return command;
    }

    private static void Show(Terminal terminal, string directory, ModelDirectory model, int threads, bool json)
    {
        DecoderConfig c = model.Config;
        (Tokenizer? tokenizer, string? why) = TokenizerOf(directory);
        int context = Math.Min(c.MaxLength, 1024);
        double peak = MachinePeak.Measure(threads), speed = UsualFraction * peak * 1e9 / c.ForwardFlops(context);
        long weights = c.WeightBytes(model.Stored), memory = weights + (threads * c.ActivationBytes(context));
        if (json)
        {
            Answer.Print(terminal, new
            {
                directory,
                family = c.Family,
                c.Parameters,
                shape = new { c.Layers, c.Width, c.Heads, c.KeyValueHeads, c.HeadWidth, c.HiddenWidth, c.VocabularySize, c.TiedHead },
                max_length = c.MaxLength,
                dtype = model.Stored.ToString().ToLowerInvariant(),
                files = model.Files.Select(f => new { name = Path.GetFileName(f), bytes = new FileInfo(f).Length }),
                weight_bytes = weights,
                memory_bytes = memory,
                tokenizer = tokenizer is null ? null : new { kind = tokenizer.Kind, vocabulary_size = tokenizer.VocabularySize, end_of_text = tokenizer.EndOfText, prefix = tokenizer.Prefix },
                tokenizer_problem = why,
                estimate = new { context, threads, peak_gflops = Math.Round(peak, 1), tokens_per_second = Math.Round(speed) },
            });
            return;
        }
        TextWriter o = terminal.Out;
        o.WriteLine($"family        {c.Family}");
        o.WriteLine($"parameters    {Figures.Count(c.Parameters)}");
        o.WriteLine($"shape         {c.Layers} layers of width {c.Width}, {c.Heads} heads of {c.HeadWidth}{(c.KeyValueHeads != c.Heads ? $" ({c.KeyValueHeads} for keys and values)" : "")}, MLP {c.HiddenWidth}");
        o.WriteLine($"vocabulary    {Figures.Count(c.VocabularySize)} rows{(c.TiedHead ? ", head tied to the embedding" : "")}");
        o.WriteLine($"max length    {Figures.Count(c.MaxLength)} tokens");
        o.WriteLine($"stored as     {model.Stored.ToString().ToLowerInvariant()}, {model.Files.Count} file{(model.Files.Count == 1 ? "" : "s")}, {Figures.Bytes(model.Files.Sum(f => new FileInfo(f).Length))}");
        o.WriteLine($"memory        about {Figures.Bytes(memory)} to score with {threads} thread{(threads == 1 ? "" : "s")}");
        o.WriteLine(tokenizer is null ? $"tokenizer     none that can be used: {why}" : $"tokenizer     {tokenizer.Kind}, {Figures.Count(tokenizer.VocabularySize)} tokens{(tokenizer.Prefix.Count > 0 ? $", puts {string.Join(", ", tokenizer.Prefix)} before a text" : "")}");
        o.WriteLine($"speed         about {Figures.Short(speed)} tokens/s at context {context}: {Figures.Percent(UsualFraction)} of this machine's measured {peak:0} GFLOP/s");
    }

    private static (Tokenizer? Tokenizer, string? Why) TokenizerOf(string directory)
    {
        try
        {
            return (Tokenizer.Load(directory), null);
        }
        catch (CorpusException none)
        {
            return (null, none.Message);
        }
    }
}
