using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Winnow.Kernels;
using Winnow.Models;

namespace Winnow.Pruning.Scoring;

/// <summary>What an attempt did, counted while it runs.</summary>
internal sealed class ScoringMeter
{
    private long forwardTicks, generateTicks, tokens, predicted;
    private double flops;
    private readonly Lock gate = new();

    public long Tokens => Interlocked.Read(ref tokens);

    public long Predicted => Interlocked.Read(ref predicted);

    public double Flops
    {
        get
        {
            lock (gate) return flops;
        }
    }

    public TimeSpan Forward => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref forwardTicks));

    public TimeSpan Generate => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref generateTicks));

    public void AddForward(long ticks, long batchTokens, long batchPredicted, double batchFlops)
    {
        Interlocked.Add(ref forwardTicks, ticks);
        Interlocked.Add(ref tokens, batchTokens);
        Interlocked.Add(ref predicted, batchPredicted);
        lock (gate) flops += batchFlops;
    }

    public void AddGenerate(long ticks, long stepTokens, double stepFlops)
    {
        Interlocked.Add(ref generateTicks, ticks);
        Interlocked.Add(ref tokens, stepTokens);
        lock (gate) flops += stepFlops;
    }
}

/// <summary>The rows of a shard that have to be scored.</summary>
/// <param name="Shard">Index of the file.</param>
/// <param name="After">The last row whose scores are durable; −1 for none.</param>
/// <param name="IsComplete">Whether the part is finished; then nothing is read.</param>
/// <param name="Documents">Documents of a finished part.</param>
/// <param name="Until">The row after the last that is wanted; the file may end before.</param>
internal readonly record struct ShardWork(int Shard, long After, bool IsComplete, long Documents, long Until = long.MaxValue);

/// <summary>What comes out of the pipeline, in order: a unit's row, or the end of a shard.</summary>
internal readonly record struct ScoringEvent(int Shard, ScoreRow? Row, long Documents);

/// <summary>
/// Reader → batches → workers → rows in order. One thread reads and tokenizes, one thread a worker computes, the caller takes the
/// rows; between them only bounded queues. A worker shares nothing with the others but the queue and the weights.
/// </summary>
/// <param name="plan">What is scored, and how.</param>
/// <param name="units">Reads them.</param>
/// <param name="models">The references, by index.</param>
/// <param name="workers">Each computes on its own.</param>
internal sealed class ScoringPipeline(ScoringPlan plan, UnitCursor units, IReadOnlyList<Decoder> models, IReadOnlyList<IBackend> workers) : IDisposable
{
    private readonly BlockingCollection<ScoringBatch> batches = new(2 * workers.Count);
    private readonly Channel<(ScoringUnit? Unit, ShardEnd End)> finished = Channel.CreateUnbounded<(ScoringUnit? Unit, ShardEnd End)>(new() { SingleReader = true });
    private readonly FlowGate gate = new(Math.Max(1L << 20, 32L * workers.Count * plan.BatchTokens), 1 << 15);
    private readonly ScoringBatch?[] open = new ScoringBatch?[plan.Groups];
    private long ordinal;
    private readonly (TimeSpan Tokenizing, long TextBytes, long WithSpecial) before = units.Tally;
    private volatile bool readToEnd;

    private readonly record struct ShardEnd(long Ordinal, int Shard, long Documents);

    /// <summary>What was done so far.</summary>
    public ScoringMeter Meter { get; } = new();

    /// <summary>Time the reader spent reading, without tokenizing and waiting.</summary>
    public TimeSpan Reading { get; private set; }

    /// <summary>Time the reader spent tokenizing.</summary>
    public TimeSpan Tokenizing => units.Tally.Tokenizing - before.Tokenizing;

    /// <summary>Bytes of text that were read.</summary>
    public long TextBytes => units.Tally.TextBytes - before.TextBytes;

    /// <summary>Documents whose text carried that of a special token.</summary>
    public long WithSpecial => units.Tally.WithSpecial - before.WithSpecial;

    /// <summary>Whether <see cref="TextBytes"/> is all there is.</summary>
    public bool ReadToEnd => readToEnd;

    /// <inheritdoc/>
    public void Dispose()
    {
        batches.Dispose();
        gate.Dispose();
    }

