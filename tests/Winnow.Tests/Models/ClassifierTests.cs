using Winnow.Kernels;
using Winnow.Models;
using Winnow.Models.Classification;
using Xunit;

namespace Winnow.Tests.Models;

public sealed class ClassifierTests
{
    private static readonly ClassifiedText[] Texts = [new([3, 1, 4, 1, 5], 1), new([9, 2], 0), new([6, 5, 3, 5, 8, 9, 7], 2), new([9], 1)];

    [Theory]
    [InlineData(3)]
    [InlineData(1)]
    public void Gradients_agree_with_finite_differences(int outputs)
    {
        using var backend = new ReferenceBackend();
        using DecoderParameters decoder = DecoderParameters.Create(Tiny, seed: 1, backend);
        using var classifier = new Classifier(decoder, outputs, seed: 2, maxTokens: 16);
        classifier.ClearGradients();
        classifier.ForwardBackward(Texts, 0.25);
        foreach (Parameter parameter in classifier.Parameters)
        {
            var gradient = new float[parameter.Value.Length];
            backend.Download(parameter.Gradient.Tensor, parameter.Gradient.Offset, gradient);
            int at = Array.IndexOf(gradient, gradient.MaxBy(Math.Abs));
            double numeric = Slope(classifier, backend, parameter, at);
            // Losses are stored in f32: a step of 1e-2 leaves about 1e-5 of noise.
            Assert.True(Math.Abs(numeric - gradient[at]) < 1e-4 + (0.02 * Math.Abs(numeric)), $"{parameter.Name}[{at}]: {gradient[at]} but {numeric}");
        }
    }

    [Fact]
    public void Micro_batches_do_not_change_the_loss()
    {
        using var backend = new ReferenceBackend();
        using DecoderParameters decoder = DecoderParameters.Create(Tiny, seed: 1, backend);
        using var large = new Classifier(decoder, 3, seed: 2, maxTokens: 64);
        using var small = new Classifier(decoder, 3, seed: 2, maxTokens: 7);
        Assert.Equal(large.ForwardBackward(Texts, 1), small.ForwardBackward(Texts, 1), 1e-5);
        Assert.Equal(large.Predict(Texts), small.Predict(Texts));
    }

    [Fact]
    public void Fine_tuning_learns_which_token_a_text_ends_with()
    {
        using var backend = new ReferenceBackend();
        string model = Directory.CreateTempSubdirectory("winnow-classifier-").FullName;
        try
        {
            using (DecoderParameters decoder = DecoderParameters.Create(Tiny, seed: 1, backend)) decoder.Save(model);
            var random = new Random(3);
            ClassifiedText[] Make(int count) => [.. Enumerable.Range(0, count).Select(_ =>
            {
                int label = random.Next(2);
                return new ClassifiedText([random.Next(8), random.Next(8), 8 + label], label);
            })];
            ClassifiedText[] held = Make(40);
            var options = new FineTuningOptions { Epochs = 4, LearningRate = 1e-2, BatchTexts = 8 };
            IReadOnlyList<double[]> predicted = FineTuner.Run(model, backend, 2, Make(80), [held], options);
            Assert.Equal(held.Select(text => text.Label), predicted[0]);
        }
        finally
        {
            Directory.Delete(model, recursive: true);
        }
    }

    private static DecoderConfig Tiny => Presets.Gpt2(layers: 2, width: 16, heads: 2, vocabularySize: 12, maxLength: 16);

    private static double Slope(Classifier classifier, ReferenceBackend backend, Parameter parameter, int at)
    {
        const float Step = 1e-2f;
        var value = new float[1];
        backend.Download(parameter.Value.Tensor, parameter.Value.Offset + at, value);
        double Loss(float shifted)
        {
            backend.Upload([shifted], parameter.Value.Tensor, parameter.Value.Offset + at);
            return 0.25 * classifier.ForwardBackward(Texts, 0);
        }

        double slope = (Loss(value[0] + Step) - Loss(value[0] - Step)) / (2 * Step);
        backend.Upload(value, parameter.Value.Tensor, parameter.Value.Offset + at);
        return slope;
    }
}
