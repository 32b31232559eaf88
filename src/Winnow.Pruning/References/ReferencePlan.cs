using Winnow.Data;
using Winnow.Models;
using Winnow.Models.Training;

namespace Winnow.Pruning.References;

/// <summary>What a corpus holds, per half.</summary>
/// <param name="Documents">Documents of the half.</param>
/// <param name="Bytes">UTF-8 bytes of their text.</param>
public readonly record struct HalfSize(long Documents, long Bytes);

/// <summary>The size and training of both references. A function of the options and the corpus' size.</summary>
/// <param name="Layers">Blocks.</param>
/// <param name="Width">Of the residual stream.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="Vocabulary">Wanted vocabulary; a small corpus may yield fewer tokens.</param>
/// <param name="Context">Tokens in a training sequence, and the models' longest.</param>
/// <param name="Tokens">Training tokens of each reference.</param>
/// <param name="BatchSequences">Sequences in one step.</param>
/// <param name="Steps">Optimiser steps.</param>
/// <param name="LearningRate">At the peak.</param>
public sealed record ReferencePlan(
    int Layers, int Width, int Heads, int Vocabulary, int Context, long Tokens, int BatchSequences, int Steps, double LearningRate)
{
    /// <summary>Operations that are always allowed: one or two minutes on two cores.</summary>
    public const double LeastBudget = 1.5e13;

    /// <summary>Operations allowed per token of a large corpus.</summary>
    private const double BudgetPerToken = 6e6;

    /// <summary>Bytes of text in a token, before there is a tokenizer to ask.</summary>
    private const double BytesPerToken = 3.5;

    /// <summary>More passes over the same text teach a small model little.</summary>
    private const int MostEpochs = 4;

    /// <summary>Training tokens per parameter where the corpus has as many.</summary>
    private const double TokensPerParameter = 8;

    /// <summary>Fewer training tokens than this per parameter, and a smaller model is the better one.</summary>
    private const double LeastTokensPerParameter = 2;

    private static readonly (int Layers, int Width, int Heads)[] Shapes =
    [
        (12, 768, 12), (8, 512, 8), (6, 384, 6), (6, 256, 4), (4, 256, 4), (4, 192, 3), (4, 128, 4), (2, 128, 4), (2, 64, 2),
    ];

    /// <summary>
    /// The largest model that the budget can train on enough tokens and score the corpus with. A reference sees eight tokens per
    /// parameter, or its half four times where that is less.
    /// </summary>
    /// <exception cref="CorpusException">A half holds too little text.</exception>
    public static ReferencePlan Choose(AutoReferenceOptions options, IReadOnlyList<HalfSize> halves)
    {
        ArgumentNullException.ThrowIfNull(options);
        double half = halves.Min(size => size.Bytes) / BytesPerToken;
        double all = halves.Sum(size => size.Bytes) / BytesPerToken;
        double budget = options.BudgetFlops ?? Math.Max(LeastBudget, all * BudgetPerToken);
        int vocabulary = options.Vocabulary ?? ChooseVocabulary(halves.Sum(size => size.Bytes));
        int context = options.Context ?? ChooseContext(half);
        if (half <= context) throw TooSmall();
        if (options.Preset is not null)
        {
            DecoderConfig preset = Presets.Named(options.Preset, vocabulary, context);
            return Make(options, (preset.Layers, preset.Width, preset.Heads), vocabulary, context, half);
        }

        foreach ((int Layers, int Width, int Heads) shape in Shapes)
        {
            ReferencePlan plan = Make(options, shape, vocabulary, context, half);
            DecoderConfig config = plan.Config(vocabulary);
            double cost = config.ForwardFlops(context) * (all + (6.0 * plan.Tokens));
            if (cost <= budget && plan.Tokens >= LeastTokensPerParameter * config.Parameters) return plan;
        }

        return Make(options, Shapes[^1], vocabulary, context, half);
    }

    /// <summary>The models' shape, with as many tokens as the tokenizer came to have.</summary>
    public DecoderConfig Config(int vocabulary) => Presets.Gpt2(Layers, Width, Heads, vocabulary, Context);

    /// <summary>The training of the half <paramref name="half"/>'s reference.</summary>
    /// <param name="half">0 or 1.</param>
    /// <param name="seed">Of everything.</param>
    /// <param name="sequences">Sequences that the half turned out to hold.</param>
    public TrainingOptions Training(int half, ulong seed, long sequences)
    {
        int batch = (int)Math.Clamp(sequences, 1, BatchSequences);
        int steps = Math.Max(1, (int)Math.Min(Steps, MostEpochs * 8L * sequences / batch));
        return new TrainingOptions
        {
            Steps = steps,
            BatchSequences = batch,
            Schedule = new LearningRateSchedule(ScheduleKind.Cosine, LearningRate, steps / 20),
            Seed = (2 * seed) + (ulong)half,
        };
    }

    /// <summary>The error for a half without one training sequence.</summary>
    internal static CorpusException TooSmall() => new(
        "`--model auto`", "the corpus is too small to train a reference on each half of it", "name a reference model with `--model DIR`");

    private static ReferencePlan Make(
        AutoReferenceOptions options, (int Layers, int Width, int Heads) shape, int vocabulary, int context, double half)
    {
        long parameters = Presets.Gpt2(shape.Layers, shape.Width, shape.Heads, vocabulary, context).Parameters;
        double wanted = Math.Min(MostEpochs * half, TokensPerParameter * parameters);
        long tokens = options.Tokens ?? (long)Math.Max(wanted, context);
        int batch = (int)Math.Clamp(Math.Clamp(tokens / 250, 1024, 65536) / context, 1, int.MaxValue);
        int steps = (int)Math.Max(1, (tokens + ((long)batch * context) - 1) / ((long)batch * context));
        return new ReferencePlan(shape.Layers, shape.Width, shape.Heads, vocabulary, context, tokens, batch, steps, Math.Min(4e-3, 0.42 / shape.Width));
    }

    private static int ChooseVocabulary(long bytes) => bytes switch
    {
        < 4L << 20 => 2048,
        < 64L << 20 => 4096,
        < 512L << 20 => 8192,
        _ => 16384,
    };

    private static int ChooseContext(double halfTokens)
    {
        const int least = 32, most = 256;
        int context = most;
        while (context > least && halfTokens < 16 * context) context /= 2;
        return context;
    }
}
