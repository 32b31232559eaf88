using System.Text.Json;
using Winnow.Data;
using Winnow.Work;

namespace Winnow.Pruning.Scoring;

/// <summary>Shows a scoring that one process does by itself as the stage <c>score</c>, a file an item.</summary>
internal sealed class ScoringPresence(string run, IReadOnlyList<ShardWork> work, ScoringPipeline pipeline, TimeProvider clock, CancellationToken cancel)
    : IDisposable
{
    private readonly WorkPresence presence = new(
        run, new WorkDescription(ScoringWork.Score, Environment.CurrentDirectory, JsonSerializer.SerializeToElement("in one process"), [.. work.Select(shard => new WorkItem(shard.Shard))]),
        work.Where(shard => shard.IsComplete).Select(shard => shard.Shard), clock, cancel);

    private int shard = -1;
    private long units, tokens;

    /// <summary>Cancelled with the run.</summary>
    public CancellationToken Cancelled => presence.Cancelled;

    /// <summary>Takes note of what comes out of the pipeline.</summary>
    public void Tell(ScoringEvent due)
    {
        if (due.Shard != shard) Begin(due.Shard);
        if (due.Row is null) return;
        units++;
        presence.Report(units, pipeline.Meter.Tokens - tokens, 0);
    }

    /// <summary>A part is in place.</summary>
    public void Complete(int finished)
    {
        presence.Complete(finished, new WorkOutcome(units, pipeline.Meter.Tokens - tokens));
        (shard, units, tokens) = (-1, 0, pipeline.Meter.Tokens);
    }

    /// <summary>The file in hand, or the next one, cannot be scored.</summary>
    public void Fail(Exception error)
    {
        int failed = shard >= 0 ? shard : work.Where(one => !one.IsComplete).Select(one => one.Shard).FirstOrDefault();
        presence.Fail(failed, error, (error as CorpusException)?.Hint);
    }

    /// <inheritdoc/>
    public void Dispose() => presence.Dispose();

    private void Begin(int next)
    {
        shard = next;
        presence.Begin(next);
    }
}
