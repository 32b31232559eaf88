using System.Globalization;
using Winnow.Kernels;
using Winnow.Models;
using Xunit;

namespace Winnow.Tests.Models;

/// <summary>Every fixture checkpoint gives the numbers that transformers gives.</summary>
public sealed class ParityTests
{
    // What the fixtures' README argues for: torch's own spread between two ways to compute the same is up to 4.5e-6.
    private const double LossTolerance = 1e-4;
    private const double El2nTolerance = 1e-5;

    public static TheoryData<string, string> Checkpoints
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string name in Fixtures.Names("models", "expected.json"))
            {
                foreach (string backend in Backends.All) data.Add(name, backend);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Logits_are_those_of_transformers(string name, string backendName)
    {
        using var model = new LoadedModel(name, backendName);
        foreach (var sequence in model.Expected.Sequences.Where(s => s.Logits is not null))
        {
            model.Batch.Clear();
            model.Batch.AddSequence(sequence.Ids, []);
            model.Pass.Forward(model.Batch);
            float[] logits = model.Pass.Logits();
            int vocabulary = model.Decoder.VocabularySize;
            foreach (var (position, expected) in sequence.Logits!)
            {
                int row = int.Parse(position, CultureInfo.InvariantCulture);
                AssertClose(expected.Select(x => (double)x), logits.AsSpan(row * vocabulary, vocabulary), LossTolerance, $"{sequence.Kind}: logits at {row}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Losses_and_el2n_of_packed_sequences_are_those_of_transformers(string name, string backendName)
    {
        using var model = new LoadedModel(name, backendName);
        foreach (var sequence in model.Expected.Sequences) model.Batch.AddText(sequence.Ids);
        var loss = new float[model.Batch.Tokens];
        var el2n = new float[model.Batch.Tokens];
        model.Pass.Score(model.Batch, loss, el2n, []);
        int first = 0;
        foreach (var sequence in model.Expected.Sequences)
        {
            int count = sequence.Ids.Length - 1;
            AssertClose(sequence.Losses, loss.AsSpan(first, count), LossTolerance, $"{sequence.Kind}: loss");
            AssertClose(sequence.El2n, el2n.AsSpan(first, count), El2nTolerance, $"{sequence.Kind}: el2n");
            first += count;
        }
    }

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Greedy_decoding_with_a_cache_gives_the_tokens_of_transformers(string name, string backendName)
    {
        const int Prompt = 32;
        using var model = new LoadedModel(name, backendName);
        var sequences = model.Expected.Sequences.Where(s => s.GreedyContinuation is not null).ToList();
        int steps = sequences[0].GreedyContinuation!.Length;
        using var cache = new DecoderCache(model.Decoder, model.Worker, sequences.Count, Prompt + steps);
        int[] slots = [.. sequences.Select(_ => cache.Rent())];
        for (int i = 0; i < sequences.Count; i++) model.Batch.AddContinuation(cache, slots[i], sequences[i].Ids.AsSpan(0, Prompt));
        var next = new int[sequences.Count];
        var greedy = sequences.Select(_ => new List<int>()).ToArray();
        for (int step = 0; step < steps; step++)
        {
            model.Pass.Next(model.Batch, next, cache);
            model.Batch.Clear();
            for (int i = 0; i < sequences.Count; i++)
            {
                greedy[i].Add(next[i]);
                if (step < steps - 1) model.Batch.AddContinuation(cache, slots[i], [next[i]]);
            }
        }

        for (int i = 0; i < sequences.Count; i++)
        {
            Assert.Equal(sequences[i].GreedyContinuation, greedy[i]);
            if (sequences[i].Memorization is not { } memorization) continue;
            Assert.Equal(memorization, greedy[i].Zip(sequences[i].Ids.Skip(Prompt)).Count(pair => pair.First == pair.Second) / (double)steps, 1e-12);
        }
    }

    private static void AssertClose(IEnumerable<double> expected, ReadOnlySpan<float> actual, double tolerance, string what)
    {
        double worst = 0;
        int at = -1;
        int i = 0;
        foreach (double value in expected)
        {
            double error = Math.Abs(value - actual[i]);
            if (!(error <= worst)) (worst, at) = (error, i);
            i++;
        }

        Assert.Equal(actual.Length, i);
        Assert.True(worst <= tolerance, $"{what}: max |error| {worst:g3} at {at}; allowed {tolerance:g3}");
    }

    private sealed class LoadedModel : IDisposable
    {
        private const int MaxTokens = 512;
        private readonly IBackend _backend;

        public LoadedModel(string name, string backendName)
        {
            string directory = Path.Combine(Fixtures.Root("models"), name);
            _backend = Backends.Create(backendName);
            Decoder = Decoder.Load(directory, _backend);
            Worker = _backend.Workers[0];
            Expected = ExpectedScores.Read(directory);
            int tokens = Math.Max(MaxTokens, Expected.Sequences.Sum(s => s.Ids.Length));
            Pass = new DecoderPass(Decoder, Worker, tokens);
            Batch = new TokenBatch(tokens);
        }

        public Decoder Decoder { get; }

        public IBackend Worker { get; }

        public DecoderPass Pass { get; }

        public TokenBatch Batch { get; }

        public ExpectedScores Expected { get; }

        public void Dispose()
        {
            Pass.Dispose();
            Decoder.Dispose();
            _backend.Dispose();
        }
    }
}
