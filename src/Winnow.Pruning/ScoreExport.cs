namespace Winnow.Pruning;

/// <summary>Formats that a score table is handed out in.</summary>
public enum ScoreFormat
{
    /// <summary>One JSON object a line; absent values are <c>null</c>.</summary>
    Jsonl,

    /// <summary>A header line, comma-separated; absent values are empty.</summary>
    Csv,

    /// <summary>One Parquet file.</summary>
    Parquet,
}

/// <summary>Hands a score table out as data, one row per unit; numbers are written so that reading them gives the same bits.</summary>
public static class ScoreExport
{
    /// <summary>Writes all rows.</summary>
    public static void Write(ScoreTable table, ScoreFormat format, Stream to, CancellationToken cancel = default) => throw new NotImplementedException();
}