    /// <summary>
    /// Scores and hands out rows in order. When cancelled, the batches in hand are finished, the rows that follow on without a gap are
    /// handed out, and the sequence ends early.
    /// </summary>
    public async IAsyncEnumerable<ScoringEvent> RunAsync(
        IReadOnlyList<ShardWork> work, long limit, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task reader = Task.Run(() => ReadAsync(work, limit, stop), CancellationToken.None);
        Task[] computing = [.. workers.Select(worker => Task.Factory.StartNew(
            () => Compute(worker, stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        Task all = Task.WhenAll([reader, .. computing]).ContinueWith(_ => finished.Writer.Complete(), TaskScheduler.Default);
        try
        {
            await foreach (ScoringEvent due in InOrderAsync().ConfigureAwait(false)) yield return due;
            await Task.WhenAll([reader, .. computing]).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await all.ConfigureAwait(false);
        }
    }

    private async IAsyncEnumerable<ScoringEvent> InOrderAsync()
    {
        UnitScores scores = new(plan);
        Dictionary<long, (ScoringUnit? Unit, ShardEnd End)> early = [];
        long next = 0;
        await foreach ((ScoringUnit? Unit, ShardEnd End) item in finished.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
        {
            early.Add(item.Unit?.Ordinal ?? item.End.Ordinal, item);
            while (early.Remove(next, out (ScoringUnit? Unit, ShardEnd End) due))
            {
                next++;
                if (due.Unit is not { } unit)
                {
                    yield return new ScoringEvent(due.End.Shard, null, due.End.Documents);
                    continue;
                }

                gate.Leave(unit.Ids.Length);
                yield return new ScoringEvent(unit.Shard, scores.ToRow(unit), 0);
            }
        }
    }

    private async Task ReadAsync(IReadOnlyList<ShardWork> work, long limit, CancellationTokenSource stop)
    {
        try
        {
            long documents = 0;
            foreach (ShardWork shard in work)
            {
                if (shard.IsComplete)
                {
                    documents += shard.Documents;
                    continue;
                }

                long left = limit == long.MaxValue ? limit : Math.Max(0, limit - documents);
                await ReadShardAsync(shard, left, stop.Token).ConfigureAwait(false);
                documents += units.Documents;
                finished.Writer.TryWrite((null, new ShardEnd(ordinal++, shard.Shard, units.Documents)));
            }

            Seal(stop.Token);
            readToEnd = true;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // What is in hand is finished; the rest waits for the next attempt.
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
        finally
        {
            batches.CompleteAdding();
        }
    }

    private async Task ReadShardAsync(ShardWork shard, long limit, CancellationToken cancel)
    {
        IAsyncEnumerator<ScoringUnit> wanted = units.ReadAsync(shard.Shard, shard.After, shard.Until, limit, cancel).GetAsyncEnumerator(cancel);
        await using (wanted.ConfigureAwait(false))
        {
            while (true)
            {
                long begin = Stopwatch.GetTimestamp();
                TimeSpan tokenizing = Tokenizing;
                bool more = await wanted.MoveNextAsync().ConfigureAwait(false);
                Reading += Stopwatch.GetElapsedTime(begin) - (Tokenizing - tokenizing);
                if (!more) return;
                cancel.ThrowIfCancellationRequested();
                while (!gate.TryEnter(wanted.Current.Ids.Length))
                {
                    // The writer may be waiting for what lies in an open batch.
                    Seal(cancel);
                    await gate.WaitAsync(cancel).ConfigureAwait(false);
                }

                Place(wanted.Current, cancel);
            }
        }
    }

    private void Place(ScoringUnit unit, CancellationToken cancel)
    {
        unit.Ordinal = ordinal++;
        unit.Begin(plan.ModelsPerUnit);
        if (unit.IsDone)
        {
            Finish(unit);
            return;
        }

        if (unit.Windows.Length == 0) Add(unit, -1, plan.PromptTokens, cancel);
        for (int window = 0; window < unit.Windows.Length; window++) Add(unit, window, unit.Windows[window].Inputs, cancel);
    }

    private void Add(ScoringUnit unit, int window, int tokens, CancellationToken cancel)
    {
        ScoringBatch? batch = open[unit.Group];
        if (batch is not null && batch.Tokens + tokens > plan.BatchTokens)
        {
            open[unit.Group] = null;
            batches.Add(batch, cancel);
            batch = null;
        }

        open[unit.Group] = batch ??= new ScoringBatch(unit.Group);
        batch.Add(unit, window, tokens);
    }

    private void Seal(CancellationToken cancel)
    {
        for (int group = 0; group < open.Length; group++)
        {
            if (open[group] is not { } batch) continue;
            open[group] = null;
            batches.Add(batch, cancel);
        }
    }

    private void Finish(ScoringUnit unit) => finished.Writer.TryWrite((unit, default));

    private void Compute(IBackend worker, CancellationTokenSource stop)
    {
        try
        {
            using BatchScorer scorer = new(plan, models, worker, Finish);
            while (Next(scorer, stop.Token) is { } batch) Score(scorer, batch);
            while (scorer.Generating > 0 && !stop.IsCancellationRequested) Generate(scorer);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Between two batches: nothing is lost.
        }
        catch
        {
            stop.Cancel();
            throw;
        }
    }

    /// <summary>The next batch; while there is none, or enough units wait for their continuation, those are continued.</summary>
    private ScoringBatch? Next(BatchScorer scorer, CancellationToken cancel)
    {
        while (scorer.Generating > 0)
        {
            cancel.ThrowIfCancellationRequested();
            if (scorer.Generating < plan.GenerationSlots && batches.TryTake(out ScoringBatch? batch)) return batch;
            Generate(scorer);
        }

        cancel.ThrowIfCancellationRequested();
        return batches.TryTake(out ScoringBatch? next, Timeout.Infinite, cancel) ? next : null;
    }

    private void Score(BatchScorer scorer, ScoringBatch batch)
    {
        long begin = Stopwatch.GetTimestamp();
        scorer.Score(batch);
        long tokens = 0, predicted = 0;
        double flops = 0;
        foreach ((ScoringUnit unit, int index) in batch.Items)
        {
            if (index < 0) continue;
            ScoringWindow window = unit.Windows[index];
            tokens += window.Inputs;
            predicted += window.Predicted;
            for (int member = 0; member < plan.ModelsPerUnit; member++)
            {
                flops += window.Inputs * plan.Models[plan.ModelOf(batch.Group, member)].ForwardFlops(window.Inputs);
            }
        }

        Meter.AddForward(Stopwatch.GetTimestamp() - begin, tokens, predicted, flops);
    }

    private void Generate(BatchScorer scorer)
    {
        long begin = Stopwatch.GetTimestamp(), before = scorer.GeneratedTokens;
        scorer.Generate();
        long tokens = scorer.GeneratedTokens - before;
        Meter.AddGenerate(Stopwatch.GetTimestamp() - begin, tokens, tokens * plan.Models[0].ForwardFlops(plan.GenerationTokens));
    }
}
