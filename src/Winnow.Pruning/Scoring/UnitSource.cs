using System.Diagnostics;
using System.Runtime.CompilerServices;
using Winnow.Data.Corpus;
using Winnow.Data.Packing;
using Winnow.Data.Tokenizers;
using Winnow.Pruning.Duplicates;

namespace Winnow.Pruning.Scoring;

/// <summary>Reads and tokenizes the units of a shard, in row order. Belongs to one thread.</summary>
/// <param name="plan">What a unit is.</param>
/// <param name="corpus">Where they come from.</param>
/// <param name="run">The run's directory, which says what copies are left out.</param>
internal sealed class UnitSource(ScoringPlan plan, CorpusReader corpus, string run)
{
    private readonly TokenEncoder encoder = plan.Tokenizer.CreateEncoder(plan.Options.SpecialInText);
    private readonly List<int> ids = [];
    private readonly List<int> ends = [];

    /// <summary>Time spent in the tokenizer.</summary>
    public TimeSpan Tokenizing { get; private set; }

    /// <summary>Bytes of text that were tokenized.</summary>
    public long TextBytes { get; private set; }

    /// <summary>Documents whose text carried that of a special token.</summary>
    public long WithSpecial => encoder.TextsWithSpecial;

    /// <summary>Documents read of the shard under way.</summary>
    public long Documents { get; private set; }

    /// <summary>The units of one shard between two rows.</summary>
    /// <param name="shard">Index of the file.</param>
    /// <param name="after">The last row that is scored already; −1 for none.</param>
    /// <param name="until">The row after the last wanted; the file may end before.</param>
    /// <param name="limit">Documents of the shard to read.</param>
    /// <param name="cancel">Ends the reading.</param>
    public IAsyncEnumerable<ScoringUnit> ReadAsync(int shard, long after, long until, long limit, CancellationToken cancel) => plan.Options.Unit switch
    {
        UnitKind.Document => ReadDocumentsAsync(shard, after, until, limit, cancel),
        UnitKind.Sequence => ReadSequencesAsync(shard, after, until, limit, cancel),
        _ => throw new ArgumentOutOfRangeException(nameof(shard), plan.Options.Unit, null),
    };

    private async IAsyncEnumerable<ScoringUnit> ReadDocumentsAsync(
        int shard, long after, long until, long limit, [EnumeratorCancellation] CancellationToken cancel)
    {
        // Rows passed over unread cannot be counted, neither for a limit nor among the bad records.
        bool skip = after >= 0 && limit == long.MaxValue && corpus.Options.MaxBadRecords == 0;
        long row = skip ? after + 1 : 0;
        Documents = 0;
        if (limit > 0)
        {
            using DuplicateRows duplicates = DuplicateRows.Open(run, shard);
            await foreach (Document document in corpus.ReadAsync(shard, row, cancel).ConfigureAwait(false))
            {
                for (; row < document.Row && row < until; row++)
                {
                    if (row > after) yield return Unreadable(shard, row);
                }

                if (row >= until) yield break;
                bool isCopy = duplicates.Contains(row);
                if (row++ > after)
                    yield return isCopy ? Copy(document) : ToUnit(document);
                if (++Documents >= limit || row >= until) yield break;
            }
        }

        long rows = Documents + corpus.BadRecords.Count(bad => bad.Shard == shard);
        if (skip) yield break;
        for (; row < Math.Min(rows, until); row++)
        {
            if (row > after) yield return Unreadable(shard, row);
        }
    }

    private ScoringUnit Unreadable(int shard, long row) => new()
    {
        Shard = shard,
        Row = row,
        Id = $"{corpus.Shards[shard].Name}:{row}",
        Source = "",
        Bytes = 0,
        Status = ScoreStatus.Invalid,
    };

    private ScoringUnit Copy(Document document) => new()
    {
        Shard = document.Shard,
        Row = document.Row,
        Id = document.Id,
        Source = document.Source,
        Bytes = document.Text.Length,
        Status = ScoreStatus.Duplicate,
        Fields = document.Fields,
        Fold = plan.Fold?.Of(document.Text.Span),
    };

