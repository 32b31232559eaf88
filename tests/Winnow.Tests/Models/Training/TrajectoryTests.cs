using System.Text.Json;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Models.Training;
using Xunit;

namespace Winnow.Tests.Models.Training;

public sealed class TrajectoryTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("winnow-training-").FullName;

    public static TheoryData<string, string> Cases() => CasesWith("trajectory.json");

    public static TheoryData<string, string> CasesWithGradients() => CasesWith("grads_step1.safetensors");

    private static TheoryData<string, string> CasesWith(string marker)
    {
        TheoryData<string, string> cases = [];
        foreach (string name in Fixtures.Names("train", marker))
            foreach (string backend in Backends.All) cases.Add(name, backend);
        return cases;
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Training_follows_the_trajectory_of_PyTorch(string name, string backendName)
    {
        Trajectory expected = Trajectory.Load(name);
        using IBackend backend = Backends.Create(backendName);
        string output = Path.Combine(_directory, "model");
        Trainer.Train(new TrainingRequest
        {
            Options = expected.Options,
            Output = output,
            Initialize = () => DecoderParameters.Load(Path.Combine(expected.Directory, "init"), backend),
            MicroBatchTokens = 2 * (expected.Tokens[0].Length - 1),
        }, backend, new OrderedTokens(expected.Tokens, expected.Options.Seed));

        JsonElement[] log = [.. File.ReadLines(Path.Combine(output, "training_log.jsonl")).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
        Assert.Equal(expected.Steps.Count, log.Length);
        double Worst(string field, Func<Trajectory.Step, double, double> error) =>
            expected.Steps.Select((step, i) => error(step, log[i].GetProperty(field).GetDouble())).Max();
        double rate = Worst("learning_rate", (step, ours) => Math.Abs(ours - step.LearningRate));
        double loss = Worst("loss", (step, ours) => Math.Abs(ours - step.Loss));
        double norm = Worst("gradient_norm", (step, ours) => Math.Abs((ours / step.GradientNorm) - 1));
        double weight = WorstWeight(
            Trajectory.ReadTensors(Path.Combine(expected.Directory, "final.safetensors")), Trajectory.ReadTensors(Path.Combine(output, "model.safetensors")));
        Assert.True(
            rate <= 1e-12 && loss <= 5e-6 && norm <= 5e-6 && weight <= 2e-5,
            $"|error| of learning rate {rate}, loss {loss}, gradient norm (relative) {norm}, final weights {weight}");
    }

    [Theory]
    [MemberData(nameof(CasesWithGradients))]
    public void The_first_gradients_are_those_of_PyTorch(string name, string backendName)
    {
        Trajectory expected = Trajectory.Load(name);
        string gradients = Path.Combine(expected.Directory, "grads_step1.safetensors");
        File.Copy(Path.Combine(expected.Directory, "init", "config.json"), Path.Combine(_directory, "config.json"));
        File.Copy(gradients, Path.Combine(_directory, "model.safetensors"));
        using IBackend backend = Backends.Create(backendName);
        using DecoderParameters wanted = DecoderParameters.Load(_directory, backend);
        using DecoderParameters parameters = DecoderParameters.Load(Path.Combine(expected.Directory, "init"), backend);
        int context = expected.Tokens[0].Length - 1;
        TokenBatch batch = new(expected.Options.BatchSequences * context);
        for (int i = 0; i < expected.Options.BatchSequences; i++) batch.AddText(expected.Tokens[i]);
        using TrainingPass pass = new(parameters, batch.MaxTokens);
        double loss = pass.ForwardBackward(batch, 1.0 / batch.Counted) / batch.Counted;
        Assert.Equal(expected.Steps[0].Loss, loss, 5e-6);
        for (int i = 0; i < parameters.All.Count; i++)
        {
            float[] ours = Download(backend, parameters.All[i].Gradient), theirs = Download(backend, wanted.All[i].Value);
            double worst = ours.Zip(theirs, (a, b) => Math.Abs((double)a - b)).Max();
            Assert.True(worst <= 1e-6, $"{parameters.All[i].Name}: |error| {worst}");
        }
    }

    private static float[] Download(IBackend backend, TensorView view)
    {
        float[] values = new float[view.Length];
        for (int row = 0; row < view.Rows; row++)
            backend.Download(view.Tensor, view.Offset + ((long)row * view.Stride), values.AsSpan(row * view.Columns, view.Columns));
        return values;
    }

    private static double WorstWeight(Dictionary<string, float[]> expected, Dictionary<string, float[]> actual)
    {
        double worst = 0;
        foreach ((string name, float[] theirs) in expected)
        {
            float[] ours = actual[name];
            Assert.Equal(theirs.Length, ours.Length);
            for (int i = 0; i < ours.Length; i++)
            {
                // The key bias has no gradient but rounding noise; see the fixtures' README.
                bool isNoise = name.EndsWith("c_attn.bias", StringComparison.Ordinal) && i / (ours.Length / 3) == 1;
                if (!isNoise) worst = Math.Max(worst, Math.Abs((double)theirs[i] - ours[i]));
            }
        }

        return worst;
    }
}
