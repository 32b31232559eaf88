using Winnow.Data.Tokenizers;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Winnow.Models;
using Winnow.Pruning.Scoring;
using Xunit;

namespace Winnow.Tests.Pruning;

/// <summary>Memorization against plain greedy decoding, one unit and one token at a time.</summary>
public sealed class ContinuationTests
{
    private const int Prompt = 8;
    private const int Length = 12;

    [Theory]
    [InlineData(false, Metrics.Memorization, 7, Precision.F32)]
    [InlineData(true, Metrics.Memorization, 64, Precision.F32)]
    [InlineData(false, Metrics.Perplexity | Metrics.Memorization, 64, Precision.F32)]
    [InlineData(true, Metrics.Perplexity | Metrics.El2n | Metrics.Memorization, 5, Precision.F32)]
    [InlineData(false, Metrics.Perplexity | Metrics.Memorization, 64, Precision.BF16)]
    [InlineData(true, Metrics.Memorization, 7, Precision.BF16)]
    public void Memorization_is_that_of_plain_greedy_decoding(bool twins, Metrics metrics, int slots, Precision precision)
    {
        using TemporaryDirectory directory = new();
        using CpuBackend backend = new(1, 0, precision);
        for (int seed = 1; seed <= 3; seed++)
        {
            TinyModel.Write(directory["model"], seed, twins: twins, scale: 0.3 * seed);
            using Decoder decoder = Decoder.Load(directory["model"], backend);
            ScoringPlan plan = Plan(directory["model"], decoder, metrics, slots);
            ScoringUnit[] units = [.. Enumerable.Range(0, 200).Select(i => Unit(decoder, backend, plan, new Random((1000 * seed) + i)))];
            int[] ties = [0];
            foreach (ScoringUnit unit in Score(plan, decoder, backend, units)) Compare(decoder, backend, unit, twins, ties);
            Assert.True(!twins || ties[0] > 100, $"only {ties[0]} units met a tie");
        }
    }

    [Fact]
    public void Units_of_every_matched_length_come_back_once()
    {
        using TemporaryDirectory directory = new();
        using CpuBackend backend = new(1);
        TinyModel.Write(directory["model"], 5);
        using Decoder decoder = Decoder.Load(directory["model"], backend);
        ScoringPlan plan = Plan(directory["model"], decoder, Metrics.Memorization, 4);
        ScoringUnit[] units = [.. Enumerable.Range(0, Length + 1).Select(matched => Unit(decoder, backend, plan, new Random(matched), matched))];
        List<ScoringUnit> done = Score(plan, decoder, backend, units);
        Assert.Equal(units.Length, done.Distinct().Count());
        Assert.Equal(Enumerable.Range(0, Length + 1), units.Select(unit => unit.MatchedPrefix[0]));
    }

    [Theory]
    [InlineData(Metrics.Perplexity | Metrics.El2n)]
    [InlineData(Metrics.Memorization)]
    [InlineData(Metrics.Perplexity | Metrics.El2n | Metrics.Memorization)]
    public void A_worker_allocates_nothing_after_its_first_batches(Metrics metrics)
    {
        using TemporaryDirectory directory = new();
        using CpuBackend backend = new(1);
        TinyModel.Write(directory["model"], 1);
        using Decoder decoder = Decoder.Load(directory["model"], backend);
        ScoringPlan plan = Plan(directory["model"], decoder, metrics, 8);
        using BatchScorer scorer = new(plan, [decoder], backend.Workers[0], _ => { });
        List<long> allocated = [];
        for (int round = 0; round < 8; round++)
        {
            ScoringBatch batch = new(0);
            for (int i = 0; i < 3; i++) Add(batch, Unit(decoder, backend, plan, new Random(i)));
            long before = GC.GetAllocatedBytesForCurrentThread();
            scorer.Score(batch);
            while (scorer.Generating > 0) scorer.Generate();
            allocated.Add(GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.True(allocated.TakeLast(5).All(bytes => bytes == 0), string.Join(' ', allocated));
    }

    private static ScoringPlan Plan(string model, Decoder decoder, Metrics metrics, int slots)
    {
        ScoringRequest request = new()
        {
            Inputs = [],
            Models = [model],
            Output = "",
            Options = new ScoringOptions { Metrics = metrics, Prompt = Prompt, Continuation = Length, Context = 32 },
            Runtime = new ScoringRuntime { GenerationSlots = slots, BatchTokens = 100 },
        };
        return ScoringPlan.Create(request, Tokenizer.Load(model), [decoder.Config]);
    }

    /// <summary>A random prompt, the greedy continuation for some tokens, one token that is not greedy, and anything after it.</summary>
    private static ScoringUnit Unit(Decoder decoder, CpuBackend backend, ScoringPlan plan, Random random, int? matched = null)
    {
        int[] prompt = [.. Enumerable.Range(0, Prompt).Select(_ => random.Next(TinyModel.Vocabulary))];
        int[] greedy = TinyModel.Continue(decoder, backend, prompt, Length);
        int follow = matched ?? random.Next(-2, Length + 2);
        int[] rest = [.. Enumerable.Range(0, Length + random.Next(20)).Select(i => i < follow && i < Length ? greedy[i] : random.Next(TinyModel.Vocabulary))];
        if (follow >= 0 && follow < Length) rest[follow] = (greedy[follow] + 1) % TinyModel.Vocabulary;
        int[] ids = [.. prompt, .. rest];
        ScoringUnit unit = new()
        {
            Shard = 0,
            Row = 0,
            Id = "",
            Source = "",
            Bytes = 1,
            Status = "ok",
            Ids = ids,
            Memorizable = plan.Memorizes,
            Windows = plan.Predicts ? WindowPlan.Cut(ids.Length, 0, plan.Context, plan.Options.Window) : [],
        };
        unit.Begin(1);
        return unit;
    }

    private static List<ScoringUnit> Score(ScoringPlan plan, Decoder decoder, CpuBackend backend, ScoringUnit[] units)
    {
        List<ScoringUnit> done = [];
        using BatchScorer scorer = new(plan, [decoder], backend.Workers[0], done.Add);
        foreach (ScoringUnit[] chunk in units.Chunk(2))
        {
            ScoringBatch batch = new(0);
            foreach (ScoringUnit unit in chunk) Add(batch, unit);
            scorer.Score(batch);
            if (scorer.Generating > 3) scorer.Generate();
        }

        while (scorer.Generating > 0) scorer.Generate();
        Assert.All(units, unit => Assert.True(unit.IsDone));
        return done;
    }

    private static void Add(ScoringBatch batch, ScoringUnit unit)
    {
        if (unit.Windows.Length == 0) batch.Add(unit, -1, 0);
        for (int window = 0; window < unit.Windows.Length; window++) batch.Add(unit, window, unit.Windows[window].Inputs);
    }

    private static void Compare(Decoder decoder, CpuBackend backend, ScoringUnit unit, bool twins, int[] ties)
    {
        int[] truth = unit.Ids[Prompt..(Prompt + Length)];
        int[] greedy = TinyModel.Continue(decoder, backend, unit.Ids.AsSpan(0, Prompt), Length);
        Assert.Equal(greedy.Zip(truth).Count(pair => pair.First == pair.Second), unit.Matches[0]);
        Assert.Equal(greedy.Zip(truth).TakeWhile(pair => pair.First == pair.Second).Count(), unit.MatchedPrefix[0]);

        // Twins share their logits to the bit: the lower id wins every time.
        if (!twins) return;
        Assert.All(greedy, token => Assert.Equal(0, token % 2));
        ties[0]++;
    }
}