    private ScoringUnit ToUnit(Document document)
    {
        bool truncates = plan.Options.Window.Kind == WindowKind.Truncate || !plan.Predicts;
        int documentTokens = Encode(document, truncates);
        int[] tokens = [.. plan.Bos, .. ids];
        int covered = plan.Predicts
            ? WindowPlan.Covered(tokens.Length, plan.Context, plan.Options.Window)
            : Math.Min(tokens.Length, plan.GenerationTokens);
        bool memorizable = plan.Memorizes && tokens.Length >= plan.GenerationTokens;
        ScoringWindow[] windows = plan.Predicts ? WindowPlan.Cut(tokens.Length, plan.Bos.Length, plan.Context, plan.Options.Window) : [];
        bool scored = documentTokens > 0 && (windows.Length > 0 || memorizable);
        string status = documentTokens == 0 ? ScoreStatus.Empty
            : !scored ? ScoreStatus.TooShort
            : plan.Predicts && covered < tokens.Length ? ScoreStatus.Truncated
            : ScoreStatus.Ok;
        return new ScoringUnit
        {
            Shard = document.Shard,
            Row = document.Row,
            Id = document.Id,
            Source = document.Source,
            Bytes = document.Text.Length,
            ScoredBytes = !scored ? 0 : covered == tokens.Length ? document.Text.Length : ends[covered - plan.Bos.Length - 1],
            Status = status,
            Fold = plan.Fold?.Of(document.Text.Span),
            Fields = document.Fields,
            Ids = scored ? tokens : [],
            Windows = scored ? windows : [],
            Memorizable = scored && memorizable,
        };
    }

    private int Encode(Document document, bool withEnds)
    {
        long begin = Stopwatch.GetTimestamp();
        ids.Clear();
        ends.Clear();
        if (document.Tokens is { } given)
        {
            ids.AddRange(given.Ids);
            ends.AddRange(given.Ends);
        }
        else
        {
            encoder.Encode(document.Text.Span, ids, withEnds ? ends : null);
        }

        TextBytes += document.Text.Length;
        Tokenizing += Stopwatch.GetElapsedTime(begin);
        return ids.Count;
    }

    private async IAsyncEnumerable<ScoringUnit> ReadSequencesAsync(
        int shard, long after, long until, long limit, [EnumeratorCancellation] CancellationToken cancel)
    {
        int endOfText = ScoringPlan.EndOfText(plan.Tokenizer);
        SequencePacker[] packers = [.. Enumerable.Range(0, plan.Groups).Select(_ => new SequencePacker(plan.Context, endOfText))];
        Queue<Document>[] sources = [.. packers.Select(_ => new Queue<Document>())];
        long row = 0;
        Documents = 0;
        if (limit > 0)
        {
            using DuplicateRows duplicates = DuplicateRows.Open(run, shard);
            await foreach (Document document in corpus.ReadAsync(shard, cancel).ConfigureAwait(false))
            {
                if (!duplicates.Contains(document.Row))
                {
                    Encode(document, withEnds: true);
                    int? fold = plan.Fold?.Of(document.Text.Span);
                    int group = fold ?? 0;
                    sources[group].Enqueue(document with { Text = default, Tokens = null });
                    EncodedDocument encoded = new(document, [.. ids], [.. ends], CarriedSpecial: false);
                    foreach (PackedSequence sequence in packers[group].Add(encoded))
                    {
                        Document source = SourceOf(sequence, sources[group]);
                        if (row >= until) yield break;
                        if (row++ > after) yield return ToUnit(sequence, shard, row - 1, fold, source, whole: true);
                    }
                }

                if (++Documents >= limit) break;
            }
        }

        for (int group = 0; group < packers.Length; group++)
        {
            if (packers[group].Remainder is not { } rest) continue;
            Document source = SourceOf(rest, sources[group]);
            if (row >= until) yield break;
            if (row++ > after) yield return ToUnit(rest, shard, row - 1, plan.Fold is null ? null : group, source, whole: false);
        }
    }

    /// <summary>A sequence's first document; forgets those before it.</summary>
    private static Document SourceOf(PackedSequence sequence, Queue<Document> sources)
    {
        while (sources.Peek().Row < sequence.Pieces[0].Row) sources.Dequeue();
        return sources.Peek();
    }

    private ScoringUnit ToUnit(PackedSequence sequence, int shard, long row, int? fold, Document source, bool whole)
    {
        PackedPiece first = sequence.Pieces[0], last = sequence.Pieces[^1];
        long bytes = sequence.Pieces.Sum(piece => piece.ByteCount);
        ScoringWindow[] windows = whole && plan.Predicts ? WindowPlan.Cut(sequence.Ids.Length, 0, plan.Context, plan.Options.Window) : [];
        return new ScoringUnit
        {
            Shard = shard,
            Row = row,
            Id = $"{corpus.Shards[shard].Name}#{row}",
            Source = source.Source,
            Fields = source.Fields,
            Bytes = bytes,
            ScoredBytes = whole ? bytes : 0,
            Status = whole ? ScoreStatus.Ok : ScoreStatus.Partial,
            Fold = fold,
            Span = new UnitSpan(first.Row, first.FirstByte, last.Row, last.FirstByte + last.ByteCount),
            Ids = whole ? sequence.Ids : [],
            Windows = windows,
            Memorizable = whole && plan.Memorizes,
        };
    }
}
