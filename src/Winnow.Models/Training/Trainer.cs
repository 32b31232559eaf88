using System.Globalization;
using Winnow.Kernels;

namespace Winnow.Models.Training;

/// <summary>
/// Trains a decoder with AdamW: gradients accumulated over micro-batches up to any batch, clipped, a scheduled learning rate,
/// checkpoints, and a resumption that gives the same bits as a training that was never interrupted.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TrainingRequest _request;
    private readonly TrainingOptions _options;
    private readonly ITokenSource _data;
    private readonly DecoderParameters _parameters;
    private readonly AdamWState _moments;
    private readonly TrainingPass _pass;
    private readonly TokenBatch _batch;
    private readonly SequenceOrder _order;
    private readonly int[] _ids;
    private readonly int _microSequences;

    private Trainer(TrainingRequest request, ITokenSource data, DecoderParameters parameters, AdamWState moments, int microSequences)
    {
        (_request, _options, _data, _parameters, _moments) = (request, request.Options, data, parameters, moments);
        _microSequences = microSequences;
        _pass = new TrainingPass(parameters, microSequences * data.Context);
        _batch = new TokenBatch(microSequences * data.Context);
        _order = new SequenceOrder(data.Sequences, _options.Seed);
        _ids = new int[data.Context + 1];
    }

    /// <summary>Trains to the end, or to a checkpoint that the same call with <see cref="TrainingRequest.Resume"/> goes on from.</summary>
    /// <param name="request">What, how and where to.</param>
    /// <param name="backend">Computes and owns the parameters.</param>
    /// <param name="data">What is learned.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancel">Ends the step in hand, writes a checkpoint, and throws.</param>
    /// <exception cref="ModelException">The options, the data or the output directory cannot be used, or the loss is not finite.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what was learned is in the last checkpoint.</exception>
    public static TrainingResult Train(
        TrainingRequest request, IBackend backend, ITokenSource data, IProgress<TrainingProgress>? progress = null, CancellationToken cancel = default)
    {
        request.Options.Validate(data);
        using TrainingDirectory directory = TrainingDirectory.Open(request, data);
        if (directory.Complete is { } last) return new TrainingResult(request.Output, last, WasComplete: true);
        TrainingState? state = directory.FindResumable();
        directory.CutLog(state?.Step ?? 0);
        using DecoderParameters parameters = state is null ? request.Initialize() : DecoderParameters.Load(directory.CheckpointPath(state.Step), backend);
        CheckLength(parameters.Config, data);
        using AdamWState moments = new(parameters.All, backend);
        if (state is not null) moments.Load(directory.CheckpointPath(state.Step));
        int micro = state?.MicroSequences ?? MicroSequences(request, parameters.Config, data);
        using Trainer trainer = new(request, data, parameters, moments, micro);
        return new TrainingResult(request.Output, trainer.Run(directory, state, progress, cancel), WasComplete: false);
    }

    /// <inheritdoc/>
    public void Dispose() => _pass.Dispose();

    /// <summary>Adds one batch's gradients and says what its mean loss is.</summary>
    /// <param name="step">1 for the first.</param>
    internal double Accumulate(int step)
    {
        double counted = (double)_options.BatchSequences * _data.Context;
        double loss = 0;
        long first = (step - 1L) * _options.BatchSequences;
        _parameters.ClearGradients();
        for (int done = 0; done < _options.BatchSequences;)
        {
            _batch.Clear();
            int count = Math.Min(_microSequences, _options.BatchSequences - done);
            for (int i = 0; i < count; i++, done++)
            {
                _data.Read(_order.At(first + done), _ids);
                _batch.AddText(_ids);
            }

            loss += _pass.ForwardBackward(_batch, 1 / counted);
        }

        return loss / counted;
    }

    private static void CheckLength(DecoderConfig config, ITokenSource data)
    {
        if (data.Context <= config.MaxLength) return;
        throw new ModelException(
            "training", $"sequences of {data.Context} tokens, the model allows {config.MaxLength}", "use a shorter context or a model with more positions");
    }

    /// <summary>Enough tokens at once to keep the matrix products busy, in at most about 768 MB of activations.</summary>
    private static int MicroSequences(TrainingRequest request, DecoderConfig config, ITokenSource data)
    {
        const long MostBytes = 768L << 20;
        const int MostTokens = 4096;
        long bytesPerToken = 4L * ((config.Layers * ((8L * config.Width) + config.QueryKeyValueWidth + config.ExpandedWidth + config.HiddenWidth)) + (8L * config.Width));
        long tokens = request.MicroBatchTokens > 0 ? request.MicroBatchTokens : Math.Min(MostTokens, MostBytes / bytesPerToken);
        return (int)Math.Clamp(tokens / data.Context, 1, request.Options.BatchSequences);
    }

    private TrainingStep Run(TrainingDirectory directory, TrainingState? state, IProgress<TrainingProgress>? progress, CancellationToken cancel)
    {
        HashSet<int> kept = [.. _options.CheckpointSteps];
        TimeProvider clock = _request.Clock;
        long began = clock.GetTimestamp(), saved = began, stepBegan = began;
        double before = state?.Seconds ?? 0;
        TrainingStep? last = null;
        for (int step = (state?.Step ?? 0) + 1; step <= _options.Steps; step++)
        {
            last = Step(step, directory, stepBegan, before + clock.GetElapsedTime(began).TotalSeconds);
            stepBegan = clock.GetTimestamp();
            directory.Log(last);
            double perSecond = (step - (state?.Step ?? 0)) / Math.Max(1e-9, clock.GetElapsedTime(began).TotalSeconds);
            progress?.Report(new TrainingProgress(
                last, _options.Steps, perSecond * _options.BatchSequences * _data.Context, TimeSpan.FromSeconds((_options.Steps - step) / perSecond)));
            if (step == _options.Steps) break;
            bool due = clock.GetElapsedTime(saved) >= _request.SaveInterval || cancel.IsCancellationRequested;
            if (due || kept.Contains(step))
            {
                directory.Save(_parameters, _moments, State(step, last.Seconds), keep: kept.Contains(step));
                saved = clock.GetTimestamp();
            }

            cancel.ThrowIfCancellationRequested();
        }

        last ??= directory.LastLogged() ?? throw new ModelException(_request.Output, "the log of the last step is missing", "train again with `--force`");
        directory.Finish(_parameters, _moments, State(_options.Steps, last.Seconds), keep: kept.Contains(_options.Steps), last);
        return last;
    }

    private TrainingState State(int step, double seconds) => new(step, seconds, _microSequences);

    private TrainingStep Step(int step, TrainingDirectory directory, long began, double seconds)
    {
        double loss = Accumulate(step);
        double norm = Math.Sqrt(_parameters.All.Sum(parameter => _parameters.Backend.SumOfSquares(parameter.Gradient)));
        if (!double.IsFinite(loss) || !double.IsFinite(norm)) throw Diverged(step, loss, norm, directory);
        double rate = _options.Schedule.At(step, _options.Steps);
        double scale = _options.ClipNorm > 0 ? Math.Min(1, _options.ClipNorm / (norm + 1e-6)) : 1;
        _moments.Update(new AdamWSettings(_options.Beta1, _options.Beta2, _options.Epsilon, _options.WeightDecay), step, rate, scale);
        long tokens = (long)step * _options.BatchSequences * _data.Context;
        double elapsed = Math.Max(1e-9, _request.Clock.GetElapsedTime(began).TotalSeconds);
        return new TrainingStep(step, tokens, loss, rate, norm, _options.BatchSequences * _data.Context / elapsed, seconds);
    }

    private static ModelException Diverged(int step, double loss, double norm, TrainingDirectory directory)
    {
        string good = directory.FindResumable() is { } state
            ? $"the last good checkpoint is `{directory.CheckpointPath(state.Step)}`"
            : "there is no checkpoint yet";
        return new ModelException(
            string.Create(CultureInfo.InvariantCulture, $"step {step}"),
            string.Create(CultureInfo.InvariantCulture, $"the loss is {loss} and the gradient norm {norm}; {good}"),
            "lower the learning rate, warm up for longer, or clip harder");
    }
}
