using System.Runtime.InteropServices;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Pruning.Scoring;

namespace Winnow.Cli.Bench;

/// <summary>One packed matrix product, [1024, 768] × [768, 3072], all threads inside it.</summary>
internal sealed class GemmBenchmark : Benchmark
{
    private const int Rows = 1024, Inner = 768, Columns = 3072, Repeats = 16;

    private readonly IBackend backend;
    private readonly Tensor input, output;
    private readonly WeightMatrix weight;

    internal GemmBenchmark(IBackend backend, int threads)
    {
        (this.backend, ThreadCount) = (backend, threads);
        input = backend.Allocate((long)Rows * Inner);
        output = backend.Allocate((long)Rows * Columns);
        weight = backend.Pack(new RandomWeights(Columns, Inner));
        var values = new float[Rows * Inner];
        var random = new Random(1);
        for (int i = 0; i < values.Length; i++) values[i] = random.NextSingle() - 0.5f;
        backend.Upload(values, input);
    }

    internal override string Name => "gemm";

    internal override string Preset => $"{Rows}x{Inner}x{Columns}";

    internal override string Unit => "GFLOP/s";

    internal override Precision? Precision => backend.Precision;

    internal override int ThreadCount { get; }

    internal override BenchRun Run(BenchClock clock, CancellationToken cancel)
    {
        double flops = 2.0 * Rows * Inner * Columns * Repeats;
        double start = clock.Now(ThreadCount);
        for (int i = 0; i < Repeats; i++) backend.Linear(input.AsRows(Rows), weight, null, Activation.None, output.AsRows(Rows));
        return new BenchRun(flops / 1e9, flops, clock.Now(ThreadCount) - start);
    }

    public override void Dispose()
    {
        weight.Dispose();
        output.Dispose();
        input.Dispose();
    }

    private sealed class RandomWeights(int rows, int columns) : WeightSource
    {
        private readonly float[] values = Draw(rows * columns);

        public override int Rows => rows;

        public override int Columns => columns;

        public override ElementType ElementType => ElementType.F32;

        public override ReadOnlySpan<byte> Row(int row) => MemoryMarshal.AsBytes(values.AsSpan(row * columns, columns));

        private static float[] Draw(int count)
        {
            var random = new Random(2);
            var drawn = new float[count];
            for (int i = 0; i < count; i++) drawn[i] = (random.NextSingle() - 0.5f) * 0.04f;
            return drawn;
        }
    }
}

/// <summary>Perplexity and EL2N of random tokens: every worker scores whole sequences against the shared weights.</summary>
internal sealed class ScoreBenchmark : Benchmark
{
    private readonly Decoder decoder;
    private readonly IReadOnlyList<IBackend> workers;
    private readonly DecoderPass[] passes;
    private readonly TokenBatch[] batches;
    private readonly float[][] loss, el2n;
    private readonly int context, repeats;
    private readonly double flops;

    /// <summary>Whole sequences; or, <paramref name="shortTexts"/>, texts of 40 to 400 tokens packed side by side.</summary>
    internal ScoreBenchmark(Decoder decoder, string preset, int context, IBackend backend, bool shortTexts = false)
    {
        (this.decoder, Preset, this.context) = (decoder, shortTexts ? $"{preset}, texts of 40–400" : preset, context);
        workers = backend.Workers;
        repeats = (int)Math.Clamp(2e11 / (decoder.Config.ForwardFlops(context) * context), 1, 64);
        passes = [.. workers.Select(w => new DecoderPass(decoder, w, context))];
        batches = [.. workers.Select((_, i) => RandomBatch(decoder.VocabularySize, context, i, shortTexts))];
        flops = batches.Sum(batch => batch.Spans.ToArray().Sum(text => text.QueryCount * decoder.Config.ForwardFlops(text.QueryCount)));
        loss = [.. workers.Select(_ => new float[context])];
        el2n = [.. workers.Select(_ => new float[context])];
    }

    internal override string Name => "score";

    internal override string Preset { get; }

    internal override string Unit => "tokens/s";

    internal override Precision? Precision => workers[0].Precision;

    internal override int ThreadCount => workers.Count;

    internal override BenchRun Run(BenchClock clock, CancellationToken cancel)
    {
        double start = clock.Now(ThreadCount);
        Threads.RunOnEach(workers.Count, i =>
        {
            for (int n = 0; n < repeats && !cancel.IsCancellationRequested; n++) passes[i].Score(batches[i], loss[i], el2n[i], []);
        });
        return new BenchRun((double)repeats * batches.Sum(batch => batch.Tokens), repeats * flops, clock.Now(ThreadCount) - start);
    }

    public override void Dispose()
    {
        foreach (DecoderPass pass in passes) pass.Dispose();
        decoder.Dispose();
    }

