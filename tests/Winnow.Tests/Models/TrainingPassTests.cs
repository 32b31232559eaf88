using System.Text.Json;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Models.Checkpoints;
using Winnow.Tests.Data;
using Xunit;

namespace Winnow.Tests.Models;

/// <summary>Forward and backward of a decoder that is trained.</summary>
public sealed class TrainingPassTests
{
    public static TheoryData<string, string> Trajectories => WithBackends(Fixtures.Names("train", "grads_step1.safetensors"));

    public static TheoryData<string, string> Starts => WithBackends(Fixtures.Names("train", "trajectory.json"));

    public static TheoryData<string> Shapes => ["gpt2", "gpt2-untied", "llama", "llama-everything"];

    [Theory]
    [MemberData(nameof(Trajectories))]
    public void Gradients_of_the_first_step_are_those_of_torch(string name, string backendName)
    {
        string directory = Path.Combine(Fixtures.Root("train"), name);
        using var backend = Backends.Create(backendName);
        using var parameters = DecoderParameters.Load(Path.Combine(directory, "init"), backend);
        var batch = FirstBatch(directory, out _);
        using var pass = new TrainingPass(parameters, batch.Tokens);
        pass.ForwardBackward(batch, 1.0 / batch.Counted);

        using var expected = SafeTensorsFile.Open(Path.Combine(directory, "grads_step1.safetensors"));
        var compared = new List<string>();
        foreach (var parameter in parameters.All)
        {
            if (!expected.Tensors.ContainsKey(parameter.Name)) continue;
            compared.Add(parameter.Name);
            float[] values = expected.ReadFloats(parameter.Name);
            float[] gradient = Download(backend, parameter.Gradient, parameter.IsTransposed);
            double norm = Math.Sqrt(values.Sum(x => (double)x * x));
            double error = Math.Sqrt(values.Zip(gradient, (x, y) => ((double)x - y) * ((double)x - y)).Sum());
            // Both sides round to f32 and sum in other orders: about 1e-7 of the norm where the reference computes.
            Assert.True(error <= 1e-5 * norm, $"{parameter.Name}: distance {error:g3} from a gradient of norm {norm:g3}");
        }

        Assert.Equal(expected.Tensors.Keys.Order(), compared.Order());
    }

