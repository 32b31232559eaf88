using Winnow.Kernels;
using Winnow.Models;

namespace Winnow.Pruning.Scoring;

/// <summary>
/// Memorization of units that are given as ids, on one worker, with what scoring uses: many units side by side, units entering as
/// others leave. For measurements; <see cref="Scorer"/> scores corpora.
/// </summary>
public sealed class GreedyMatcher : IDisposable
{
    private readonly DecoderPass pass;
    private readonly ContinuationPool pool;
    private readonly int length;

    /// <summary>Memory for one worker.</summary>
    /// <param name="decoder">The model.</param>
    /// <param name="worker">Computes.</param>
    /// <param name="prompt">Tokens that are given.</param>
    /// <param name="continuation">Tokens that are generated and compared.</param>
    public GreedyMatcher(Decoder decoder, IBackend worker, int prompt, int continuation)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        length = prompt + continuation;
        ScoringPlan plan = ScoringPlan.ForIds(new ScoringOptions { Metrics = Metrics.Memorization, Prompt = prompt, Continuation = continuation, Context = length }, decoder.Config);
        pass = new DecoderPass(decoder, worker, plan.BatchTokens, length);
        UnitsAtOnce = plan.GenerationSlots;
        pool = new ContinuationPool(plan, pass, new DecoderCache(decoder, worker, UnitsAtOnce, length), _ => { });
    }

    /// <summary>Units that are continued side by side.</summary>
    public int UnitsAtOnce { get; }

    /// <summary>How many of each unit's continuation tokens greedy decoding gives.</summary>
    /// <param name="units">Each prompt + continuation ids.</param>
    /// <param name="cancel">Stops between passes.</param>
    public int[] Match(IReadOnlyList<int[]> units, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(units);
        ScoringUnit[] scored = [.. units.Select((ids, i) => Unit(ids, i))];
        foreach (ScoringUnit unit in scored) pool.Enter(unit, 0);
        while (pool.Pending > 0)
        {
            cancel.ThrowIfCancellationRequested();
            pool.Step();
        }

        return [.. scored.Select(unit => unit.Matches[0])];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        pool.Dispose();
        pass.Dispose();
    }

    private ScoringUnit Unit(int[] ids, int row)
    {
        if (ids.Length != length) throw new ArgumentException($"unit {row} has {ids.Length} ids instead of {length}", nameof(ids));
        ScoringUnit unit = new() { Shard = 0, Row = row, Id = "", Source = "", Bytes = 0, Status = ScoreStatus.Ok, Ids = ids, Memorizable = true };
        unit.Begin(1);
        return unit;
    }
}
