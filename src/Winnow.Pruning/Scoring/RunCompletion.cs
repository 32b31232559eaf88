using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Scoring;

/// <summary>The end of a run: what its parts' markers add up to.</summary>
internal static class RunCompletion
{
    /// <summary>The manifest of a run whose parts are all there.</summary>
    /// <exception cref="CorpusException">The corpus turned out to hold nothing.</exception>
    public static RunManifest Of(string run, RunManifest manifest, TimeProvider clock)
    {
        PartCompletion[] parts = [.. manifest.Inputs.Select(input => PartCompletion.Read(RunDirectory.CompletionPath(run, input.Shard))!)];
        if (parts.Sum(part => part.Documents) == 0)
        {
            throw new CorpusException(string.Join(", ", manifest.Inputs.Select(input => input.Path)), "the corpus holds no document", "name files that hold text");
        }

        SortedDictionary<string, long> statuses = new(StringComparer.Ordinal);
        foreach ((string status, long count) in parts.SelectMany(part => part.Statuses)) statuses[status] = statuses.GetValueOrDefault(status) + count;
        WriteBadRecords(run, manifest, null);
        return manifest with
        {
            State = RunState.Complete,
            Finished = clock.GetUtcNow(),
            Statuses = statuses,
            BadRecords = parts.Sum(part => part.BadRecords.Count),
        };
    }

    /// <summary>Lists what was skipped: of finished parts as their markers say, and of the part under way.</summary>
    public static void WriteBadRecords(string run, RunManifest manifest, CorpusReader? corpus, string suffix = AtomicFile.Suffix)
    {
        List<BadRecord> bad = [];
        foreach (RunInput input in manifest.Inputs)
        {
            PartCompletion? done = PartCompletion.Read(RunDirectory.CompletionPath(run, input.Shard));
            bad.AddRange(done?.BadRecords ?? corpus?.BadRecords.Where(record => record.Shard == input.Shard) ?? []);
        }

        if (bad.Count == 0) return;
        JsonSerializerOptions line = new(RunManifest.Json) { WriteIndented = false };
        string text = string.Concat(bad.Select(record => JsonSerializer.Serialize(record, line) + "\n"));
        AtomicFile.Write(RunDirectory.LogPath(run, "bad-records.jsonl"), Encoding.UTF8.GetBytes(text), null, suffix);
    }
}
