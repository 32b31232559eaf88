using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;

namespace Winnow.Pruning;

/// <summary>The marker that a part is finished, <c>completions/part-NNNNN.json</c>: written after the part is in place.</summary>
/// <param name="Shard">Index of the input file.</param>
/// <param name="Rows">Rows of the part.</param>
/// <param name="Documents">Documents that were read for it.</param>
/// <param name="Sha256">Of the part.</param>
/// <param name="Statuses">Rows by status.</param>
/// <param name="BadRecords">Records that could not be read and were skipped.</param>
internal sealed record PartCompletion(
    int Shard, long Rows, long Documents, string Sha256, IReadOnlyDictionary<string, long> Statuses, IReadOnlyList<BadRecord> BadRecords)
{
    /// <summary>Reads a marker; null where there is none.</summary>
    public static PartCompletion? Read(string path)
    {
        if (!File.Exists(path)) return null;
        try
        {
            return JsonSerializer.Deserialize<PartCompletion>(File.ReadAllBytes(path), RunManifest.Json);
        }
        catch (JsonException e)
        {
            throw new CorpusException(path, $"not a completion marker: {e.Message}", "score again with `--restart`");
        }
    }

    /// <summary>Writes the marker.</summary>
    public void Write(string path, Action<string>? faults, string suffix = AtomicFile.Suffix) =>
        AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this, RunManifest.Json), faults, suffix);
}
