using System.CommandLine;
using Winnow.Cli.Infrastructure;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Models.Training;
using Winnow.Pruning;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow train</c>: text in, a model directory that <c>transformers</c> loads out.</summary>
internal static class TrainCommand
{
    internal static Command Create(Terminal terminal)
    {
        var corpus = new CorpusChoices();
        var compute = new ComputeChoices();
        var shape = new ShapeChoices();
        var choices = new TrainingChoices();
        Option<string?> tokenizer = Choose.Text("--tokenizer", "DIR", "Tokenizer directory or file. Default: one is trained on the input.");
        Option<long?> vocabulary = Choose.Whole("--vocab", "Tokens of the tokenizer that is trained. Default: 16384.", 257, most: 1 << 24);
        Option<string?> output = Choose.Text("--out", "MODEL", "Directory for the model, its tokenizer, log and checkpoints.");
        Option<bool> resume = Choose.Flag("--resume", "Go on from the last checkpoint in MODEL; without one, begin.");
        Option<bool> force = Choose.Flag("--force", "Replace a model that is there.");
        Option<bool> dry = Choose.Flag("--dry-run", "Say what would be trained on what; write nothing.");
        Option<bool> json = Choose.Flag("--json", "Print the result as one JSON object.");
        WinnowCommand command = new WinnowCommand("train", "trains a language model from scratch.", "INPUT… --out MODEL [--preset NAME | --layers N --width N --heads N]")
        {
            Details = "AdamW with decoupled decay, linear warm-up and a cosine. A resumed training gives the same bits as one that was never interrupted; so does any number of threads.",
            Examples = ["winnow train corpus.jsonl.zst --preset tiny --out model", "winnow train data/ --layers 6 --width 384 --heads 6 --tokenizer tokenizer --context 512 --tokens 100M --checkpoints 14%,55% --out model"],
        }
        .With("Input", [.. corpus.Symbols, tokenizer, vocabulary]).With("Model", shape.Symbols).With("Training", choices.Symbols)
        .With("Output and work", [output, .. compute.Symbols, resume, force, dry, json]);
        command.SetAction(async (parse, cancel) =>
        {
            string to = Demand.Of(parse, output);
            bool resuming = parse.GetValue(resume);
            if (!resuming) Demand.Free(to, parse.GetValue(force));
            shape.Check(parse);
            corpus.Explain(terminal, parse);
            CorpusReader reader = CorpusReader.Open(corpus.Inputs(parse), corpus.Options(parse) with { KeepRecords = false });
            if (parse.GetValue(dry)) return Plan(terminal, parse, reader, shape, choices, (int)(parse.GetValue(vocabulary) ?? 16384), to);
            string work = Path.TrimEndingDirectorySeparator(to) + ".work";
            try
            {
                Directory.CreateDirectory(work);
                string words = await TokenizerAsync(terminal, reader, work, to, resuming, parse.GetValue(tokenizer), (int)(parse.GetValue(vocabulary) ?? 16384), compute.Threads(parse), cancel);
                Tokenizer ready = Tokenizer.Load(words);
                reader.Tokenizer = ready;
                int context = shape.Context(parse);
                string tokens = Path.Combine(work, "tokens.bin");
                await EncodeAsync(terminal, reader, ready, tokens, compute.Threads(parse), cancel);
                using TokenFile data = TokenFile.Open(tokens, context);
                TrainingResult result = Train(terminal, parse, data, words, ready.VocabularySize, to, resuming);
                Say(terminal, result, parse.GetValue(json));
                return CommandLine.Done;
            }
            finally
            {
                if (Directory.Exists(work)) Directory.Delete(work, true);
            }

            TrainingResult Train(Terminal terminal, ParseResult parse, TokenFile data, string words, int size, string to, bool resuming)
            {
                DecoderConfig config = shape.Config(parse, size);
                using IBackend backend = compute.Backend(parse);
                var request = new TrainingRequest
                {
                    Options = choices.Options(parse, config, data),
                    Output = to,
                    Initialize = () => DecoderParameters.Create(config, choices.Seed(parse), backend),
                    Companions = [.. Directory.EnumerateFiles(words, "*.json").Concat(Directory.EnumerateFiles(words, "merges.txt")).Where(IsTokenizerFile).Order(StringComparer.Ordinal)],
                    Resume = resuming,
                    Force = parse.GetValue(force),
                    Clock = terminal.Time,
                };
                terminal.Say($"train {Figures.Short(config.Parameters)} parameters, {Figures.Count(request.Options.Steps)} steps of {Figures.Count(request.Options.BatchSequences * (long)data.Context)} tokens, on {Figures.Short(data.Tokens)} tokens of text");
                return TrainingRuns.Run(terminal, request, backend, data, cancel);
            }
        });
        return command;
    }

