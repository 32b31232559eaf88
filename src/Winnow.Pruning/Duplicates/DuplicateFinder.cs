using System.Buffers.Binary;
using System.Security.Cryptography;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;

namespace Winnow.Pruning.Duplicates;

/// <summary>
/// Finds exact copies in a corpus of any size: one pass over the files hashes every text, a sort by hash brings copies together, a
/// sort by place puts them back into the order of the corpus. Empty texts are no copies of each other.
/// </summary>
public static class DuplicateFinder
{
    private const int PlaceBytes = 12;     // shard and row, big-endian, so that they sort as numbers do

    /// <summary>Writes <c>duplicates/</c> of a run.</summary>
    /// <param name="corpus">The files, with every allowance that scoring has.</param>
    /// <param name="limit">Documents that count, over all files in order.</param>
    /// <param name="run">The run's directory.</param>
    /// <param name="threads">Files read at once.</param>
    /// <param name="progress">Told the documents read, about once every thousand.</param>
    /// <param name="faults">Told of every file written; tests stop here.</param>
    /// <param name="cancel">Stops; nothing is left but files that the next call replaces.</param>
    public static async Task<DuplicateCount> FindAsync(
        CorpusReader corpus, long? limit, string run, int threads, Action<long>? progress, Action<string>? faults, CancellationToken cancel)
    {
        string directory = DuplicateRows.DirectoryOf(run);
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        using ExternalSort byHash = new(Path.Combine(directory, "by-hash"));
        using ExternalSort byPlace = new(Path.Combine(directory, "by-place"));
        await HashAsync(corpus, limit, threads, byHash, progress, cancel).ConfigureAwait(false);
        long bytes = Compare(byHash, byPlace, cancel);
        Write(byPlace, run, faults, cancel);
        return new DuplicateCount(byPlace.Count, bytes);
    }

    private static async Task HashAsync(
        CorpusReader corpus, long? limit, int threads, ExternalSort byHash, Action<long>? progress, CancellationToken cancel)
    {
        long documents = 0;
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = limit is null ? threads : 1, CancellationToken = cancel };
        await Parallel.ForEachAsync(Enumerable.Range(0, corpus.Shards.Count), parallel, async (shard, stop) =>
        {
            if (Interlocked.Read(ref documents) >= limit) return;
            await foreach (Document document in corpus.ReadAsync(shard, stop).ConfigureAwait(false))
            {
                if (!document.Text.IsEmpty) Add(document, byHash);
                long read = Interlocked.Increment(ref documents);
                if (read % 1024 == 0) progress?.Invoke(read);
                if (read >= limit) return;
            }
        }).ConfigureAwait(false);
    }

    private static void Add(Document document, ExternalSort byHash)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(document.Text.Span, hash);
        Span<byte> record = stackalloc byte[PlaceBytes + sizeof(long)];
        BinaryPrimitives.WriteInt32BigEndian(record, document.Shard);
        BinaryPrimitives.WriteInt64BigEndian(record[4..], document.Row);
        BinaryPrimitives.WriteInt64BigEndian(record[PlaceBytes..], document.Text.Length);
        byHash.Add(BinaryPrimitives.ReadUInt128BigEndian(hash), record);
    }

    /// <summary>Of equal texts the first stays; hands on the place of each other one with that of the first, and sums their bytes.</summary>
    private static long Compare(ExternalSort byHash, ExternalSort byPlace, CancellationToken cancel)
    {
        UInt128? hash = null;
        byte[] first = new byte[PlaceBytes];
        long bytes = 0;
        foreach ((UInt128 key, ReadOnlyMemory<byte> record) in byHash.Sorted())
        {
            cancel.ThrowIfCancellationRequested();
            ReadOnlySpan<byte> place = record.Span[..PlaceBytes];
            if (key != hash)
            {
                hash = key;
                place.CopyTo(first);
                continue;
            }

            bytes += BinaryPrimitives.ReadInt64BigEndian(record.Span[PlaceBytes..]);
            byPlace.Add(new UInt128(ShardOf(place), (ulong)RowOf(place)), first);
        }

        return bytes;
    }

    private static void Write(ExternalSort byPlace, string run, Action<string>? faults, CancellationToken cancel)
    {
        using IEnumerator<(UInt128 Key, ReadOnlyMemory<byte> Record)> copies = byPlace.Sorted().GetEnumerator();
        for (bool more = copies.MoveNext(); more;)
        {
            UInt128 shard = copies.Current.Key >> 64;
            AtomicFile.Write(DuplicateRows.PathOf(run, (int)shard), stream =>
            {
                using ParquetWriter writer = new(stream, DuplicateRows.Columns);
                for (; more && copies.Current.Key >> 64 == shard; more = copies.MoveNext())
                {
                    cancel.ThrowIfCancellationRequested();
                    writer[0].Add((long)(ulong)copies.Current.Key);
                    writer[1].Add((int)ShardOf(copies.Current.Record.Span));
                    writer[2].Add(RowOf(copies.Current.Record.Span));
                    writer.EndRow();
                }

                writer.Finish();
            }, faults);
        }
    }

    private static uint ShardOf(ReadOnlySpan<byte> place) => BinaryPrimitives.ReadUInt32BigEndian(place);

    private static long RowOf(ReadOnlySpan<byte> place) => BinaryPrimitives.ReadInt64BigEndian(place[4..]);
}