    [Theory]
    [MemberData(nameof(Starts))]
    public void The_first_loss_is_that_of_torch(string name, string backendName)
    {
        string directory = Path.Combine(Fixtures.Root("train"), name);
        using var backend = Backends.Create(backendName);
        using var parameters = DecoderParameters.Load(Path.Combine(directory, "init"), backend);
        var batch = FirstBatch(directory, out double expected);
        using var pass = new TrainingPass(parameters, batch.Tokens);
        Assert.Equal(expected, pass.Evaluate(batch) / batch.Counted, 1e-5);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Gradients_agree_with_finite_differences(string shape)
    {
        // Doubles in memory, so that only the downloaded losses are rounded.
        using var backend = new ReferenceBackend(rounds: false);
        using var parameters = DecoderParameters.Create(Shape(shape), 7, backend);
        Randomize(parameters, backend);
        var batch = SomeBatch(parameters.Config.VocabularySize);
        using var pass = new TrainingPass(parameters, batch.Tokens);
        double scale = 1.0 / batch.Counted;
        pass.ForwardBackward(batch, scale);
        foreach (var parameter in parameters.All)
        {
            float[] gradient = Download(backend, parameter.Gradient, transposed: false);
            double largest = gradient.Max(Math.Abs);
            foreach (int i in new[] { 0, gradient.Length / 3, gradient.Length / 2, gradient.Length - 1 })
            {
                double difference = scale * Difference(pass, batch, backend, parameter.Value, i);
                double allowed = 2e-3 * Math.Max(largest, 1e-2);
                Assert.True(Math.Abs(difference - gradient[i]) <= allowed,
                    $"{parameter.Name}[{i}]: gradient {gradient[i]:g5}, difference quotient {difference:g5}, allowed distance {allowed:g2}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Gradients_add_up_over_micro_batches(string shape)
    {
        using var backend = new ReferenceBackend();
        using var parameters = DecoderParameters.Create(Shape(shape), 7, backend);
        var batch = SomeBatch(parameters.Config.VocabularySize);
        using var pass = new TrainingPass(parameters, batch.Tokens);
        pass.ForwardBackward(batch, 0.25);
        var once = parameters.All.Select(p => Download(backend, p.Gradient, false)).ToList();
        pass.ForwardBackward(batch, 0.25);
        for (int i = 0; i < once.Count; i++)
        {
            float[] twice = Download(backend, parameters.All[i].Gradient, false);
            float largest = once[i].Max(Math.Abs);
            for (int j = 0; j < twice.Length; j++) Assert.Equal(2 * once[i][j], twice[j], 1e-5f * largest);
        }

        parameters.ClearGradients();
        Assert.All(parameters.All, p => Assert.All(Download(backend, p.Gradient, false), x => Assert.Equal(0, x)));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Saved_parameters_load_as_the_same_model(string shape)
    {
        using var directory = new TemporaryDirectory();
        using var backend = new ReferenceBackend();
        using var parameters = DecoderParameters.Create(Shape(shape), 7, backend);
        Randomize(parameters, backend);
        parameters.Save(directory.Path, endOfText: 3);

        using var again = DecoderParameters.Load(directory.Path, backend);
        Assert.Equal(parameters.All.Select(p => p.Name), again.All.Select(p => p.Name));
        for (int i = 0; i < parameters.All.Count; i++)
            Assert.Equal(Download(backend, parameters.All[i].Value, false), Download(backend, again.All[i].Value, false));

        using var decoder = Decoder.Load(directory.Path, backend);
        Assert.Equivalent(parameters.Config, decoder.Config, strict: true);
        var batch = SomeBatch(parameters.Config.VocabularySize);
        using var training = new TrainingPass(parameters, batch.Tokens);
        using var inference = new DecoderPass(decoder, backend, batch.Tokens);
        var loss = new float[batch.Tokens];
        inference.Score(batch, loss, [], []);
        Assert.Equal(training.Evaluate(batch), loss.Sum(x => (double)x), 1e-4);
    }

    [Theory]
    [MemberData(nameof(Starts))]
    public void A_saved_checkpoint_has_the_tensors_that_transformers_writes(string name, string backendName)
    {
        string init = Path.Combine(Fixtures.Root("train"), name, "init");
        using var directory = new TemporaryDirectory();
        using var backend = Backends.Create(backendName);
        using var parameters = DecoderParameters.Load(init, backend);
        parameters.Save(directory.Path);
        using var theirs = SafeTensorsFile.Open(Path.Combine(init, "model.safetensors"));
        using var ours = SafeTensorsFile.Open(directory["model.safetensors"]);
        Assert.Equal(theirs.Tensors.Keys.Order(), ours.Tensors.Keys.Order());
        Assert.Equal("pt", ours.Metadata["format"]);
        foreach (var (tensor, stored) in theirs.Tensors)
        {
            Assert.Equal(stored.Shape, ours.Tensors[tensor].Shape);
            Assert.Equal(theirs.ReadFloats(tensor), ours.ReadFloats(tensor));
        }

        Assert.Equivalent(ModelDirectory.ReadConfig(init), ModelDirectory.ReadConfig(directory.Path), strict: true);
        using var json = JsonDocument.Parse(File.ReadAllBytes(directory["config.json"]));
        string architecture = json.RootElement.GetProperty("architectures")[0].GetString()!;
        Assert.Equal(name.StartsWith("llama", StringComparison.Ordinal) ? "LlamaForCausalLM" : "GPT2LMHeadModel", architecture);
    }

    [Fact]
    public void The_same_seed_gives_the_same_parameters_and_their_spread_is_as_stated()
    {
        using var backend = new ReferenceBackend();
        var config = Presets.Gpt2(layers: 8, width: 64, heads: 4, vocabularySize: 300, maxLength: 32);
        using var one = DecoderParameters.Create(config, 1, backend);
        using var same = DecoderParameters.Create(config, 1, backend);
        using var other = DecoderParameters.Create(config, 2, backend);
        for (int i = 0; i < one.All.Count; i++)
        {
            float[] values = Download(backend, one.All[i].Value, false);
            Assert.Equal(values, Download(backend, same.All[i].Value, false));
            if (!one.All[i].IsMatrix) continue;
            Assert.NotEqual(values, Download(backend, other.All[i].Value, false));
            double deviation = Math.Sqrt(values.Average(x => (double)x * x));
            Assert.Equal(one.All[i].Name.EndsWith("c_proj.weight", StringComparison.Ordinal) ? 0.005 : 0.02, deviation, 0.002);
        }
    }

    [Fact]
    public void A_family_that_is_not_trained_is_refused()
    {
        using var backend = new ReferenceBackend();
        string directory = Path.Combine(Fixtures.Root("models"), "gemma2");
        var error = Assert.Throws<ModelException>(() => DecoderParameters.Load(directory, backend));
        Assert.Contains("scored with, not trained", error.Message, StringComparison.Ordinal);
    }

    private static DecoderConfig Shape(string name) => name switch
    {
        "gpt2" => Presets.Gpt2(layers: 2, width: 16, heads: 2, vocabularySize: 23, maxLength: 24),
        "gpt2-untied" => Presets.Gpt2(layers: 2, width: 16, heads: 2, vocabularySize: 23, maxLength: 24) with { TiedHead = false, HiddenWidth = 24, ScaleByInverseLayer = true },
        "llama" => Presets.Llama(layers: 2, width: 16, heads: 4, keyValueHeads: 2, hiddenWidth: 20, vocabularySize: 23, maxLength: 24),
        "llama-everything" => Presets.Llama(layers: 2, width: 16, heads: 2, keyValueHeads: 1, hiddenWidth: 20, vocabularySize: 23, maxLength: 24) with
        {
            TiedHead = false,
            QueryKeyValueBias = true,
            AttentionOutputBias = true,
            MlpBias = true,
            Rotary = new RotaryFrequencies(500) { Scaling = RotaryScaling.Linear, Factor = 2 },
        },
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    /// <summary>Values large enough that no gradient vanishes.</summary>
    private static void Randomize(DecoderParameters parameters, ReferenceBackend backend)
    {
        var random = new Random(5);
        foreach (var parameter in parameters.All)
        {
            float[] values = Download(backend, parameter.Value, false);
            for (int i = 0; i < values.Length; i++) values[i] += (float)((random.NextDouble() - 0.5) * 0.6);
            backend.Upload(values, parameter.Value.Tensor, parameter.Value.Offset);
        }
    }

    /// <summary>Three sequences of different lengths, one with a position that does not count.</summary>
    private static TokenBatch SomeBatch(int vocabularySize)
    {
        var random = new Random(3);
        var batch = new TokenBatch(32);
        foreach (int length in new[] { 12, 1, 9 })
        {
            int[] ids = [.. Enumerable.Range(0, length + 1).Select(_ => random.Next(vocabularySize))];
            int[] targets = ids[1..];
            if (length > 5) targets[4] = -1;
            batch.AddSequence(ids.AsSpan(0, length), targets);
        }

        return batch;
    }

    private static double Difference(TrainingPass pass, TokenBatch batch, ReferenceBackend backend, TensorView view, int element)
    {
        const float Step = 1 / 256f;
        var value = new float[1];
        backend.Download(view.Tensor, view.Offset + element, value);
        double LossAt(float x)
        {
            backend.Upload([x], view.Tensor, view.Offset + element);
            return pass.Evaluate(batch);
        }

        double above = LossAt(value[0] + Step);
        double below = LossAt(value[0] - Step);
        backend.Upload(value, view.Tensor, view.Offset + element);
        return (above - below) / ((double)(value[0] + Step) - (value[0] - Step));
    }

    private static float[] Download(IBackend backend, TensorView view, bool transposed)
    {
        var values = new float[view.Length];
        backend.Download(view.Tensor, view.Offset, values);
        if (!transposed) return values;
        var result = new float[values.Length];
        for (int row = 0; row < view.Rows; row++)
        {
            for (int column = 0; column < view.Columns; column++) result[(column * view.Rows) + row] = values[(row * view.Columns) + column];
        }

        return result;
    }

    private static TokenBatch FirstBatch(string directory, out double loss)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "trajectory.json")));
        var root = json.RootElement;
        int accumulated = root.GetProperty("grad_accum").GetInt32();
        loss = root.GetProperty("trajectory")[0].GetProperty("loss").GetDouble();
        var sequences = root.GetProperty("tokens").EnumerateArray().Take(accumulated).SelectMany(micro => micro.EnumerateArray())
            .Select(sequence => sequence.EnumerateArray().Select(id => id.GetInt32()).ToArray()).ToList();
        var batch = new TokenBatch(sequences.Sum(s => s.Length));
        foreach (int[] ids in sequences) batch.AddText(ids);
        return batch;
    }

    private static TheoryData<string, string> WithBackends(IEnumerable<string> names)
    {
        var data = new TheoryData<string, string>();
        foreach (string name in names)
        {
            foreach (string backend in Backends.All) data.Add(name, backend);
        }

        return data;
    }
}