    private static bool IsTokenizerFile(string path) =>
        Path.GetFileName(path) is "tokenizer.json" or "tokenizer_config.json" or "special_tokens_map.json" or "vocab.json" or "merges.txt" or "added_tokens.json";

    private static int Plan(Terminal terminal, ParseResult parse, CorpusReader reader, ShapeChoices shape, TrainingChoices choices, int vocabulary, string to)
    {
        DecoderConfig config = shape.Config(parse, vocabulary);
        terminal.Out.WriteLine($"would read    {Figures.Count(reader.Shards.Count)} files, {Figures.Bytes(reader.Shards.Sum(s => Math.Max(s.Bytes, 0)))}");
        terminal.Out.WriteLine($"would train   {config.Layers} layers of width {config.Width}, {Figures.Short(config.Parameters)} parameters, context {config.MaxLength}");
        terminal.Out.WriteLine($"would spend   {Figures.Short(3 * config.ForwardFlops(config.MaxLength))} FLOP a token{(choices.TokensAsked(parse) is { } asked ? $", {Figures.Short(3 * config.ForwardFlops(config.MaxLength) * asked)} in all" : "")}");
        terminal.Out.WriteLine($"would write   {to}, {Figures.Bytes(4 * config.Parameters)} of weights");
        return CommandLine.Done;
    }

    private static async Task<string> TokenizerAsync(
        Terminal terminal, CorpusReader reader, string work, string to, bool resuming, string? given, int vocabulary, int threads, CancellationToken cancel)
    {
        if (given is not null) return Directory.Exists(given) ? given : Path.GetDirectoryName(Path.GetFullPath(given))!;
        if (resuming && File.Exists(Path.Combine(to, "tokenizer.json"))) return to;
        string place = Path.Combine(work, "tokenizer");
        Tokenizer trained = await TokenizerCommand.TrainAsync(terminal, reader.ReadAsync(cancel), new BytePairOptions(vocabulary) { Threads = threads }, cancel);
        trained.Save(place);
        return place;
    }

    private static async Task EncodeAsync(Terminal terminal, CorpusReader reader, Tokenizer tokenizer, string path, int threads, CancellationToken cancel)
    {
        using var display = new ProgressDisplay(terminal, "tokenize", "documents");
        var progress = new Relay<TokenStreamProgress>(p => display.Show(new ProgressState("tokenize", p.Documents, "documents", null, $"{Figures.Short(p.Tokens / display.PhaseSeconds)} tokens/s")));
        await Task.Run(() => TokenStream.WriteAsync(reader.ReadAsync(cancel), tokenizer, path, threads, progress, cancel), CancellationToken.None);
    }

    private static void Say(Terminal terminal, TrainingResult result, bool json)
    {
        if (json) Answer.Print(terminal, new { model = result.Directory, was_complete = result.WasComplete, result.Last });
        else if (result.WasComplete) terminal.Say($"the training in {result.Directory} was complete: nothing to do");
        else terminal.Say($"trained {Figures.Count(result.Last.Step)} steps, {Figures.Short(result.Last.Tokens)} tokens, in {Figures.Duration(result.Last.Seconds)}; last loss {Figures.Significant(result.Last.Loss, 4)}");
        if (!json) terminal.Say($"model: {result.Directory}; next: winnow eval {Shell.Quote(result.Directory)} HELD-OUT, or winnow score INPUT --model {Shell.Quote(result.Directory)} --out run");
    }
}

