using Winnow.Data;
using Winnow.Kernels;
using Winnow.Models;

namespace Winnow.Pruning.Scoring;

/// <summary>Scores a corpus with reference models and leaves a finished run, or one that the same call finishes.</summary>
public static class Scorer
{
    /// <summary>
    /// Scores what is not scored yet. The final files are the same, byte for byte, for any number of workers, any batch size and
    /// any interruptions.
    /// </summary>
    /// <param name="request">What, with which models, where to.</param>
    /// <param name="backend">Its workers score.</param>
    /// <param name="progress">Told a few times a second.</param>
    /// <param name="cancel">Finishes the batches in hand, makes their scores durable, and stops.</param>
    /// <exception cref="CorpusException">The input, the models or the output directory cannot be used.</exception>
    /// <exception cref="ModelException">A model cannot be used.</exception>
    /// <exception cref="OperationCanceledException">The run stopped on the way; the same call goes on with it.</exception>
    public static Task<ScoringResult> ScoreAsync(
        ScoringRequest request, IBackend backend, IProgress<ScoringProgress>? progress = null, CancellationToken cancel = default) =>
        throw new NotImplementedException();

    /// <summary>What <see cref="ScoreAsync"/> would take: reads the first documents, scores a few seconds' worth, writes nothing.</summary>
    public static Task<ScoringEstimate> EstimateAsync(ScoringRequest request, IBackend backend, CancellationToken cancel = default) =>
        throw new NotImplementedException();
}
