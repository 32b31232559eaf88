using Winnow.Kernels;
using Winnow.Models.Training;

namespace Winnow.Models.Classification;

/// <summary>Fine-tunes a decoder with a head on labelled texts.</summary>
public static class FineTuner
{
    private const int MicroBatchTokens = 2048;

    /// <summary>Trains on one set and predicts others.</summary>
    /// <param name="model">A Hugging Face directory; loaded afresh, left as it is.</param>
    /// <param name="backend">Computes.</param>
    /// <param name="outputs">Classes, or 1 for a number.</param>
    /// <param name="training">Labelled texts.</param>
    /// <param name="evaluated">Sets to predict when training is over.</param>
    /// <param name="options">What decides the result.</param>
    /// <param name="progress">Told after every update: the share done and the update's mean loss.</param>
    /// <param name="cancel">Stops between updates.</param>
    /// <returns>For each evaluated set the predicted class or number of each text.</returns>
    public static IReadOnlyList<double[]> Run(
        string model, IBackend backend, int outputs, IReadOnlyList<ClassifiedText> training,
        IReadOnlyList<IReadOnlyList<ClassifiedText>> evaluated, FineTuningOptions options,
        IProgress<(double Done, double Loss)>? progress = null, CancellationToken cancel = default)
    {
        using DecoderParameters parameters = DecoderParameters.Load(model, backend);
        int longest = training.Concat(evaluated.SelectMany(set => set)).Max(text => text.Ids.Count);
        using var classifier = new Classifier(parameters, outputs, options.Seed, Math.Max(MicroBatchTokens, longest));
        Train(classifier, backend, training, options, progress, cancel);
        return [.. evaluated.Select(classifier.Predict)];
    }

    private static void Train(
        Classifier classifier, IBackend backend, IReadOnlyList<ClassifiedText> training, FineTuningOptions options,
        IProgress<(double Done, double Loss)>? progress, CancellationToken cancel)
    {
        using var moments = new AdamWState(classifier.Parameters, backend);
        var order = new SequenceOrder(training.Count, options.Seed);
        int steps = (int)Math.Ceiling((double)training.Count * options.Epochs / options.BatchTexts);
        var schedule = new LearningRateSchedule(ScheduleKind.Linear, options.LearningRate, (int)(options.WarmUp * steps)) { Floor = 0 };
        var adamW = new AdamWSettings(0.9, 0.999, 1e-8, options.WeightDecay);
        long position = 0, end = (long)training.Count * options.Epochs;
        for (int step = 1; step <= steps; step++)
        {
            cancel.ThrowIfCancellationRequested();
            var batch = new List<ClassifiedText>();
            for (; batch.Count < options.BatchTexts && position < end; position++) batch.Add(training[(int)order.At(position)]);
            classifier.ClearGradients();
            double loss = classifier.ForwardBackward(batch, 1.0 / batch.Count) / batch.Count;
            double norm = Math.Sqrt(classifier.Parameters.Sum(parameter => backend.SumOfSquares(parameter.Gradient)));
            if (!double.IsFinite(norm))
                throw new ModelException($"fine-tuning step {step}", $"the gradient norm is {norm}", "lower the learning rate");
            moments.Update(adamW, step, schedule.At(step, steps), Math.Min(1, options.ClipNorm / (norm + 1e-6)));
            progress?.Report(((double)step / steps, loss));
        }
    }
}
