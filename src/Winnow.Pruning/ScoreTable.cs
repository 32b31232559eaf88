using System.Globalization;
using Winnow.Data;

namespace Winnow.Pruning;

/// <summary>The scores of a finished run: one part per input file, in row order. Never held in memory as a whole.</summary>
public sealed class ScoreTable
{
    private ScoreTable(string directory, IReadOnlyList<ScorePart> parts)
    {
        Directory = directory;
        Parts = parts;
    }

    /// <summary>The run's directory.</summary>
    public string Directory { get; }

    /// <summary>One part per input file, in the order of the inputs.</summary>
    public IReadOnlyList<ScorePart> Parts { get; }

    /// <summary>Units in all parts.</summary>
    public long Rows => Parts.Sum(part => part.Rows);

    /// <summary>The columns, equal in all parts.</summary>
    public ScoreSchema Schema => Parts[0].Schema;

    /// <summary>Opens the parts under <c>RUN/scores</c>.</summary>
    /// <exception cref="CorpusException">There is no finished run, or a part is missing or damaged.</exception>
    public static ScoreTable Open(string run)
    {
        RunManifest manifest = RunDirectory.ReadManifest(run);
        if (manifest.State != RunState.Complete)
        {
            throw new CorpusException(run, "the scores are not complete", "run the same `winnow score` or `winnow prune` command again; it goes on where it stopped");
        }

        ScorePart[] parts = [.. manifest.Inputs.Select(input => ScorePart.Open(PartPath(run, input.Shard)))];
        if (parts.Length == 0) throw new CorpusException(run, "the run has no input files");
        return new ScoreTable(run, parts);
    }

    /// <summary>Where the scores of an input file stand in a run's directory.</summary>
    public static string PartPath(string run, int shard) =>
        Path.Combine(run, "scores", string.Create(CultureInfo.InvariantCulture, $"part-{shard:D5}.parquet"));

    /// <summary>Every unit, in the order of files and rows.</summary>
    public IEnumerable<ScoreRow> ReadRows() => Parts.SelectMany(part => part.ReadRows());
}
