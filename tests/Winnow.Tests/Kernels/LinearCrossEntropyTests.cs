using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>The fused loss head against the reference, and where softmaxes break: p → 1, huge logits, ties.</summary>
public sealed class LinearCrossEntropyTests
{
    // Tokens, width, vocabulary, rows of the unembedding beyond it; several chunks and several groups of rows among them.
    private static readonly (int Tokens, int Width, int Vocabulary, int Padding)[] s_shapes =
        [(1, 1, 1, 0), (2, 3, 2, 0), (5, 7, 47, 1), (3, 16, 48, 16), (9, 33, 145, 0), (17, 20, 1000, 24), (1030, 5, 130, 3), (6, 11, 3200, 40)];

    public static TheoryData<int, int> Machines() => GemmTests.Machines();

    [Theory]
    [MemberData(nameof(Machines))]
    public void Loss_el2n_and_greedy_token_agree_with_the_reference(int lanes, int threads)
    {
        using var cpu = new CpuBackend(threads, lanes);
        using var reference = new ReferenceBackend();
        foreach (Head head in Heads())
        {
            foreach (ElementType? type in (ElementType?[])[null, .. Enum.GetValues<ElementType>()])
            {
                Scores fast = head.Score(cpu, type), slow = head.Score(reference, type);
                for (int i = 0; i < slow.Results.Length; i++)
                    AssertClose(slow.Results[i], fast.Results[i], 3e-6, $"{head}, {type}, {cpu.Description}: result {i / 3}, {i % 3}");
                Assert.Equal(slow.Argmax, fast.Argmax);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Machines))]
    public void Gradients_agree_with_the_reference(int lanes, int threads)
    {
        using var cpu = new CpuBackend(threads, lanes);
        using var reference = new ReferenceBackend();
        foreach (Head head in Heads())
        {
            float[][] fast = head.Gradients(cpu), slow = head.Gradients(reference);
            for (int which = 0; which < fast.Length; which++)
            {
                for (int i = 0; i < fast[which].Length; i++)
                    AssertClose(slow[which][i], fast[which][i], 1e-5, $"{head}, {cpu.Description}: gradient {which}, element {i}");
            }
        }
    }

    [Fact]
    public void The_number_of_threads_changes_no_bit()
    {
        foreach (int lanes in CpuBackend.SupportedLanes)
        {
            using var one = new CpuBackend(1, lanes);
            using var two = new CpuBackend(2, lanes);
            using var five = new CpuBackend(5, lanes);
            foreach (Head head in Heads())
            {
                float[] expected = head.Score(one, null).Results;
                Assert.Equal(expected, head.Score(two, null).Results);
                Assert.Equal(expected, head.Score(five, null).Results);
                float[][] gradients = head.Gradients(one);
                Assert.Equal(gradients, head.Gradients(two));
                Assert.Equal(gradients, head.Gradients(five));
            }
        }
    }

    [Fact]
    public void A_tokens_scores_have_the_same_bits_whatever_tokens_stand_beside_it()
    {
        var head = new Head(40, 64, 900, 0, SoftCap: 0, Biased: true);
        foreach (int lanes in CpuBackend.SupportedLanes)
        {
            using var cpu = new CpuBackend(1, lanes);
            float[] together = head.Score(cpu, ElementType.F32).Results;
            float[] alone = [.. Enumerable.Range(0, 40).SelectMany(token => head.Score(cpu, ElementType.F32, token, 1).Results)];
            Assert.Equal(together, alone);
        }
    }

    // With a width of 1 and a hidden value of 1, the unembedding is the logits.
    [Theory]
    [InlineData(20, 0)]
    [InlineData(60, 0)]
    [InlineData(90, 0)]
    [InlineData(3e4, 0)]
    [InlineData(-3e4, 0)]
    [InlineData(1e4, 1e4)]
    [InlineData(-1e4, -1e4)]
    [InlineData(9990, 1e4)]
    [InlineData(-3e4, 3e4)]
    public void Extreme_logits_lose_no_digits(float target, float others)
    {
        const int Vocabulary = 300, Target = 77;
        float[] logits = [.. Enumerable.Range(0, Vocabulary).Select(i => i == Target ? target : others - (i % 7))];
        double lead = target - others, rest = logits.Where((_, i) => i != Target).Sum(z => Math.Exp(z - others));
        double squares = logits.Where((_, i) => i != Target).Sum(z => Math.Exp(2.0 * (z - others)));
        double ratio = rest * Math.Exp(-lead);
        double loss = lead > 30 ? ratio : lead < -700 ? Math.Log(rest) - lead : Math.Log(1 + ratio);
        double error = lead > 30 ? Math.Exp(-lead) * Math.Sqrt((rest * rest) + squares) : Math.Sqrt((rest * rest) + squares) / (rest + Math.Exp(lead));
        foreach (int lanes in CpuBackend.SupportedLanes)
        {
            using var cpu = new CpuBackend(1, lanes);
            Scores scores = ScoreLogits(cpu, logits, Target);
            AssertClose(loss, scores.Results[0], 1e-6, $"loss at {lanes} lanes");
            AssertClose(error, scores.Results[1], 1e-6, $"EL2N at {lanes} lanes");
        }
    }