    private static TokenBatch RandomBatch(int vocabulary, int context, int seed, bool shortTexts)
    {
        var random = new Random(seed);
        var batch = new TokenBatch(context);
        for (int left = context; left > 0; left = context - batch.Tokens)
        {
            int length = shortTexts ? Math.Min(random.Next(40, 401), left) : left;
            int[] ids = [.. Enumerable.Range(0, length + 1).Select(_ => random.Next(vocabulary))];
            batch.AddText(ids);
        }
        return batch;
    }
}

/// <summary>Memorization of random tokens: 32 given, 32 generated greedily and compared.</summary>
internal sealed class MemorizationBenchmark : Benchmark
{
    private const int Prompt = 32, Continuation = 32;

    private readonly Decoder decoder;
    private readonly GreedyMatcher[] matchers;
    private readonly int[][][] units;

    internal MemorizationBenchmark(Decoder decoder, string preset, IBackend backend)
    {
        (this.decoder, Preset, Precision) = (decoder, preset, backend.Precision);
        matchers = [.. backend.Workers.Select(worker => new GreedyMatcher(decoder, worker, Prompt, Continuation))];
        units = [.. matchers.Select((matcher, i) => RandomUnits(matcher.UnitsAtOnce, decoder.VocabularySize, i))];
    }

    internal override string Name => "memorization";

    internal override string Preset { get; }

    internal override string Unit => "units/s";

    internal override Precision? Precision { get; }

    internal override int ThreadCount => matchers.Length;

    internal override BenchRun Run(BenchClock clock, CancellationToken cancel)
    {
        double start = clock.Now(ThreadCount);
        Threads.RunOnEach(matchers.Length, i => matchers[i].Match(units[i], cancel));
        double count = units.Sum(each => each.Length);
        return new BenchRun(count, count * FlopsPerUnit(decoder.Config), clock.Now(ThreadCount) - start);
    }

    public override void Dispose()
    {
        foreach (GreedyMatcher matcher in matchers) matcher.Dispose();
        decoder.Dispose();
    }

    // Every token but the last goes through the layers; only those behind which one is generated need the unembedding.
    private static double FlopsPerUnit(DecoderConfig config)
    {
        const int Read = Prompt + Continuation - 1;
        return (Read * config.ForwardFlops(Read)) - ((Prompt - 1) * 2.0 * config.Width * config.VocabularySize);
    }

    private static int[][] RandomUnits(int count, int vocabulary, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, Prompt + Continuation).Select(_ => random.Next(vocabulary)).ToArray())];
    }
}

/// <summary>A whole training step: forward, backward, AdamW; all threads inside each operation.</summary>
internal sealed class TrainBenchmark : Benchmark
{
    private readonly DecoderParameters parameters;
    private readonly TrainingPass pass;
    private readonly TokenBatch batch;
    private readonly IBackend backend;
    private readonly List<(Parameter Parameter, Tensor First, Tensor Second)> moments = [];
    private readonly int tokens, context;
    private int step;

    internal TrainBenchmark(DecoderConfig config, string preset, int context, IBackend backend, int threads)
    {
        (this.backend, this.context, Preset, ThreadCount) = (backend, context, preset, threads);
        int sequences = Math.Max(1, 1024 / context);
        tokens = sequences * context;
        parameters = DecoderParameters.Create(config, 1, backend);
        pass = new TrainingPass(parameters, tokens);
        batch = new TokenBatch(tokens);
        var random = new Random(3);
        for (int s = 0; s < sequences; s++)
        {
            int[] ids = [.. Enumerable.Range(0, context + 1).Select(_ => random.Next(config.VocabularySize))];
            batch.AddText(ids);
        }
        foreach (Parameter p in parameters.All) moments.Add((p, backend.Allocate(p.Value.Length), backend.Allocate(p.Value.Length)));
    }

    internal override string Name => "train";

    internal override string Preset { get; }

    internal override string Unit => "tokens/s";

    internal override Precision? Precision => Kernels.Precision.F32;

    internal override int ThreadCount { get; }

    internal override BenchRun Run(BenchClock clock, CancellationToken cancel)
    {
        double start = clock.Now(ThreadCount);
        step++;
        parameters.ClearGradients();
        pass.ForwardBackward(batch, 1f / tokens);
        foreach ((Parameter p, Tensor first, Tensor second) in moments)
        {
            var update = new AdamWStep(1e-4, 0.9, 0.95, 1e-8, p.IsMatrix ? 0.1 : 0, step, 1);
            backend.AdamW(p.Value, p.Gradient, Like(first, p.Value), Like(second, p.Value), update);
        }
        double flops = 3.0 * tokens * parameters.Config.ForwardFlops(context);
        return new BenchRun(tokens, flops, clock.Now(ThreadCount) - start);
    }

    public override void Dispose()
    {
        foreach ((_, Tensor first, Tensor second) in moments)
        {
            first.Dispose();
            second.Dispose();
        }
        pass.Dispose();
        parameters.Dispose();
    }

    private static TensorView Like(Tensor tensor, TensorView view) => new(tensor, 0, view.Rows, view.Columns);
}
