using Winnow.Models;

namespace Winnow.Pruning.Scoring;

/// <summary>
/// Greedy continuation of many units at once, with a KV cache; units enter and leave as they begin and finish. As long as a unit
/// follows the truth, the truth's next tokens are proposed as drafts and checked in the same pass; from its first other token on it
/// goes token by token. The tokens are those of plain greedy decoding, one unit and one token at a time.
/// </summary>
internal sealed class ContinuationPool : IDisposable
{
    private const int FirstDrafts = 2;
    private readonly ScoringPlan plan;
    private readonly DecoderPass pass;
    private readonly DecoderCache cache;
    private readonly Action<ScoringUnit> done;
    private readonly TokenBatch tokens;
    private readonly Queue<Continuation> waiting = new();
    private readonly List<Continuation> active;
    private readonly Stack<Continuation> spare = new();
    private readonly int[] feed;
    private readonly int[] targets;
    private readonly int[] rows;
    private readonly float[] losses;
    private readonly int[] greedy;

    /// <summary>A pool over a worker's pass; owns the cache, not the pass.</summary>
    public ContinuationPool(ScoringPlan plan, DecoderPass pass, DecoderCache cache, Action<ScoringUnit> done)
    {
        this.plan = plan;
        this.pass = pass;
        this.cache = cache;
        this.done = done;
        active = new List<Continuation>(cache.Slots);
        tokens = new TokenBatch(plan.BatchTokens);
        feed = new int[plan.GenerationTokens];
        targets = new int[plan.GenerationTokens];
        rows = new int[cache.Slots];
        losses = new float[plan.BatchTokens];
        greedy = new int[plan.BatchTokens];
    }

    /// <summary>Units in the pool.</summary>
    public int Pending => waiting.Count + active.Count;

    /// <summary>Tokens put through the model.</summary>
    public long Tokens { get; private set; }

    private int Length => plan.Options.Continuation;

    /// <summary>Lets a unit in of which nothing is known.</summary>
    public void Enter(ScoringUnit unit, int member) => waiting.Enqueue(Spare().Begin(unit, member, known: 0, matched: 0, last: -1, followsTruth: true));

    /// <summary>Lets a unit in that left the truth after <paramref name="matched"/> tokens with <paramref name="token"/>.</summary>
    public void Enter(ScoringUnit unit, int member, int matched, int token) =>
        waiting.Enqueue(Spare().Begin(unit, member, matched + 1, matched, token, followsTruth: false));

    /// <summary>One pass over the units in the pool.</summary>
    public void Step()
    {
        while (waiting.Count > 0 && cache.Free > 0)
        {
            Continuation next = waiting.Dequeue();
            next.Slot = cache.Rent();
            active.Add(next);
        }

        tokens.Clear();
        for (int i = 0; i < active.Count; i++) rows[i] = Feed(active[i]);
        Tokens += tokens.Tokens;
        pass.Score(tokens, losses, default, greedy, cache);
        int kept = 0;
        for (int i = 0; i < active.Count; i++)
        {
            Continuation continuation = active[i];
            if (rows[i] >= 0) Take(continuation, rows[i]);
            if (continuation.Known < Length) active[kept++] = continuation;
            else Leave(continuation);
        }

        active.RemoveRange(kept, active.Count - kept);
    }

    /// <inheritdoc/>
    public void Dispose() => cache.Dispose();

    /// <summary>Adds what a unit has to read next; its row of the first token whose successor is wanted, −1 when the batch is full.</summary>
    private int Feed(Continuation unit)
    {
        ReadOnlySpan<int> ids = unit.Unit.Ids;
        int from = cache.Length(unit.Slot);
        int count;
        if (unit.FollowsTruth)
        {
            unit.Drafts = Math.Min(unit.Drafts, Length - 1 - unit.Known);
            count = plan.PromptTokens + unit.Known + unit.Drafts - from;
            ids.Slice(from, count).CopyTo(feed);
        }
        else
        {
            // The cache holds nothing, or everything up to the last token.
            int read = from > 0 ? 0 : plan.PromptTokens + unit.Known - 1;
            ids[..read].CopyTo(feed);
            feed[read] = unit.Last;
            count = read + 1;
        }

        if (!tokens.Fits(count)) return -1;
        int wanted = unit.FollowsTruth ? unit.Drafts + 1 : 1;
        targets.AsSpan(0, count - wanted).Fill(-1);
        ids.Slice(plan.PromptTokens + unit.Known, wanted).CopyTo(targets.AsSpan(count - wanted));
        return tokens.AddContinuation(cache, unit.Slot, feed.AsSpan(0, count), targets.AsSpan(0, count)) + count - wanted;
    }

    private void Take(Continuation unit, int row)
    {
        ReadOnlySpan<int> truth = unit.Unit.Ids.AsSpan(plan.PromptTokens, Length);
        int proposed = unit.FollowsTruth ? unit.Drafts : 0;
        for (int i = 0; i <= proposed; i++)
        {
            int token = greedy[row + i];
            bool equal = token == truth[unit.Known];
            unit.Last = token;
            unit.Known++;
            if (equal) unit.Matched++;
            if (!unit.FollowsTruth) continue;
            if (equal)
            {
                unit.Unit.MatchedPrefix[unit.Member] = unit.Matched;
                continue;
            }

            unit.FollowsTruth = false;
            cache.Truncate(unit.Slot, plan.PromptTokens + unit.Known - 1);
            return;
        }

        unit.Drafts = unit.Drafts == 0 ? FirstDrafts : 2 * unit.Drafts;
    }

    private void Leave(Continuation continuation)
    {
        ScoringUnit unit = continuation.Unit;
        cache.Return(continuation.Slot);
        unit.Matches[continuation.Member] = continuation.Matched;
        spare.Push(continuation);
        if (unit.Complete()) done(unit);
    }

    private Continuation Spare() => spare.TryPop(out Continuation? free) ? free : new Continuation();

    private sealed class Continuation
    {
        public ScoringUnit Unit { get; private set; } = null!;

        /// <summary>The model's place among the unit's results.</summary>
        public int Member { get; private set; }

        public int Slot { get; set; }

        /// <summary>Greedy tokens known.</summary>
        public int Known { get; set; }

        /// <summary>How many of them equal the truth.</summary>
        public int Matched { get; set; }

        /// <summary>The last of them.</summary>
        public int Last { get; set; }

        /// <summary>Whether all of them equal the truth.</summary>
        public bool FollowsTruth { get; set; }

        /// <summary>Tokens of the truth proposed beyond those known.</summary>
        public int Drafts { get; set; }

        /// <summary>Takes another unit up.</summary>
        public Continuation Begin(ScoringUnit unit, int member, int known, int matched, int last, bool followsTruth)
        {
            (Unit, Member, Known, Matched, Last, FollowsTruth, Drafts) = (unit, member, known, matched, last, followsTruth, 0);
            return this;
        }
    }
}