/// <summary>Runs a training with its progress shown.</summary>
internal static class TrainingRuns
{
    /// <summary>Trains; an interruption says how to go on.</summary>
    internal static TrainingResult Run(Terminal terminal, TrainingRequest request, IBackend backend, ITokenSource data, CancellationToken cancel)
    {
        using var display = new ProgressDisplay(terminal, "train", "steps");
        var progress = new Relay<TrainingProgress>(p => display.Show(new ProgressState(
            "train", p.Last.Step, "steps", p.Last.Step / (double)p.Steps, $"loss {Figures.Significant(p.Last.Loss, 3)}, {Figures.Short(p.TokensPerSecond)} tokens/s", p.Remaining)));
        try
        {
            return Trainer.Train(request, backend, data, progress, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            throw new ResumableException($"what was learned is in {request.Output}; the same command with `--resume` goes on from there");
        }
    }
}

/// <summary>The shape of a model to train.</summary>
internal sealed class ShapeChoices
{
    private readonly Option<string?> preset = Choose.Text("--preset", "NAME", $"Shape by name: {string.Join(", ", Presets.Names)}. Default: tiny.", [.. Presets.Names]);
    private readonly Option<string?> family = Choose.Text("--arch", "NAME", "gpt2 (learned positions, LayerNorm, GELU) or llama (rotary positions, RMSNorm, SwiGLU). Default: gpt2.", "gpt2", "llama");
    private readonly Option<long?> layers = Choose.Whole("--layers", "Blocks.", 1, most: 1000);
    private readonly Option<long?> width = Choose.Whole("--width", "Width of the residual stream.", 8, most: 65536);
    private readonly Option<long?> heads = Choose.Whole("--heads", "Attention heads; they divide the width.", 1, most: 1024);
    private readonly Option<long?> keyValueHeads = Choose.Whole("--kv-heads", "Key and value heads (llama). Default: as many as heads.", 1, most: 1024);
    private readonly Option<long?> context = Choose.Whole("--context", "Tokens in a sequence. Default: the preset's, or 512.", 2, most: 1 << 20);

    internal Symbol[] Symbols => [preset, family, layers, width, heads, keyValueHeads, context];

    /// <summary>Tokens in a sequence.</summary>
    internal int Context(ParseResult parse) => (int)(parse.GetValue(context) ?? Presets.Named(parse.GetValue(preset) ?? "tiny").MaxLength);

    /// <summary>Refuses sizes that do not fit together.</summary>
    internal void Check(ParseResult parse)
    {
        long?[] sizes = [parse.GetValue(layers), parse.GetValue(width), parse.GetValue(heads)];
        if (sizes.Any(s => s is not null) && parse.GetValue(preset) is { } name)
            throw new RequestException("--preset", $"`{name}` together with sizes of its own", "give the preset, or `--layers`, `--width` and `--heads`");
        if (sizes.Any(s => s is not null) && sizes.Any(s => s is null))
            throw new RequestException(HelpPage.PathOf(parse.CommandResult.Command), "`--layers`, `--width` and `--heads` go together", "for example `--layers 6 --width 384 --heads 6`");
        if (sizes is [_, { } w, { } h] && w % h != 0) throw new RequestException("--heads", $"{h} heads do not divide the width {w} evenly", $"for example `--heads {Math.Max(1, w / 64)}`");
        if (parse.GetValue(keyValueHeads) is { } kv && parse.GetValue(heads) is { } all && all % kv != 0)
            throw new RequestException("--kv-heads", $"{kv} key-value heads do not divide {all} heads evenly");
    }

