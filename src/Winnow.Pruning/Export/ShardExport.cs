using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Packing;
using Winnow.Data.Parquet;
using Winnow.Data.Tokenizers;
using Winnow.Pruning.Duplicates;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;

namespace Winnow.Pruning.Export;

/// <summary>The export of one input file: reading on one thread, writing on another, compressing on <paramref name="compressors"/>.</summary>
internal sealed class ShardExport(
    CorpusReader corpus, int shard, string name, ScoredShard scored, ExportOptions options, ExportTokenizer? tokenizer,
    OutputDirectory output, OutputDirectory? rejectedOutput, ExportMeter meter, ExportQuota quota, int compressors)
{
    private const int BatchDocuments = 512;
    private const long BatchBytes = 512 << 10;

    private readonly UnitKind _unit = scored.Manifest.Options.Unit;
    private readonly ExportFormat _format = options.Format;
    private readonly ExportQuota _quota = quota;
    private ExportQuota _left = quota;
    private long _unreadable;
    private long _unreadableKept;

    private readonly record struct Piece(Document Document, bool IsKept, bool SameFormat, int[]? Ids = null);

    private CorpusShard Shard => corpus.Shards[shard];

    /// <summary>Whether a file's rows are copied with all their columns.</summary>
    public static bool CopiesRows(CorpusShard shard, ExportFormat format, UnitKind unit) =>
        shard.Format == CorpusFormat.Parquet && format == ExportFormat.Same && unit == UnitKind.Document;

    /// <summary>Writes the files of both sides and checks their counts.</summary>
    public async Task<ShardFiles> RunAsync(CancellationToken cancel)
    {
        CorpusFormat written = OutputNames.FormatOf(Shard, _format, _unit);
        byte[] header = written == Shard.Format ? corpus.ReadHeader(shard) : [];
        TokenOutput? tokens = TokensOf(written);
        using ExportFiles kept = Files(output);
        using ExportFiles? rejected = rejectedOutput is null ? null : Files(rejectedOutput);
        if (CopiesRows(Shard, _format, _unit)) CopyRows(kept, rejected, cancel);
        else await CopyDocumentsAsync(kept, rejected, cancel).ConfigureAwait(false);
        Verify(kept, rejected);
        return new ShardFiles(kept.Finish(), rejected?.Finish() ?? []);

        ExportFiles Files(OutputDirectory directory) => new(
            directory, name, options.ShardBytes, part => new ExportFile(directory, part, written, OutputNames.CompressionOf(Shard, _format), header, tokens, compressors));
    }

    /// <summary>How tokens are written, where they are: laid out as in the input, or as llm.c reads them.</summary>
    private TokenOutput? TokensOf(CorpusFormat written) => written != CorpusFormat.Tokens ? null : new TokenOutput(
        tokenizer!, _format == ExportFormat.Same ? TokenLayout.OfFile(Shard.Path) : TokenLayout.For(tokenizer!.VocabularySize));

    /// <summary>Hands the records of both sides out and checks their counts.</summary>
    public async Task RunAsync(IRecordSink kept, IRecordSink? rejected, CancellationToken cancel)
    {
        await CopyDocumentsAsync(kept, rejected, cancel).ConfigureAwait(false);
        Verify(kept, rejected);
    }

    /// <summary>Records that could not be read have a row in the score table and nothing to export.</summary>
    private void Verify(IRecordSink kept, IRecordSink? rejected)
    {
        if (_unit != UnitKind.Document) return;
        KeepMask mask = scored.Mask;
        long wanted = mask.Kept - _unreadableKept, rest = mask.Rows - mask.Kept - (_unreadable - _unreadableKept);
        if (options.Annotate) (wanted, rest) = (wanted + rest, 0);
        (wanted, rest) = (Math.Min(wanted, _quota.Kept), Math.Min(rest, _quota.Rejected));
        if (kept.Records == wanted && (rejected is null || rejected.Records == rest)) return;
        throw new CorpusException(
            Shard.Path, $"{kept.Records} records kept and {rejected?.Records} rejected, the selection says {wanted} and {rest}",
            "the file has changed since it was scored: score it again");
    }

    private void CopyRows(ExportFiles kept, ExportFiles? rejected, CancellationToken cancel)
    {
        kept.Write(stream => CopyRows(stream, wanted: true, cancel));
        rejected?.Write(stream => CopyRows(stream, wanted: false, cancel));
        CountUnreadable();
        meter.Add(scored.Mask.Rows, Shard.Bytes);
    }

    private void CountUnreadable()
    {
        using ScoredRows rows = new(scored);
        while (rows.MoveNext()) PassUnreadable(rows);
    }

    private void PassUnreadable(ScoredRows rows)
    {
        if (!rows.IsUnreadable) return;
        _unreadable++;
        if (rows.IsKept) _unreadableKept++;
    }

    /// <summary>Copies Parquet rows with all their columns.</summary>
    private long CopyRows(Stream stream, bool wanted, CancellationToken cancel)
    {
        using ParquetReader file = ParquetReader.Open(Shard.Path);
        using ScoredRows rows = new(scored);
        using TableAnnotator? annotator = options.Annotate ? new TableAnnotator(scored) : null;
        bool more = rows.MoveNext();
        long copied = ParquetSubset.Copy(file, row =>
        {
            if (!more || rows.Row > row) return false;
            bool keep = (options.Annotate || rows.IsKept == wanted) && !rows.IsUnreadable && Take(wanted);
            more = rows.MoveNext();
            return keep;
        }, stream, new ParquetWriterOptions(), annotator?.Addition, cancel);
        return more ? throw rows.Changed(Shard.Path, rows.Row) : copied;
    }

    private async Task CopyDocumentsAsync(IRecordSink kept, IRecordSink? rejected, CancellationToken cancel)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Channel<List<Piece>> channel = Channel.CreateBounded<List<Piece>>(new BoundedChannelOptions(4) { SingleReader = true, SingleWriter = true });
        Task writing = Task.Run(() => WriteAsync(channel.Reader, kept, rejected, stop), CancellationToken.None);
        try
        {
            await ReadAsync(channel.Writer, stop.Token).ConfigureAwait(false);
            channel.Writer.Complete();
        }
        catch (Exception error)
        {
            channel.Writer.Complete(error);
            // When it was the writer that failed, its own error is the one to tell.
            if (error is not OperationCanceledException || cancel.IsCancellationRequested) throw;
        }
        finally
        {
            await ((Task)writing.ContinueWith(static _ => { }, TaskScheduler.Default)).ConfigureAwait(false);
        }

        await writing.ConfigureAwait(false);
    }

    private static async Task WriteAsync(ChannelReader<List<Piece>> pieces, IRecordSink kept, IRecordSink? rejected, CancellationTokenSource stop)
    {
        try
        {
            await foreach (List<Piece> batch in pieces.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                foreach (Piece piece in batch) Write(piece, piece.IsKept ? kept : rejected);
            }
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static void Write(Piece piece, IRecordSink? file)
    {
        if (piece.Ids is null) file?.Write(piece.Document, piece.SameFormat);
        else file?.Write(piece.Ids);
    }

    private async Task ReadAsync(ChannelWriter<List<Piece>> writer, CancellationToken cancel)
    {
        List<Piece> batch = [];
        long bytes = 0, records = 0;
        await foreach (Piece piece in PiecesAsync(cancel).ConfigureAwait(false))
        {
            if (Take(piece.IsKept)) batch.Add(piece);
            bytes += Math.Max(piece.Document.Record.Length, piece.Document.Text.Length);
            records++;
            if (_left.IsUsedUp) break;
            if (records < BatchDocuments && bytes < BatchBytes) continue;
            await writer.WriteAsync(batch, cancel).ConfigureAwait(false);
            meter.Add(records, bytes);
            (batch, bytes, records) = ([], 0, 0);
        }

        await writer.WriteAsync(batch, cancel).ConfigureAwait(false);
        meter.Add(records, bytes);
    }

    /// <summary>Whether a record may still be written.</summary>
    private bool Take(bool isKept)
    {
        if ((isKept ? _left.Kept : _left.Rejected) == 0) return false;
        _left = isKept ? _left with { Kept = _left.Kept - 1 } : _left with { Rejected = _left.Rejected - 1 };
        return true;
    }

    private IAsyncEnumerable<Piece> PiecesAsync(CancellationToken cancel) => _unit switch
    {
        UnitKind.Document => DocumentsAsync(cancel),
        UnitKind.Sequence when OutputNames.FormatOf(Shard, _format, _unit) == CorpusFormat.Tokens => SequencesAsync(tokenizer!, cancel),
        UnitKind.Sequence => RunsAsync(cancel),
        _ => throw new InvalidOperationException($"unknown unit {_unit}"),
    };

    private async IAsyncEnumerable<Piece> DocumentsAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        using ScoredRows rows = new(scored);
        using RecordAnnotator? annotator = options.Annotate ? new RecordAnnotator(scored) : null;
        CorpusFormat written = OutputNames.FormatOf(Shard, _format, _unit);
        bool same = Shard.Format == written && (written != CorpusFormat.Tokens || _format == ExportFormat.Same);
        bool more = rows.MoveNext();
        await foreach (Document document in corpus.ReadAsync(shard, cancel).ConfigureAwait(false))
        {
            for (; more && rows.Row < document.Row; more = rows.MoveNext()) RequireUnreadable(rows);
            if (!more && corpus.Options.Limit is not null) yield break;
            if (!more) throw rows.Changed(Shard.Path, document.Row);
            rows.RequireSame(document, Shard.Path);
            yield return annotator is null
                ? new Piece(document, rows.IsKept, same)
                : new Piece(annotator.Annotate(document, rows.IsKept, same, Shard.Path), IsKept: true, SameFormat: true);
            more = rows.MoveNext();
        }

        for (; more; more = rows.MoveNext()) RequireUnreadable(rows);
    }

    private void RequireUnreadable(ScoredRows rows)
    {
        if (!rows.IsUnreadable) throw rows.Changed(Shard.Path, rows.Row);
        PassUnreadable(rows);
    }

    private async IAsyncEnumerable<Piece> RunsAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        CorpusFold? fold = scored.Manifest.FoldSeed is { } seed ? new CorpusFold(seed) : null;
        using DuplicateRows duplicates = DuplicateRows.Open(scored.Run, scored.Index);
        SequenceCutter[] cutters = fold is null ? [new SequenceCutter(scored, null)] : [new SequenceCutter(scored, 0), new SequenceCutter(scored, 1)];
        try
        {
            await foreach (Document document in corpus.ReadAsync(shard, cancel).ConfigureAwait(false))
            {
                if (corpus.Options.Limit is not null && cutters.All(cutter => cutter.IsAtEnd)) yield break;
                if (duplicates.Contains(document.Row))
                {
                    yield return new Piece(document, IsKept: false, SameFormat: false);
                    continue;
                }

                SequenceCutter cutter = cutters[fold?.Of(document.Text.Span) ?? 0];
                foreach ((Document run, bool isKept) in cutter.Cut(document, Shard.Path)) yield return new Piece(run, isKept, SameFormat: false);
            }

            foreach (SequenceCutter cutter in cutters) cutter.RequireEnd(Shard.Path);
        }
        finally
        {
            foreach (SequenceCutter cutter in cutters) cutter.Dispose();
        }
    }

    /// <summary>Packs again as scoring did, which gives the same sequences.</summary>
    private async IAsyncEnumerable<Piece> SequencesAsync(
        ExportTokenizer with, [EnumeratorCancellation] CancellationToken cancel)
    {
        if (corpus.Options.Limit is not null)
            throw new CorpusException(Shard.Path, "only the documents up to `--limit` were scored, so that its sequences cannot be packed again", "export as JSONL");
        CorpusFold? fold = scored.Manifest.FoldSeed is { } seed ? new CorpusFold(seed) : null;
        SequencePacker[] packers = [.. Enumerable.Range(0, fold is null ? 1 : 2).Select(_ => new SequencePacker(scored.Manifest.Context, with.EndOfText))];
        TokenEncoder encoder = with.CreateEncoder();
        using DuplicateRows duplicates = DuplicateRows.Open(scored.Run, scored.Index);
        KeepMask mask = scored.Mask;
        Document last = new(shard, 0, "", "", default, default);
        long row = 0;
        await foreach (Document document in corpus.ReadAsync(shard, cancel).ConfigureAwait(false))
        {
            if (duplicates.Contains(document.Row)) continue;
            List<int> ids = [], ends = [];
            with.Encode(document, encoder, ids, ends);
            foreach (PackedSequence sequence in packers[fold?.Of(document.Text.Span) ?? 0].Add(new EncodedDocument(document, [.. ids], [.. ends], CarriedSpecial: false)))
                if (row < mask.Rows) yield return new Piece(document, mask[row++], SameFormat: false, sequence.Ids);
            last = document;
        }

        foreach (SequencePacker packer in packers)
            if (packer.Remainder is { } rest && row < mask.Rows) yield return new Piece(last, mask[row++], SameFormat: false, rest.Ids);
        if (row != mask.Rows) throw new CorpusException(Shard.Path, $"{row} sequences, {mask.Rows} were scored: the file has changed since", "score it again");
    }
}
