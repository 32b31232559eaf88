using Winnow.Data;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Scoring;

/// <summary>One input file's part of the score table, made of all its rows at once, and its marker.</summary>
internal sealed class ScoredPart(string run, int shard, ScoreSchema schema, UnitKind unit)
{
    /// <summary>Whether part and marker are in place.</summary>
    public bool IsWritten => File.Exists(RunDirectory.CompletionPath(run, shard)) && File.Exists(ScoreTable.PartPath(run, shard));

    /// <summary>Writes the part, then its marker.</summary>
    /// <param name="rows">All of them, in order.</param>
    /// <param name="expected">How many they are.</param>
    /// <param name="documents">Documents that were read for sequences; of documents, the rows say it.</param>
    /// <param name="bad">Records that could not be read.</param>
    /// <param name="suffix">Of the names until the files are whole.</param>
    /// <param name="faults">Told between writes; tests stop here.</param>
    /// <param name="cancel">Stops.</param>
    /// <exception cref="CorpusException">A row is missing.</exception>
    public async Task<PartCompletion> WriteAsync(
        IEnumerable<ScoreRow> rows, long expected, long documents, IReadOnlyList<BadRecord> bad, string suffix, Action<string>? faults, CancellationToken cancel)
    {
        Dictionary<string, long> statuses = [];
        long count = 0;
        string path = ScoreTable.PartPath(run, shard);
        AtomicFile.Write(path, stream =>
        {
            using ScorePartWriter writer = new(stream, schema);
            foreach (ScoreRow row in rows)
            {
                if (row.Row != count) throw new CorpusException(path, $"row {count} is missing, row {row.Row} comes next", "score again with `--restart`");
                writer.Add(row);
                count++;
                statuses[row.Status] = statuses.GetValueOrDefault(row.Status) + 1;
            }

            if (count != expected) throw new CorpusException(path, $"{count} rows are there, {expected} were scored", "score again with `--restart`");
            writer.Finish();
        }, faults, suffix);
        // A resumed attempt passes over the documents that an earlier one scored: what it read is not all there is.
        if (unit == UnitKind.Document) documents = count - statuses.GetValueOrDefault(ScoreStatus.Invalid);
        string hash = await ContentHash.OfFileAsync(path, cancel).ConfigureAwait(false);
        PartCompletion completion = new(shard, count, documents, hash, statuses, bad);
        completion.Write(RunDirectory.CompletionPath(run, shard), faults, suffix);
        return completion;
    }
}
