using System.Diagnostics;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Pruning.Duplicates;

namespace Winnow.Pruning.Scoring;

/// <summary>Scores a corpus with reference models and leaves a finished run, or one that the same call finishes.</summary>
public static class Scorer
{
    private static readonly TimeSpan Sample = TimeSpan.FromSeconds(5);

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
        ScoreAsync(request, backend, progress, null, cancel);

    /// <summary>The same, with a hook that tests use to stop the run at any write.</summary>
    internal static async Task<ScoringResult> ScoreAsync(
        ScoringRequest request, IBackend backend, IProgress<ScoringProgress>? progress, Action<string>? faults, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(backend);
        long began = Stopwatch.GetTimestamp();
        using ScoringSetup setup = ScoringSetup.Open(request);
        RunManifest manifest = await RunIdentity
            .MakeAsync(request, setup.Plan, setup.Corpus, setup.Models, backend, progress, cancel).ConfigureAwait(false);
        TimeSpan hashing = Stopwatch.GetElapsedTime(began);
        using RunDirectory run = RunDirectory.Open(request.Output, manifest, request.Runtime.Restart, request.Runtime.Force);
        run.Faults = faults;
        if (run.Manifest.State == RunState.Complete) return new ScoringResult(request.Output, run.Manifest, WasComplete: true);
        ScoringWork.RefuseWorkers(request.Output);

        Attempt attempt = new(request, setup, run, backend, progress, began);
        attempt.Spend("hash", hashing);
        await attempt.RunAsync(cancel).ConfigureAwait(false);
        return new ScoringResult(request.Output, run.Manifest, WasComplete: false);
    }

    /// <summary>What <see cref="ScoreAsync(ScoringRequest, IBackend, IProgress{ScoringProgress}?, CancellationToken)"/> would take: reads
    /// the first documents, scores a few seconds' worth of them, writes nothing.</summary>
    public static async Task<ScoringEstimate> EstimateAsync(ScoringRequest request, IBackend backend, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(backend);
        using ScoringSetup setup = ScoringSetup.Open(request);
        using LoadedModels models = setup.Load(backend);
        using UnitCursor units = new(setup.Plan, setup.Corpus, request.Output);
        using ScoringPipeline pipeline = new(setup.Plan, units, models.Decoders, backend.Workers);
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        ShardWork[] work = [.. setup.Corpus.Shards.Select(shard => new ShardWork(shard.Index, -1, false, 0))];
        long began = Stopwatch.GetTimestamp();
        long documents = 0, bytes = 0, tokens = 0;
        await foreach (ScoringEvent due in pipeline.RunAsync(work, request.Corpus.Limit ?? long.MaxValue, enough.Token).ConfigureAwait(false))
        {
            if (due.Row is not { } row) continue;
            documents++;
            bytes += row.Bytes;
            tokens += row.Tokens;

            // At least one document, however slow the model is or busy the machine.
            if (Stopwatch.GetElapsedTime(began) > Sample) enough.Cancel();
        }

        cancel.ThrowIfCancellationRequested();
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double all = pipeline.ReadToEnd ? pipeline.TextBytes : Math.Max(CorpusSize.TextBytes(setup.Corpus.Shards), pipeline.TextBytes);
        double scale = bytes == 0 ? 0 : all / bytes;
        double rate = pipeline.Meter.Tokens / seconds;
        return new ScoringEstimate(
            setup.Corpus.Shards.Count, setup.Corpus.Shards.Sum(shard => Math.Max(0, shard.Bytes)), (long)(documents * scale), (long)(tokens * scale),
            pipeline.Meter.Flops * scale, rate, rate == 0 ? 0 : tokens * scale / rate, (long)(documents * scale * 60));
    }

    /// <summary>Finds the copies that are to be left out, once; with a reader of its own: what it skips as unreadable is counted when it is scored.</summary>
    internal static async Task<bool> FindDuplicatesAsync(
        ScoringRequest request, ScoringSetup setup, RunDirectory run, IBackend backend, IProgress<ScoringProgress>? progress, CancellationToken cancel)
    {
        if (request.Options.Dedup != Dedup.Exact || run.Manifest.Duplicates is not null) return false;
        CorpusReader corpus = setup.Reopen();
        double all = Math.Max(1, corpus.Bytes);
        DuplicateCount found = await DuplicateFinder.FindAsync(
            corpus, request.Corpus.Limit, run.Path, backend.Workers.Count,
            documents => progress?.Report(new ScoringProgress("dedup", documents, 0, 0, Math.Min(1, corpus.BytesRead / all), null)), run.Faults, cancel).ConfigureAwait(false);
        run.Write(run.Manifest with { Duplicates = found });
        return true;
    }

