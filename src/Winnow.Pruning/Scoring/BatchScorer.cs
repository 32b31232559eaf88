using Winnow.Kernels;
using Winnow.Models;

namespace Winnow.Pruning.Scoring;

/// <summary>
/// One worker: puts batches through the models and adds what comes out to the units. After the first batch it allocates nothing.
/// Nothing of it is shared with other workers but the models' weights.
/// </summary>
internal sealed class BatchScorer : IDisposable
{
    private readonly ScoringPlan plan;
    private readonly DecoderPass[] passes;
    private readonly ContinuationPool[] pools;
    private readonly TokenBatch tokens;
    private readonly int[] targets;
    private readonly int[] rows;
    private readonly float[] losses;
    private readonly float[] errors;
    private readonly int[] greedy;
    private readonly Action<ScoringUnit> done;

    /// <summary>Memory for one worker.</summary>
    /// <param name="plan">What is computed.</param>
    /// <param name="models">The models, weights shared.</param>
    /// <param name="worker">Computes.</param>
    /// <param name="done">Told of each unit whose last window or continuation this worker computed.</param>
    public BatchScorer(ScoringPlan plan, IReadOnlyList<Decoder> models, IBackend worker, Action<ScoringUnit> done)
    {
        this.plan = plan;
        this.done = done;
        int capacity = plan.BatchTokens;
        passes = [.. models.Select(model => new DecoderPass(model, worker, capacity, Math.Min(Math.Max(plan.Context, 2), model.Config.MaxLength)))];
        pools = plan.Memorizes
            ? [.. models.Select((model, i) => new ContinuationPool(plan, passes[i], new DecoderCache(model, worker, plan.GenerationSlots, plan.GenerationTokens), done))]
            : [];
        tokens = new TokenBatch(capacity);
        targets = new int[capacity];
        rows = new int[capacity];
        losses = new float[capacity];
        errors = new float[capacity];
        greedy = new int[capacity];
    }

    /// <summary>Units that are being continued or wait for it.</summary>
    public int Generating
    {
        get
        {
            int sum = 0;
            foreach (ContinuationPool pool in pools) sum += pool.Pending;
            return sum;
        }
    }

    /// <summary>Tokens that the continuations put through the models.</summary>
    public long GeneratedTokens
    {
        get
        {
            long sum = 0;
            foreach (ContinuationPool pool in pools) sum += pool.Tokens;
            return sum;
        }
    }

    /// <summary>Puts a batch through its models.</summary>
    public void Score(ScoringBatch batch)
    {
        for (int member = 0; member < plan.ModelsPerUnit; member++)
        {
            int model = plan.ModelOf(batch.Group, member);
            Load(batch);
            if (tokens.Tokens > 0) passes[model].Score(tokens, losses, errors, plan.Memorizes ? greedy : default);
            for (int i = 0; i < batch.Items.Count; i++) Collect(batch.Items[i], rows[i], member, model);
        }
    }

    /// <summary>One more step for the units that are being continued.</summary>
    public void Generate()
    {
        foreach (ContinuationPool pool in pools)
        {
            if (pool.Pending > 0) pool.Step();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ContinuationPool pool in pools) pool.Dispose();
        foreach (DecoderPass pass in passes) pass.Dispose();
    }

    private void Load(ScoringBatch batch)
    {
        tokens.Clear();
        for (int i = 0; i < batch.Items.Count; i++)
        {
            (ScoringUnit unit, int index) = batch.Items[i];
            if (index < 0) continue;
            ScoringWindow window = unit.Windows[index];
            for (int position = window.Start; position < window.End - 1; position++)
            {
                targets[position - window.Start] = position + 1 >= window.FirstPredicted ? unit.Ids[position + 1] : -1;
            }

            rows[i] = tokens.AddSequence(unit.Ids.AsSpan(window.Start, window.Inputs), targets.AsSpan(0, window.Inputs));
        }
    }

    private void Collect(ScoringItem item, int row, int member, int model)
    {
        ScoringUnit unit = item.Unit;
        if (item.Window < 0)
        {
            pools[model].Enter(unit, member);
            return;
        }

        ScoringWindow window = unit.Windows[item.Window];
        double nll = 0, error = 0;
        int last = row + window.Inputs;
        for (int i = row + window.FirstPredicted - window.Start - 1; i < last; i++)
        {
            nll += losses[i];
            error += errors[i];
        }

        int at = (member * unit.Windows.Length) + item.Window;
        unit.Nll[at] = nll;
        unit.El2n[at] = error;
        if (item.Window == 0 && unit.Memorizable) CompareGreedy(unit, row, member, model);
        if (unit.Complete()) done(unit);
    }

    /// <summary>The greedy token at every place, as long as the truth was followed, is in the pass already; what leaves it goes on in the pool.</summary>
    private void CompareGreedy(ScoringUnit unit, int row, int member, int model)
    {
        int length = plan.Options.Continuation;
        int first = row + plan.PromptTokens - 1;
        int matched = 0;
        while (matched < length && greedy[first + matched] == unit.Ids[plan.PromptTokens + matched]) matched++;
        unit.MatchedPrefix[member] = unit.Matches[member] = matched;
        if (matched < length - 1) pools[model].Enter(unit, member, matched, greedy[first + matched]);
        else if (unit.Complete()) done(unit);
    }
}
