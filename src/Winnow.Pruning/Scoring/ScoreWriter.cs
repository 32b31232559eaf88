using System.Diagnostics;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Scoring;

/// <summary>Rows on their way into a journal: few enough, and for short enough a time, that a kill costs a second of work.</summary>
internal sealed class RowBlocks(ScoringRuntime runtime)
{
    private readonly List<ScoreRow> block = [];
    private long began = Stopwatch.GetTimestamp();

    /// <summary>Where they go; changed only when nothing is on its way.</summary>
    public ScoreJournal? Journal { get; set; }

    /// <summary>Time spent writing.</summary>
    public TimeSpan Writing { get; private set; }

    /// <summary>Rows made durable.</summary>
    public long Durable { get; private set; }

    /// <summary>Takes the next row.</summary>
    public void Add(ScoreRow row)
    {
        block.Add(row);
        if (block.Count >= runtime.BlockRows || Stopwatch.GetElapsedTime(began) >= runtime.BlockInterval) Flush();
    }

    /// <summary>Makes the rows in memory durable.</summary>
    public void Flush()
    {
        long begin = Stopwatch.GetTimestamp();
        Journal?.Append(block);
        Durable += block.Count;
        block.Clear();
        began = Stopwatch.GetTimestamp();
        Writing += Stopwatch.GetElapsedTime(begin, began);
    }
}

/// <summary>Makes rows durable as they come, and a shard's part out of them when it is complete.</summary>
internal sealed class ScoreWriter(RunDirectory run, ScoringPlan plan, CorpusReader corpus) : IDisposable
{
    private readonly RowBlocks blocks = new(plan.Runtime);
    private TimeSpan finishing;
    private int shard = -1;

    /// <summary>Time spent writing.</summary>
    public TimeSpan Writing => blocks.Writing + finishing;

    /// <summary>Rows made durable.</summary>
    public long Durable => blocks.Durable;

    /// <summary>Takes the next row.</summary>
    public void Add(ScoreRow row)
    {
        Open(row.Shard);
        blocks.Add(row);
    }

    /// <summary>Makes the rows in memory durable.</summary>
    public void Flush() => blocks.Flush();

    /// <summary>Writes the part of a shard whose last row was taken.</summary>
    public async Task FinishAsync(int finished, long documents, CancellationToken cancel)
    {
        Open(finished);
        Flush();
        long begin = Stopwatch.GetTimestamp();
        BadRecord[] bad = [.. corpus.BadRecords.Where(record => record.Shard == finished)];
        await new ScoredPart(run.Path, finished, plan.Schema, plan.Options.Unit)
            .WriteAsync(blocks.Journal!.ReadRows(), blocks.Journal.Rows, documents, bad, AtomicFile.Suffix, run.Faults, cancel).ConfigureAwait(false);
        blocks.Journal!.Dispose();
        blocks.Journal = null;
        shard = -1;
        File.Delete(run.JournalPath(finished));
        finishing += Stopwatch.GetElapsedTime(begin);
    }

    /// <inheritdoc/>
    public void Dispose() => blocks.Journal?.Dispose();

    private void Open(int wanted)
    {
        if (shard == wanted) return;
        Debug.Assert(blocks.Journal is null, "a shard ends before the next begins");
        blocks.Journal = ScoreJournal.Open(run.JournalPath(wanted), plan.Schema.Metrics.Count, run.Faults, plan.Fields.Count);
        shard = wanted;
    }
}
