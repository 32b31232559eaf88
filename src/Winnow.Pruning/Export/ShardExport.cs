using System.Threading.Channels;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;

namespace Winnow.Pruning.Export;

/// <summary>The export of one input file: reading on one thread, compressing and writing on another.</summary>
internal sealed class ShardExport(
    CorpusReader corpus, int shard, string name, string part, KeepMask mask, UnitKind unit, ExportFormat format,
    OutputDirectory output, OutputDirectory? rejectedOutput, ExportMeter meter)
{
    private const int BatchDocuments = 512;
    private const long BatchBytes = 2 << 20;

    private readonly record struct Piece(Document Document, bool IsKept, bool SameFormat);

    private CorpusShard Shard => corpus.Shards[shard];

    /// <summary>Writes both files and checks their counts.</summary>
    public async Task<(ExportedFile? Kept, ExportedFile? Rejected)> RunAsync(CancellationToken cancel)
    {
        CorpusFormat written = OutputNames.FormatOf(Shard, format, unit);
        using ExportFile kept = new(output, name, written, OutputNames.CompressionOf(Shard, format));
        using ExportFile? rejected = rejectedOutput is null ? null : new(rejectedOutput, name, written, OutputNames.CompressionOf(Shard, format));
        bool wholeRows = Shard.Format == CorpusFormat.Parquet && format == ExportFormat.Same && unit == UnitKind.Document;
        if (wholeRows) CopyRows(kept, rejected, cancel);
        else await CopyDocumentsAsync(kept, rejected, cancel).ConfigureAwait(false);
        if (unit == UnitKind.Document) Verify(kept, rejected);
        return (kept.Finish(), rejected?.Finish());
    }

    private void Verify(ExportFile kept, ExportFile? rejected)
    {
        if (kept.Records == mask.Kept && (rejected is null || rejected.Records == mask.Rows - mask.Kept)) return;
        throw new CorpusException(
            Shard.Path, $"{kept.Records} records kept and {rejected?.Records} rejected, the selection says {mask.Kept} of {mask.Rows}",
            "the file has changed since it was scored: score it again");
    }

    private void CopyRows(ExportFile kept, ExportFile? rejected, CancellationToken cancel)
    {
        kept.Write(stream => CopyRows(stream, wanted: true, cancel));
        rejected?.Write(stream => CopyRows(stream, wanted: false, cancel));
        meter.Add(mask.Rows, Shard.Bytes);
    }

    /// <summary>Copies Parquet rows with all their columns. Rows that are not in the score table were bad records.</summary>
    private long CopyRows(Stream stream, bool wanted, CancellationToken cancel)
    {
        using ParquetReader file = ParquetReader.Open(Shard.Path);
        using ScoredRows rows = new(part, mask, spans: false);
        bool more = rows.MoveNext();
        long copied = ParquetSubset.Copy(file, row =>
        {
            if (!more || rows.Row > row) return false;
            bool keep = rows.IsKept == wanted;
            more = rows.MoveNext();
            return keep;
        }, stream, new ParquetWriterOptions(), cancel);
        return more ? throw rows.Changed(Shard.Path, rows.Row) : copied;
    }

    private async Task CopyDocumentsAsync(ExportFile kept, ExportFile? rejected, CancellationToken cancel)
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

    private static async Task WriteAsync(ChannelReader<List<Piece>> pieces, ExportFile kept, ExportFile? rejected, CancellationTokenSource stop)
    {
        try
        {
            await foreach (List<Piece> batch in pieces.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                foreach (Piece piece in batch) (piece.IsKept ? kept : rejected)?.Write(piece.Document, piece.SameFormat);
            }
        }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task ReadAsync(ChannelWriter<List<Piece>> writer, CancellationToken cancel)
    {
        List<Piece> batch = [];
        long bytes = 0, records = 0;
        await foreach (Piece piece in PiecesAsync(cancel).ConfigureAwait(false))
        {
            if (piece.IsKept || rejectedOutput is not null) batch.Add(piece);
            bytes += Math.Max(piece.Document.Record.Length, piece.Document.Text.Length);
            if (++records < BatchDocuments && bytes < BatchBytes) continue;
            await writer.WriteAsync(batch, cancel).ConfigureAwait(false);
            meter.Add(records, bytes);
            (batch, bytes, records) = ([], 0, 0);
        }

        await writer.WriteAsync(batch, cancel).ConfigureAwait(false);
        meter.Add(records, bytes);
    }

    private IAsyncEnumerable<Piece> PiecesAsync(CancellationToken cancel) => unit switch
    {
        UnitKind.Document => DocumentsAsync(cancel),
        UnitKind.Sequence => RunsAsync(cancel),
        _ => throw new InvalidOperationException($"unknown unit {unit}"),
    };

    private async IAsyncEnumerable<Piece> DocumentsAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        using ScoredRows rows = new(part, mask, spans: false);
        bool same = Shard.Format == OutputNames.FormatOf(Shard, format, unit);
        bool more = rows.MoveNext();
        await foreach (Document document in corpus.ReadAsync(shard, cancel).ConfigureAwait(false))
        {
            if (!more && corpus.Options.Limit is not null) yield break;
            if (!more) throw rows.Changed(Shard.Path, document.Row);
            rows.RequireSame(document, Shard.Path);
            yield return new Piece(document, rows.IsKept, same);
            more = rows.MoveNext();
        }

        if (more) throw rows.Changed(Shard.Path, rows.Row);
    }

    private async IAsyncEnumerable<Piece> RunsAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        using ScoredRows rows = new(part, mask, spans: true);
        SequenceCutter cutter = new(rows);
        await foreach (Document document in corpus.ReadAsync(shard, cancel).ConfigureAwait(false))
        {
            foreach ((Document run, bool isKept) in cutter.Cut(document)) yield return new Piece(run, isKept, SameFormat: false);
        }

        if (!cutter.IsAtEnd) throw rows.Changed(Shard.Path, rows.Row);
    }
}