    /// <summary>One start of the command: from what is durable to the end, or to where it is stopped.</summary>
    private sealed class Attempt(
        ScoringRequest request, ScoringSetup setup, RunDirectory run, IBackend backend, IProgress<ScoringProgress>? progress, long began)
    {
        private readonly Dictionary<string, double> seconds = [];
        private readonly CostLedger before = run.Manifest.Cost;

        public void Spend(string phase, TimeSpan time) => seconds[phase] = seconds.GetValueOrDefault(phase) + time.TotalSeconds;

        public async Task RunAsync(CancellationToken cancel)
        {
            long begin = Stopwatch.GetTimestamp();
            if (await FindDuplicatesAsync(request, setup, run, backend, progress, cancel).ConfigureAwait(false)) Spend("dedup", Stopwatch.GetElapsedTime(begin));
            ShardWork[] work = [.. setup.Corpus.Shards.Select(shard => Durable(shard))];
            long earlier = work.Where(shard => shard.IsComplete).Sum(shard => PartCompletion.Read(run.CompletionPath(shard.Shard))!.Rows);
            if (!work.All(shard => shard.IsComplete)) await ScoreAsync(work, earlier, cancel).ConfigureAwait(false);
            if (!setup.Corpus.Shards.All(shard => Durable(shard).IsComplete)) cancel.ThrowIfCancellationRequested();
            RunManifest complete = RunCompletion.Of(run.Path, run.Manifest, request.Runtime.Clock);
            RunDirectory.RemoveProgress(run.Path);
            run.Write(complete);
        }

        private async Task ScoreAsync(ShardWork[] work, long earlier, CancellationToken cancel)
        {
            progress?.Report(new ScoringProgress("load", earlier, 0, 0, null, null));
            long loading = Stopwatch.GetTimestamp();
            using LoadedModels models = setup.Load(backend);
            Spend("load", Stopwatch.GetElapsedTime(loading));
            CorpusReader corpus = setup.CorpusFor(AllowedBadRecords());
            using UnitCursor units = new(setup.Plan, corpus, run.Path);
            using ScoringPipeline pipeline = new(setup.Plan, units, models.Decoders, backend.Workers);
            using ScoreWriter writer = new(run, setup.Plan, corpus);
            using ScoringPresence? presence = request.Runtime.Visible ? new(run.Path, work, pipeline, request.Runtime.Clock, cancel) : null;
            cancel = presence?.Cancelled ?? cancel;
            ScoringClock clock = new(pipeline, work, corpus.Shards, earlier, progress);
            try
            {
                await foreach (ScoringEvent due in pipeline.RunAsync(work, request.Corpus.Limit ?? long.MaxValue, cancel).ConfigureAwait(false))
                {
                    presence?.Tell(due);
                    if (due.Row is { } row)
                    {
                        writer.Add(row);
                        clock.Tick(row);
                        continue;
                    }

                    await writer.FinishAsync(due.Shard, due.Documents, CancellationToken.None).ConfigureAwait(false);
                    clock.Finish(due.Shard);
                    presence?.Complete(due.Shard);
                    run.Write(run.Manifest with { Cost = Cost(pipeline, writer) });
                }

                cancel.ThrowIfCancellationRequested();
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                presence?.Fail(error);
                throw;
            }
            finally
            {
                writer.Flush();
                run.Write(run.Manifest with { Cost = Cost(pipeline, writer) });
                RunCompletion.WriteBadRecords(run.Path, run.Manifest, corpus);
            }
        }

        private ShardWork Durable(CorpusShard shard)
        {
            PartCompletion? done = PartCompletion.Read(run.CompletionPath(shard.Index));
            if (done is not null && File.Exists(ScoreTable.PartPath(run.Path, shard.Index)))
            {
                return new ShardWork(shard.Index, -1, IsComplete: true, done.Documents);
            }

            string path = run.JournalPath(shard.Index);
            if (!File.Exists(path)) return new ShardWork(shard.Index, -1, IsComplete: false, 0);
            using ScoreJournal journal = ScoreJournal.Open(path, setup.Plan.Schema.Metrics.Count, fields: setup.Plan.Fields.Count);
            if (journal.Rows > 0 && RunIdentity.IsStandardInput(shard))
            {
                throw new CorpusException(run.Path, "a run over standard input cannot go on: what was read is gone", "start over with `--restart`");
            }

            return new ShardWork(shard.Index, journal.LastRow, IsComplete: false, 0);
        }

        private long AllowedBadRecords()
        {
            long found = setup.Corpus.Shards.Sum(shard => PartCompletion.Read(run.CompletionPath(shard.Index))?.BadRecords.Count ?? 0);
            return Math.Max(0, request.Corpus.MaxBadRecords - found);
        }

        private CostLedger Cost(ScoringPipeline pipeline, ScoreWriter writer) => before.Plus(new CostLedger
        {
            Attempts = 1,
            Units = writer.Durable,
            DocumentsWithSpecial = pipeline.WithSpecial,
            Tokens = pipeline.Meter.Tokens,
            PredictedTokens = pipeline.Meter.Predicted,
            Flops = pipeline.Meter.Flops,
            WallSeconds = Stopwatch.GetElapsedTime(began).TotalSeconds,
            PeakGflops = request.Runtime.PeakGflops,
            Seconds = new Dictionary<string, double>(seconds)
            {
                ["read"] = pipeline.Reading.TotalSeconds,
                ["tokenize"] = pipeline.Tokenizing.TotalSeconds,
                ["forward"] = pipeline.Meter.Forward.TotalSeconds,
                ["generate"] = pipeline.Meter.Generate.TotalSeconds,
                ["write"] = writer.Writing.TotalSeconds,
            },
        });
    }
}