    /// <summary>The model's shape for a vocabulary.</summary>
    internal DecoderConfig Config(ParseResult parse, int vocabulary)
    {
        int length = Context(parse);
        DecoderConfig named = Presets.Named(parse.GetValue(preset) ?? "tiny", vocabulary, length);
        int blocks = (int)(parse.GetValue(layers) ?? named.Layers), wide = (int)(parse.GetValue(width) ?? named.Width), many = (int)(parse.GetValue(heads) ?? named.Heads);
        if (parse.GetValue(family) != "llama") return Presets.Gpt2(blocks, wide, many, vocabulary, length);
        // Two thirds of four times the width, as Llama has it, in whole vectors of 64.
        int hidden = (int)(Math.Ceiling(wide * 8 / 3.0 / 64) * 64);
        return Presets.Llama(blocks, wide, many, (int)(parse.GetValue(keyValueHeads) ?? many), hidden, vocabulary, length);
    }
}

/// <summary>How a model is trained.</summary>
internal sealed class TrainingChoices
{
    private readonly Option<long?> tokens = Choose.Whole("--tokens", "Tokens to train on; the text repeats when it is shorter. Default: once through the text.");
    private readonly Option<long?> steps = Choose.Whole("--steps", "Optimiser steps instead of tokens.", 1, most: int.MaxValue);
    private readonly Option<long?> batch = Choose.Whole("--batch-tokens", "Tokens in the batch of one step. Default: 16384.", 1, most: 1L << 31);
    private readonly Option<double?> rate = Choose.Number("--lr", "F", "Highest learning rate. Default: 6e-4 · 768 / width, at most 2e-3.", 1e-12, 10);
    private readonly Option<string?> schedule = Choose.Text("--schedule", "NAME", "After the warm-up: cosine, linear, constant, or rising. Default: cosine.", "cosine", "linear", "constant", "rising");
    private readonly Option<long?> warmup = Choose.Whole("--warmup", "Steps of warm-up. Default: 2 % of the steps.", 0, most: int.MaxValue);
    private readonly Option<double?> decay = Choose.Number("--weight-decay", "F", "Of parameters with two dimensions. Default: 0.1.", 0, 10);
    private readonly Option<double?> clip = Choose.Number("--clip", "F", "Highest norm of the gradient; 0 does not clip. Default: 1.", 0, 1e9);
    private readonly Option<string?> checkpoints = Choose.Text("--checkpoints", "LIST", "Steps or percentages at which a checkpoint is kept: `14%,55%`.");
    private readonly Option<long?> seed = Choose.Whole("--seed", "Of the initial parameters and the order of the data. Default: 1.", 0);

    internal Symbol[] Symbols => [tokens, steps, batch, rate, schedule, warmup, decay, clip, checkpoints, seed];

    internal ulong Seed(ParseResult parse) => (ulong)(parse.GetValue(seed) ?? 1);

    /// <summary>Tokens the user asked for; null when the text decides.</summary>
    internal long? TokensAsked(ParseResult parse) => parse.GetValue(steps) is { } n ? n * (parse.GetValue(batch) ?? 16384) : parse.GetValue(tokens);

    internal TrainingOptions Options(ParseResult parse, DecoderConfig config, TokenFile data)
    {
        if (parse.GetValue(tokens) is not null && parse.GetValue(steps) is not null) throw new RequestException("--steps", "together with `--tokens`", "give one of them");
        long wanted = Math.Max(1, (parse.GetValue(batch) ?? 16384) / data.Context);
        int sequences = (int)(parse.GetValue(batch) is null ? Math.Min(wanted, Math.Max(1, data.Sequences)) : wanted);
        long perStep = (long)sequences * data.Context;
        long count = parse.GetValue(steps) ?? Math.Max(1, (parse.GetValue(tokens) ?? (data.Sequences * data.Context)) / perStep);
        int all = (int)Math.Min(count, int.MaxValue);
        ScheduleKind kind = parse.GetValue(schedule) switch { "linear" => ScheduleKind.Linear, "constant" => ScheduleKind.Constant, "rising" => ScheduleKind.Rising, _ => ScheduleKind.Cosine };
        int warm = (int)(parse.GetValue(warmup) ?? (kind == ScheduleKind.Rising || all < 2 ? 0 : Math.Clamp(all / 50, 1, all - 1)));
        return new TrainingOptions
        {
            Steps = all,
            BatchSequences = sequences,
            Schedule = new LearningRateSchedule(kind, parse.GetValue(rate) ?? Math.Min(2e-3, 6e-4 * 768 / config.Width), warm),
            WeightDecay = parse.GetValue(decay) ?? 0.1,
            ClipNorm = parse.GetValue(clip) ?? 1,
            Seed = Seed(parse),
            Checkpoints = parse.GetValue(checkpoints) is { } list ? CheckpointPoint.ParseList(list) : [],
        };
    }
}
