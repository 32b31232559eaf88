using System.Diagnostics;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Scoring;

/// <summary>Makes rows durable as they come, and a shard's part out of them when it is complete.</summary>
internal sealed class ScoreWriter(RunDirectory run, ScoringPlan plan, CorpusReader corpus) : IDisposable
{
    private readonly ScoreSchema schema = plan.Schema;
    private readonly List<ScoreRow> block = [];
    private ScoreJournal? journal;
    private int shard = -1;
    private long blockBegan = Stopwatch.GetTimestamp();

    /// <summary>Time spent writing.</summary>
    public TimeSpan Writing { get; private set; }

    /// <summary>Rows made durable.</summary>
    public long Durable { get; private set; }

    /// <summary>Takes the next row.</summary>
    public void Add(ScoreRow row)
    {
        Open(row.Shard);
        block.Add(row);
        ScoringRuntime runtime = plan.Runtime;
        if (block.Count >= runtime.BlockRows || Stopwatch.GetElapsedTime(blockBegan) >= runtime.BlockInterval) Flush();
    }

    /// <summary>Makes the rows in memory durable.</summary>
    public void Flush()
    {
        long begin = Stopwatch.GetTimestamp();
        journal?.Append(block);
        Durable += block.Count;
        block.Clear();
        blockBegan = Stopwatch.GetTimestamp();
        Writing += Stopwatch.GetElapsedTime(begin, blockBegan);
    }

    /// <summary>Writes the part of a shard whose last row was taken.</summary>
    public async Task FinishAsync(int finished, long documents, CancellationToken cancel)
    {
        Open(finished);
        Flush();
        long begin = Stopwatch.GetTimestamp();
        Dictionary<string, long> statuses = [];
        long rows = 0;
        string path = ScoreTable.PartPath(run.Path, finished);
        AtomicFile.Write(path, stream =>
        {
            using ScorePartWriter writer = new(stream, schema);
            foreach (ScoreRow row in journal!.ReadRows())
            {
                writer.Add(row);
                rows++;
                statuses[row.Status] = statuses.GetValueOrDefault(row.Status) + 1;
            }

            writer.Finish();
        }, run.Faults);
        // A resumed attempt passes over the documents that an earlier one scored: what it read is not all there is.
        if (plan.Options.Unit == UnitKind.Document) documents = rows - statuses.GetValueOrDefault(ScoreStatus.Invalid);
        BadRecord[] bad = [.. corpus.BadRecords.Where(record => record.Shard == finished)];
        string hash = await ContentHash.OfFileAsync(path, cancel).ConfigureAwait(false);
        new PartCompletion(finished, rows, documents, hash, statuses, bad).Write(run.CompletionPath(finished), run.Faults);
        journal!.Dispose();
        journal = null;
        shard = -1;
        File.Delete(run.JournalPath(finished));
        Writing += Stopwatch.GetElapsedTime(begin);
    }

    /// <inheritdoc/>
    public void Dispose() => journal?.Dispose();

    private void Open(int wanted)
    {
        if (shard == wanted) return;
        Debug.Assert(journal is null, "a shard ends before the next begins");
        journal = ScoreJournal.Open(run.JournalPath(wanted), schema.Metrics.Count, run.Faults);
        shard = wanted;
    }
}