    [Fact]
    public void El2n_by_its_definition_and_by_log_sum_exp_is_one_number_up_to_certainty()
    {
        const int Vocabulary = 700;
        var random = new Random(11);
        using var reference = new ReferenceBackend();
        foreach (int lanes in CpuBackend.SupportedLanes)
        {
            using var cpu = new CpuBackend(1, lanes);
            for (int round = 0; round < 300; round++)
            {
                // The target leads by −40 … 120: p from 0 through everything between to 1.
                float[] logits = [.. Enumerable.Range(0, Vocabulary).Select(_ => (random.NextSingle() * 8) - 4)];
                int target = random.Next(Vocabulary);
                logits[target] = random.Next(-40, 121);
                double direct = El2nOfProbabilities(logits, target), byLogSumExp = El2nByLogSumExp(logits, target);
                Assert.InRange(byLogSumExp - direct, -1e-6, 1e-6);
                foreach (float got in (float[])[ScoreLogits(cpu, logits, target).Results[1], ScoreLogits(reference, logits, target).Results[1]])
                {
                    Assert.True(float.IsFinite(got) && got >= 0, $"{got} at {lanes} lanes");
                    Assert.InRange(got - direct, -1e-6, 1e-6);
                    Assert.InRange(got - byLogSumExp, -1e-6, 1e-6);
                }
            }
        }
    }

    [Fact]
    public void Ties_go_to_the_lowest_id()
    {
        var random = new Random(5);
        foreach (int lanes in CpuBackend.SupportedLanes)
        {
            using var cpu = new CpuBackend(2, lanes);
            for (int round = 0; round < 200; round++)
            {
                // Five values only, and chunk after chunk of them.
                float[] logits = [.. Enumerable.Range(0, 1 + random.Next(2500)).Select(_ => (float)random.Next(5) - 2)];
                int target = round % 3 == 0 ? -1 : random.Next(logits.Length);
                int expected = Array.IndexOf(logits, logits.Max());
                Assert.Equal(expected, ScoreLogits(cpu, logits, target).Argmax[0]);
            }
        }
    }

    [Fact]
    public void A_logit_that_is_not_a_number_makes_the_loss_not_a_number()
    {
        foreach (int lanes in CpuBackend.SupportedLanes)
        {
            using var cpu = new CpuBackend(1, lanes);
            foreach (int place in (int[])[0, 5, 77, 299])
            {
                float[] logits = new float[300];
                logits[place] = float.NaN;
                Scores scores = ScoreLogits(cpu, logits, 77);
                Assert.True(float.IsNaN(scores.Results[0]) && float.IsNaN(scores.Results[1]), $"NaN at {place}, {lanes} lanes: {scores.Results[0]}");
            }
        }
    }

    [Fact]
    public void A_target_outside_the_vocabulary_is_refused()
    {
        using var cpu = new CpuBackend(1);
        Assert.Throws<ArgumentException>(() => ScoreLogits(cpu, new float[10], 10));
        Assert.Throws<ArgumentException>(() => ScoreLogits(cpu, new float[10], -2));
    }

    private static IEnumerable<Head> Heads()
    {
        foreach ((int tokens, int width, int vocabulary, int padding) in s_shapes)
        {
            yield return new Head(tokens, width, vocabulary, padding, SoftCap: 0, Biased: false);
            yield return new Head(tokens, width, vocabulary, padding, SoftCap: 1.5f, Biased: true);
        }
    }

    // ‖softmax(z) − onehot(y)‖₂ as it is written.
    private static double El2nOfProbabilities(float[] logits, int target)
    {
        double highest = logits.Max(), all = logits.Sum(z => Math.Exp(z - highest));
        return Math.Sqrt(logits.Select((z, i) => (Math.Exp(z - highest) / all) - (i == target ? 1 : 0)).Sum(difference => difference * difference));
    }

    // √(Σp² − 2p + 1) out of Σ exp(z) and Σ exp(2z) over the others and the target's loss: nothing near 1 is subtracted from 1.
    private static double El2nByLogSumExp(float[] logits, int target)
    {
        double highest = logits.Max(), all = highest + Math.Log(logits.Sum(z => Math.Exp(z - highest)));
        double others = Math.Log(logits.Where((_, i) => i != target).Sum(z => Math.Exp(z - all)));
        double squares = logits.Where((_, i) => i != target).Sum(z => Math.Exp(2 * (z - all)));
        return Math.Sqrt(squares + Math.Exp(2 * others));
    }

