using System.Runtime.CompilerServices;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Scoring;

/// <summary>
/// The units of ranges of rows. A range that begins where the last one ended goes on in the open file, so that ranges taken one after
/// the other read it once; any other is reached from the file's beginning. Belongs to one thread at a time.
/// </summary>
/// <param name="plan">What a unit is.</param>
/// <param name="corpus">Where they come from.</param>
/// <param name="run">The run's directory, which says what copies are left out.</param>
internal sealed class UnitCursor(ScoringPlan plan, CorpusReader corpus, string run) : IDisposable
{
    private readonly UnitSource source = new(plan, corpus, run);
    private IAsyncEnumerator<ScoringUnit>? open;
    private CancellationTokenSource stop = new();
    private (int Shard, long Row, long Limit) next;

    /// <summary>What was done so far: time in the tokenizer, bytes of text, documents whose text carried that of a special token.</summary>
    public (TimeSpan Tokenizing, long TextBytes, long WithSpecial) Tally => (source.Tokenizing, source.TextBytes, source.WithSpecial);

    /// <summary>Documents read of the shard under way, since it was opened.</summary>
    public long Documents => source.Documents;

    /// <summary>The units of one shard between two rows.</summary>
    /// <param name="shard">Index of the file.</param>
    /// <param name="after">The last row that is scored already; −1 for none.</param>
    /// <param name="until">The row after the last wanted; the file may end before.</param>
    /// <param name="limit">Documents of the shard to read.</param>
    /// <param name="cancel">Ends the reading.</param>
    public async IAsyncEnumerable<ScoringUnit> ReadAsync(int shard, long after, long until, long limit, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (open is null || stop.IsCancellationRequested || next != (shard, after + 1, limit)) Open(shard, after, limit);
        // The file may stay open for longer than this range's token lives.
        using CancellationTokenRegistration stopped = cancel.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), stop);
        while (next.Row < until && open is { } units)
        {
            // What fails or ends is not gone on with.
            open = null;
            if (!await units.MoveNextAsync().ConfigureAwait(false)) break;
            open = units;
            next.Row = units.Current.Row + 1;
            yield return units.Current;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Close();
        stop.Dispose();
    }

    private void Open(int shard, long after, long limit)
    {
        Close();
        stop.Dispose();
        stop = new CancellationTokenSource();
        open = source.ReadAsync(shard, after, long.MaxValue, limit, stop.Token).GetAsyncEnumerator(stop.Token);
        next = (shard, after + 1, limit);
    }

    private void Close()
    {
        open?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        open = null;
    }
}
