using System.Buffers;
using System.CommandLine;
using System.Text.Json;
using Winnow.Cli.Infrastructure;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Studies.Reports;

namespace Winnow.Cli.Commands;

/// <summary><c>winnow tokenizer</c>: learn a vocabulary, and see what text becomes under one.</summary>
internal static class TokenizerCommand
{
    internal static Command Create(Terminal terminal)
    {
        var command = new WinnowCommand("tokenizer", "trains a tokenizer, or encodes text with one.");
        command.Subcommands.Add(Train(terminal));
        command.Subcommands.Add(Encode(terminal));
        return command;
    }

    private static WinnowCommand Train(Terminal terminal)
    {
        var corpus = new CorpusChoices();
        var compute = new ComputeChoices();
        Option<long?> vocabulary = Choose.Whole("--vocab", "Tokens in the vocabulary, special ones and the 256 bytes included. Default: 16384.", 257, most: 1 << 24);
        Option<string?> output = Choose.Text("--out", "DIR", "Directory for `tokenizer.json` and `tokenizer_config.json`.");
        Option<string[]?> special = Choose.List("--special", "LIST", "Special tokens; the first ends a text. Default: <|endoftext|>.");
        Option<bool> force = Choose.Flag("--force", "Write into a directory that is not empty.");
        Option<bool> dry = Choose.Flag("--dry-run", "Say what would be read and written; do neither.");
        WinnowCommand command = new WinnowCommand("train", "learns a byte-level BPE vocabulary that Hugging Face tokenizers read.", "INPUT… --vocab N --out DIR")
        {
            Details = "The same bytes come out for any number of threads.",
            Examples = ["winnow tokenizer train corpus.jsonl.zst --vocab 16384 --out tokenizer"],
        }
        .With("Input", corpus.Symbols).With("Options", [vocabulary, output, special, .. compute.Symbols, force, dry]);
        command.SetAction(async (parse, cancel) =>
        {
            string to = Demand.Of(parse, output);
            corpus.Explain(terminal, parse);
            CorpusReader reader = CorpusReader.Open(corpus.Inputs(parse), corpus.Options(parse) with { KeepRecords = false });
            var options = new BytePairOptions((int)(parse.GetValue(vocabulary) ?? 16384)) { Threads = compute.Threads(parse), SpecialTokens = Choose.Given(parse, special) ?? ["<|endoftext|>"] };
            Demand.Free(to, parse.GetValue(force));
            if (parse.GetValue(dry))
            {
                terminal.Out.WriteLine($"would read    {Figures.Count(reader.Shards.Count)} files, {Figures.Bytes(reader.Shards.Sum(s => Math.Max(s.Bytes, 0)))}");
                terminal.Out.WriteLine($"would write   {to}/tokenizer.json with {Figures.Count(options.VocabularySize)} tokens");
                return CommandLine.Done;
            }
            Tokenizer tokenizer = await TrainAsync(terminal, reader.ReadAsync(cancel), options, cancel);
            tokenizer.Save(to);
            terminal.Say($"tokenizer of {Figures.Count(tokenizer.VocabularySize)} tokens: {to}; next: winnow train INPUT --tokenizer {Shell.Quote(to)} --out model");
            return CommandLine.Done;
        });
        return command;
    }

    /// <summary>Trains with the progress shown.</summary>
    internal static async Task<Tokenizer> TrainAsync(Terminal terminal, IAsyncEnumerable<Document> documents, BytePairOptions options, CancellationToken cancel)
    {
        using var display = new ProgressDisplay(terminal, "count words", "documents");
        var progress = new Relay<BytePairProgress>(p =>
        {
            if (p.Merges == 0) display.Show(new ProgressState("count words", p.Documents, "documents", null, $"{Figures.Bytes((long)(p.Bytes / display.PhaseSeconds))}/s"));
            else display.Show("learn merges", p.Merges, p.MergesWanted, "merges");
        });
        return await Task.Run(() => BytePairTrainer.TrainAsync(documents, options, progress, cancel), CancellationToken.None);
    }

    private static WinnowCommand Encode(Terminal terminal)
    {
        Argument<string?> place = Choose.Place("TOKENIZER", "Directory or `tokenizer.json`.");
        var corpus = new CorpusChoices();
        var compute = new ComputeChoices();
        Option<bool> special = Choose.Flag("--special", "Add the special tokens that the tokenizer's post-processor adds.");
        Option<string?> inText = Choose.SpecialInText();
        WinnowCommand command = new WinnowCommand("encode", "prints the ids of every document, one JSON line each.", "TOKENIZER INPUT… [--special]")
        {
            Examples = ["winnow tokenizer encode gpt2 corpus.jsonl | head -1", "echo 'Hello' | winnow tokenizer encode tokenizer.json -"],
        }
        .With("Input", [place, .. corpus.Symbols]).With("Options", [special, inText, .. compute.Symbols]);
        command.SetAction(async (parse, cancel) =>
        {
            Tokenizer tokenizer = Tokenizer.Load(Demand.Of(parse, place));
            corpus.Explain(terminal, parse);
            CorpusReader reader = CorpusReader.Open(corpus.Inputs(parse), corpus.Options(parse) with { KeepRecords = false });
            reader.Tokenizer = tokenizer;
            var options = new EncodingOptions { Threads = compute.Threads(parse), SpecialInText = Choose.SpecialInText(parse, inText) };
            await Task.Run(() => PrintAsync(tokenizer, reader, options, parse.GetValue(special), terminal, cancel), CancellationToken.None);
            return CommandLine.Done;
        });
        return command;
    }

    private static async Task PrintAsync(Tokenizer tokenizer, CorpusReader reader, EncodingOptions options, bool special, Terminal terminal, CancellationToken cancel)
    {
        terminal.Out.Flush();
        using Stream output = new BufferedStream(Console.OpenStandardOutput(), 1 << 16);
        var line = new ArrayBufferWriter<byte>();
        bool several = reader.Shards.Count > 1;
        using var json = new Utf8JsonWriter(line);
        await foreach (EncodedDocument document in ParallelEncoder.EncodeAsync(tokenizer, reader.ReadAsync(cancel), options, cancel))
        {
            json.Reset();
            json.WriteStartObject();
            if (several) json.WriteString("file", reader.Shards[document.Document.Shard].Name);
            json.WriteNumber("row", document.Document.Row);
            json.WriteStartArray("ids");
            if (special) foreach (int id in tokenizer.Prefix) json.WriteNumberValue(id);
            foreach (int id in document.Ids) json.WriteNumberValue(id);
            if (special) foreach (int id in tokenizer.Suffix) json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteEndObject();
            json.Flush();
            output.Write(line.WrittenSpan);
            output.WriteByte((byte)'\n');
            line.ResetWrittenCount();
        }
    }
}