    private static Scores ScoreLogits(IBackend backend, float[] logits, int target)
    {
        using Tensor hidden = backend.Allocate(1), weights = backend.Allocate(logits.Length), result = backend.Allocate(3);
        using IndexTensor targets = backend.AllocateIndices(1), argmax = backend.AllocateIndices(1);
        backend.Upload([1f], hidden);
        backend.Upload(logits, weights);
        backend.Upload([target], targets);
        using WeightMatrix unembedding = backend.Live(weights.AsRows(logits.Length));
        backend.LinearCrossEntropy(hidden.AsRows(1), unembedding, null, new HeadShape(logits.Length), targets, result.AsRows(1), argmax);
        return Scores.Read(backend, result, argmax);
    }

    private static void AssertClose(double expected, double actual, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance * (1e-30 + Math.Max(Math.Abs(expected), tolerance >= 2e-6 ? 1 : 0)), $"{what}: {actual:R} instead of {expected:R}");

    private sealed record Scores(float[] Results, int[] Argmax)
    {
        public static Scores Read(IBackend backend, Tensor result, IndexTensor argmax)
        {
            var scores = new Scores(new float[result.Length], new int[argmax.Length]);
            backend.Download(result, 0, scores.Results);
            backend.Download(argmax, scores.Argmax);
            return scores;
        }
    }

    /// <summary>A loss head with its seeded inputs.</summary>
    private sealed record Head(int Tokens, int Width, int Vocabulary, int Padding, float SoftCap, bool Biased)
    {
        private readonly float[] _hidden = Values(1, Tokens * Width, 1);
        private readonly float[] _weights = Values(2, (Vocabulary + Padding) * Width, 4 / MathF.Sqrt(Width));
        private readonly float[] _bias = Values(3, Vocabulary + Padding, 1);
        private readonly int[] _targets = Ids(Tokens, Vocabulary);

        public Scores Score(IBackend backend, ElementType? type) => Score(backend, type, 0, Tokens);

        public Scores Score(IBackend backend, ElementType? type, int first, int count)
        {
            using Tensor hidden = backend.Allocate(_hidden.Length), bias = backend.Allocate(_bias.Length), weights = backend.Allocate(_weights.Length);
            using Tensor result = backend.Allocate(3 * count);
            using IndexTensor targets = backend.AllocateIndices(count), argmax = backend.AllocateIndices(count);
            backend.Upload(_hidden, hidden);
            backend.Upload(_bias, bias);
            backend.Upload(_weights, weights);
            backend.Upload(_targets.AsSpan(first, count), targets);
            using WeightMatrix unembedding = type is { } stored
                ? backend.Pack(MemorySource.From(_weights, Vocabulary + Padding, Width, stored, transposed: false))
                : backend.Live(weights.AsRows(Vocabulary + Padding));
            backend.LinearCrossEntropy(
                hidden.AsRows(Tokens).SliceRows(first, count), unembedding, Biased ? bias.AsRows(1) : null, new HeadShape(Vocabulary, SoftCap), targets,
                result.AsRows(count), argmax);
            return Scores.Read(backend, result, argmax);
        }

        public float[][] Gradients(IBackend backend)
        {
            using Tensor hidden = backend.Allocate(_hidden.Length), bias = backend.Allocate(_bias.Length), weights = backend.Allocate(_weights.Length);
            using Tensor result = backend.Allocate(3 * Tokens), dHidden = backend.Allocate(_hidden.Length);
            using Tensor dBias = backend.Allocate(_bias.Length), dWeights = backend.Allocate(_weights.Length);
            using IndexTensor targets = backend.AllocateIndices(Tokens);
            backend.Upload(_hidden, hidden);
            backend.Upload(_bias, bias);
            backend.Upload(_weights, weights);
            backend.Upload(_targets, targets);
            backend.Upload(_hidden, dHidden);
            backend.Upload(_weights, dWeights);
            using WeightMatrix unembedding = backend.Live(weights.AsRows(Vocabulary + Padding));
            TensorView? shift = Biased ? bias.AsRows(1) : null, shiftGradient = Biased ? dBias.AsRows(1) : null;
            var shape = new HeadShape(Vocabulary, SoftCap);
            backend.LinearCrossEntropy(hidden.AsRows(Tokens), unembedding, shift, shape, targets, result.AsRows(Tokens), null);
            backend.LinearCrossEntropyBackward(
                hidden.AsRows(Tokens), unembedding, shift, shape, targets, result.AsRows(Tokens), 0.5f,
                dHidden.AsRows(Tokens), dWeights.AsRows(Vocabulary + Padding), shiftGradient);
            float[][] all = [new float[dHidden.Length], new float[dWeights.Length], new float[dBias.Length]];
            backend.Download(dHidden, 0, all[0]);
            backend.Download(dWeights, 0, all[1]);
            backend.Download(dBias, 0, all[2]);
            return all;
        }

        private static float[] Values(int seed, int count, float size)
        {
            var random = new Random(seed);
            return [.. Enumerable.Range(0, count).Select(_ => size * ((2 * random.NextSingle()) - 1))];
        }

        private static int[] Ids(int count, int vocabulary)
        {
            var random = new Random(4);
            return [.. Enumerable.Range(0, count).Select(i => i % 5 == 4 ? -1 : random.Next(vocabulary))];
        }
    }
}
