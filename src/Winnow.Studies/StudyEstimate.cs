using System.Text.Json;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Models;
using Winnow.Models.Classification;
using Winnow.Studies.Execution;
using Winnow.Studies.Glue;
using Winnow.Studies.Recipes;
using Winnow.Studies.Works;

namespace Winnow.Studies;

/// <summary>What the steps of one kind will take.</summary>
/// <param name="Kind">The steps' kind; references apart from final models.</param>
/// <param name="Steps">How many.</param>
/// <param name="Tokens">Tokens through a model, all steps.</param>
/// <param name="Flops">By the models' formula; training three forwards a token.</param>
/// <param name="DiskBytes">What they leave behind.</param>
public sealed record StudyEstimateLine(string Kind, int Steps, double Tokens, double Flops, double DiskBytes);

/// <summary>What a study will take, before it starts.</summary>
/// <param name="Lines">By kind of step, in the order of the work.</param>
/// <param name="CorpusTokens">Tokens of the corpus that is pruned, estimated from its size.</param>
/// <param name="PeakMemoryBytes">Of the largest step.</param>
public sealed record StudyEstimate(IReadOnlyList<StudyEstimateLine> Lines, double CorpusTokens, double PeakMemoryBytes)
{
    // English and Chinese text in byte-level BPE: about four bytes of UTF-8 a token.
    private const double BytesPerToken = 4;

    /// <summary>The line and the FLOPs of every step, by its id.</summary>
    public IReadOnlyDictionary<string, (string Kind, double Flops)> Steps { get; init; } = new Dictionary<string, (string, double)>();

    /// <summary>All FLOPs.</summary>
    public double Flops => Lines.Sum(line => line.Flops);

    /// <summary>Bytes of text in some inputs, from the sizes of their files; compressed ones count three times.</summary>
    internal static double TextBytes(IReadOnlyList<string> inputs) => CorpusReader.Open(inputs, new CorpusOptions()).Shards
        .Sum(shard => Math.Max(shard.Bytes, 0) * (shard.Compression == CompressionKind.None ? 1.0 : 3.0));

    /// <summary>Plans from the sizes of the inputs alone, as declared or as their files have them.</summary>
    public static StudyEstimate Of(StudyPlan plan)
    {
        Recipe recipe = plan.Recipe;
        double TextBytesOf(string name) => recipe.Data.Tokens.TryGetValue(name, out long tokens)
            ? BytesPerToken * tokens
            : TextBytes(name == "train" ? recipe.Data.Train : recipe.Data.Reference[name]);
        double all = TextBytesOf("train") / BytesPerToken * recipe.Data.Sample;
        double corpus = all * (1 - recipe.Data.HoldOut - recipe.Data.ReferenceShare);
        double Tokens(string name) => name == "train" ? corpus : name == "own" ? all * recipe.Data.ReferenceShare : TextBytesOf(name) / BytesPerToken;
        double own = Math.Min(recipe.Evaluation.Tokens ?? double.MaxValue, all * recipe.Data.HoldOut);
        double tests = own + (recipe.Data.Test.Count * (recipe.Evaluation.Tokens ?? own));
        var lines = new List<StudyEstimateLine>();
        var steps = new Dictionary<string, (string, double)>(StringComparer.Ordinal);
        double memory = 0;
        foreach (Step step in plan.Graph.Steps)
        {
            (string kind, double tokens, double flops, double disk, double bytes) = Of(step, recipe, plan, corpus, tests, Tokens);
            memory = Math.Max(memory, bytes);
            steps[step.Id] = (kind, flops);
            int at = lines.FindIndex(line => line.Kind == kind);
            var one = new StudyEstimateLine(kind, 1, tokens, flops, disk);
            if (at < 0) lines.Add(one);
            else lines[at] = new StudyEstimateLine(kind, lines[at].Steps + 1, lines[at].Tokens + tokens, lines[at].Flops + flops, lines[at].DiskBytes + disk);
        }

        return new StudyEstimate(lines, corpus, memory) { Steps = steps };
    }

    private static (string Kind, double Tokens, double Flops, double Disk, double Memory) Of(
        Step step, Recipe recipe, StudyPlan plan, double corpus, double tests, Func<string, double> tokens)
    {
        switch (step.Kind)
        {
            case "prepare":
                return ("prepare", 0, 0, corpus * BytesPerToken / 3, 0);
            case "pack":
                double packed = tokens(step.Options.Deserialize<PackOptions>(StudyFiles.Json)!.Corpus);
                return ("pack", packed, 0, packed * sizeof(int), 0);
            case "train":
                var options = step.Options.Deserialize<TrainOptions>(StudyFiles.Json)!;
                DecoderConfig config = TrainWork.Shape(options.Shape, recipe.Vocabulary, recipe.Context);
                bool isReference = step.Id.StartsWith("reference/", StringComparison.Ordinal);
                double trained = options.Tokens > 0 ? options.Tokens : options.Epochs * tokens(isReference ? step.Inputs["pack"]["pack/".Length..] : "train");
                return (isReference ? "train references" : "train on what is kept", trained, 3 * config.ForwardFlops(recipe.Context) * trained,
                    config.Parameters * 12.0 * options.Checkpoints.Count, (config.Parameters * 16.0) + (768L << 20));
            case "score":
                ScoringPlan scoring = plan.Scorings.First(s => s.Step == step.Id);
                ReferencePlan reference = recipe.References.First(r => r.Name == scoring.Reference);
                double perToken = ForwardFlops(reference, recipe);
                int models = Math.Max(1, step.Inputs.Keys.Count(name => name.StartsWith("model", StringComparison.Ordinal)));
                return ("score", corpus * models, corpus * models * perToken, corpus / recipe.Context * 100, perToken / 2 * (reference.Directory is null ? 4 : 2));
            case "evaluate":
                return ("evaluate", tests, tests * Final().ForwardFlops(recipe.Context), tests / 10, 0);
            case "glue":
                var glue = step.Options.Deserialize<GlueStepOptions>(StudyFiles.Json)!;
                double read = GlueReader.TrainBytes(glue.Data, glue.Tasks) / BytesPerToken * new FineTuningOptions().Epochs * glue.Seeds.Count;
                return ("glue", read, 3 * read * Final().ForwardFlops(recipe.Context), 0, 0);
            default:
                return (step.Kind, 0, 0, 0, 0);
        }

        DecoderConfig Final() => TrainWork.Shape(recipe.Models[recipe.Training.First(t => t.Name == step.Id.Split('/')[1]).Model], recipe.Vocabulary, recipe.Context);
    }

    private static double ForwardFlops(ReferencePlan reference, Recipe recipe)
    {
        if (reference.Directory is null) return TrainWork.Shape(recipe.Models[reference.Model], recipe.Vocabulary, recipe.Context).ForwardFlops(recipe.Context);
        if (File.Exists(Path.Combine(reference.Directory, "config.json")))
            return Models.Checkpoints.ModelDirectory.ReadConfig(reference.Directory).ForwardFlops(recipe.Context);
        return 2.0 * (reference.Parameters
            ?? throw new Data.CorpusException(reference.Directory, $"the reference `{reference.Name}` is not there", "say its size with `parameters: 6B` to estimate without it"));
    }
}
