using Winnow.Data;

namespace Winnow.Pruning;

/// <summary>The scores of one input file: <c>scores/part-NNNNN.parquet</c>.</summary>
public sealed class ScorePart
{
    private ScorePart(string path, ScoreSchema schema, long rows)
    {
        Path = path;
        Schema = schema;
        Rows = rows;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its metric columns.</summary>
    public ScoreSchema Schema { get; }

    /// <summary>Its rows.</summary>
    public long Rows { get; }

    /// <summary>Reads the footer.</summary>
    /// <exception cref="CorpusException">The file is missing, damaged, or no score table.</exception>
    public static ScorePart Open(string path) => throw new NotImplementedException();

    /// <summary>The rows in order, one row group in memory.</summary>
    public IEnumerable<ScoreRow> ReadRows() => throw new NotImplementedException();
}
