using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>
/// Token sequences packed side by side into one forward pass, attention kept inside each. Host memory, reusable: <see cref="Clear"/>
/// and adding again allocates nothing up to the capacity. Which sequences share a batch changes no bit of any result.
/// </summary>
public sealed class TokenBatch
{
    private readonly AttentionSpan[] _spans;
    private readonly int[] _slots;

    /// <summary>An empty batch for up to <paramref name="maxTokens"/> tokens.</summary>
    public TokenBatch(int maxTokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        MaxTokens = maxTokens;
        Ids = new int[maxTokens];
        Positions = new int[maxTokens];
        Targets = new int[maxTokens];
        _spans = new AttentionSpan[maxTokens];
        _slots = new int[maxTokens];
    }

    /// <summary>Tokens the batch can hold.</summary>
    public int MaxTokens { get; }

    /// <summary>Tokens in the batch: the rows T of the pass.</summary>
    public int Tokens { get; private set; }

    /// <summary>Sequences in the batch.</summary>
    public int Sequences { get; private set; }

    /// <summary>Tokens whose target counts.</summary>
    public int Counted { get; private set; }

    /// <summary>[MaxTokens]: the tokens read; the first <see cref="Tokens"/> are in use.</summary>
    public int[] Ids { get; }

    /// <summary>[MaxTokens]: each token's place in its own sequence.</summary>
    public int[] Positions { get; }

    /// <summary>[MaxTokens]: the token to predict at each place, −1 where nothing is counted.</summary>
    public int[] Targets { get; }

    /// <summary>Where each sequence lies. A sequence that continues a <see cref="DecoderCache"/> has more keys than queries, in the cache's rows.</summary>
    public ReadOnlySpan<AttentionSpan> Spans => _spans.AsSpan(0, Sequences);

    /// <summary>The cache slot of each sequence; −1 for one that is complete in the batch.</summary>
    public ReadOnlySpan<int> Slots => _slots.AsSpan(0, Sequences);

    /// <summary>True when <paramref name="tokens"/> more tokens fit.</summary>
    public bool Fits(int tokens) => tokens <= MaxTokens - Tokens;

    /// <summary>Empties the batch.</summary>
    public void Clear() => Tokens = Sequences = Counted = 0;

    /// <summary>Adds a sequence that starts at position 0.</summary>
    /// <param name="ids">Its tokens, at least one.</param>
    /// <param name="targets">As many: the token to predict after each, −1 where it does not count. Empty when none counts.</param>
    /// <returns>The row of its first token.</returns>
    public int AddSequence(ReadOnlySpan<int> ids, ReadOnlySpan<int> targets) => Add(ids, targets, new AttentionSpan(Tokens, ids.Length, Tokens, ids.Length), -1);

    /// <summary>Adds a whole text whose every token but the first is predicted from those before it: n ids, n − 1 counted rows.</summary>
    /// <param name="ids">At least two tokens.</param>
    /// <returns>The row that predicts the second token; the following rows follow.</returns>
    public int AddText(ReadOnlySpan<int> ids)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ids.Length, 2, nameof(ids));
        return AddSequence(ids[..^1], ids[1..]);
    }

    /// <summary>Adds the next tokens of the sequence that a cache holds in <paramref name="slot"/>; at most once per slot and batch.</summary>
    /// <param name="cache">The cache that the pass will be given.</param>
    /// <param name="slot">A rented slot.</param>
    /// <param name="ids">The next tokens, at least one.</param>
    /// <param name="targets">As in <see cref="AddSequence"/>.</param>
    /// <returns>The row of the first of them.</returns>
    public int AddContinuation(DecoderCache cache, int slot, ReadOnlySpan<int> ids, ReadOnlySpan<int> targets = default)
    {
        ArgumentNullException.ThrowIfNull(cache);
        int before = cache.Length(slot);
        int keys = before + ids.Length;
        if (keys > cache.MaxLength)
            throw new ArgumentException($"slot {slot} would hold {keys} tokens; the cache has room for {cache.MaxLength}", nameof(ids));
        return Add(ids, targets, new AttentionSpan(Tokens, ids.Length, cache.FirstRow(slot), keys), slot);
    }

    private int Add(ReadOnlySpan<int> ids, ReadOnlySpan<int> targets, AttentionSpan span, int slot)
    {
        if (ids.IsEmpty) throw new ArgumentException("a sequence needs at least one token", nameof(ids));
        if (!Fits(ids.Length)) throw new ArgumentException($"{ids.Length} tokens do not fit beside {Tokens} of {MaxTokens}", nameof(ids));
        if (!targets.IsEmpty && targets.Length != ids.Length)
            throw new ArgumentException($"{targets.Length} targets for {ids.Length} tokens", nameof(targets));
        int first = Tokens;
        ids.CopyTo(Ids.AsSpan(first));
        int position = span.KeyCount - span.QueryCount;
        for (int i = 0; i < ids.Length; i++)
        {
            Positions[first + i] = position + i;
            int target = targets.IsEmpty ? -1 : targets[i];
            Targets[first + i] = target;
            if (target >= 0) Counted++;
        }

        _spans[Sequences] = span;
        _slots[Sequences++] = slot;
        Tokens += ids.Length;
        return first;
    }
}
