using Winnow.Pruning.Scoring;

namespace Winnow.Pruning;

/// <summary>How the numbers of a metric column are stored.</summary>
public enum ScoreColumnKind
{
    /// <summary>float64.</summary>
    Double,

    /// <summary>int32.</summary>
    Int32,

    /// <summary>true or false, held as 1 or 0.</summary>
    Boolean,
}

/// <summary>One metric column of a score table.</summary>
public sealed record ScoreColumn(string Name, ScoreColumnKind Kind = ScoreColumnKind.Double);

/// <summary>
/// The columns of a score table beyond the fixed ones. With one model: <c>nll</c>, <c>perplexity</c>, <c>bits_per_byte</c>,
/// <c>el2n</c>, <c>memorization</c>, and with memorization its extras. With several models these hold the mean over the models,
/// <c>perplexity@1</c>, <c>el2n@1</c>, … hold each model's value in the order given, and <c>perplexity_spread</c>,
/// <c>el2n_spread</c> the sample standard deviation over the models.
/// </summary>
/// <param name="Metrics">The metric columns, in the order of <see cref="ScoreRow.Values"/>.</param>
/// <param name="HasFolds">Whether there is a column <c>fold</c>.</param>
/// <param name="HasSpans">Whether there are the columns <c>first_row</c>, <c>first_byte</c>, <c>last_row</c>, <c>end_byte</c>.</param>
public sealed record ScoreSchema(IReadOnlyList<ScoreColumn> Metrics, bool HasFolds = false, bool HasSpans = false)
{
    /// <summary>The text columns at the end: the fields that documents carried along.</summary>
    public IReadOnlyList<string> Fields { get; init; } = [];

    /// <summary>The names before the metric columns, in file order.</summary>
    public static IReadOnlyList<string> LeadingColumns { get; } = ["shard", "row", "id", "source", "bytes", "tokens"];

    /// <summary>The metric columns that every score table has, in file order.</summary>
    public static IReadOnlyList<string> StandardMetrics { get; } = ["nll", "perplexity", "bits_per_byte", "el2n", "memorization"];

    /// <summary>The columns of <see cref="UnitSpan"/>.</summary>
    public static IReadOnlyList<string> SpanColumns { get; } = ["first_row", "first_byte", "last_row", "end_byte"];

    /// <summary>The schema of a scoring.</summary>
    /// <param name="metrics">What is computed.</param>
    /// <param name="models">How many models score each unit.</param>
    /// <param name="folds">Whether each unit belongs to a fold.</param>
    /// <param name="sequences">Whether the units are packed sequences.</param>
    public static ScoreSchema For(Metrics metrics, int models, bool folds = false, bool sequences = false)
    {
        List<ScoreColumn> columns = [.. StandardMetrics.Select(name => new ScoreColumn(name))];
        bool memorization = metrics.HasFlag(Scoring.Metrics.Memorization);
        if (memorization && models == 1)
        {
            columns.Add(new("memorization_prefix", ScoreColumnKind.Int32));
            columns.Add(new("memorization_all", ScoreColumnKind.Boolean));
        }

        if (models > 1)
        {
            columns.Add(new("perplexity_spread"));
            columns.Add(new("el2n_spread"));
            for (int model = 1; model <= models; model++)
            {
                columns.Add(new($"nll@{model}"));
                columns.Add(new($"perplexity@{model}"));
                columns.Add(new($"el2n@{model}"));
                if (!memorization) continue;
                columns.Add(new($"memorization@{model}"));
                columns.Add(new($"memorization_prefix@{model}", ScoreColumnKind.Int32));
                columns.Add(new($"memorization_all@{model}", ScoreColumnKind.Boolean));
            }
        }

        return new ScoreSchema(columns, folds, sequences);
    }

    /// <summary>Where a metric column stands in <see cref="ScoreRow.Values"/>; −1 where it does not exist.</summary>
    public int IndexOf(string metric)
    {
        for (int i = 0; i < Metrics.Count; i++)
        {
            if (Metrics[i].Name == metric) return i;
        }

        return -1;
    }
}
