namespace Winnow.Studies.Reports;

/// <summary>Everything a report shows, already counted: nothing here grows with the corpus.</summary>
public sealed record ReportData
{
    /// <summary>The page's heading.</summary>
    public required string Title { get; init; }

    /// <summary>One sentence under the heading: what was done to which text.</summary>
    public required string Summary { get; init; }

    /// <summary>Version of the program, and when the page was written.</summary>
    public required string Version { get; init; }

    /// <summary>When the page was written.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>The few numbers that matter, in order of importance.</summary>
    public IReadOnlyList<Fact> Facts { get; init; } = [];

    /// <summary>How the ranking score is distributed; null when nothing has a score.</summary>
    public ScoreHistogram? Histogram { get; init; }

    /// <summary>What each source keeps, the largest first.</summary>
    public IReadOnlyList<SourceShare> Sources { get; init; } = [];

    /// <summary>Score against length; null when nothing has a score.</summary>
    public LengthDensity? Lengths { get; init; }

    /// <summary>Text to read: at the ends and on both sides of every cut.</summary>
    public IReadOnlyList<SampleGroup> Samples { get; init; } = [];

    /// <summary>Loss curves of the references that this run trained.</summary>
    public IReadOnlyList<TrainingCurve> Curves { get; init; } = [];

    /// <summary>Units without a score, by reason.</summary>
    public IReadOnlyList<Skipped> Skipped { get; init; } = [];

    /// <summary>Records that could not be read: the first of them, as <c>place: found</c>.</summary>
    public IReadOnlyList<string> BadRecords { get; init; } = [];

    /// <summary>How many records could not be read, listed or not.</summary>
    public long BadRecordCount { get; init; }

    /// <summary>Time and arithmetic, by phase.</summary>
    public IReadOnlyList<CostLine> Costs { get; init; } = [];

    /// <summary>What to know about the cost, in a sentence or two; may be empty.</summary>
    public string CostNote { get; init; } = "";

    /// <summary>Options, versions and hashes, in groups.</summary>
    public IReadOnlyList<OptionGroup> Options { get; init; } = [];
}

/// <summary>One number of the page's head.</summary>
public sealed record Fact(string Label, string Value, string Note = "");

/// <summary>A histogram of a score, split into what is kept and what is not.</summary>
/// <param name="Metric">The metric's name.</param>
/// <param name="Logarithmic">True when the bins are even in the logarithm.</param>
/// <param name="Edges">[bins + 1], ascending.</param>
/// <param name="Total">[bins]: units in [edge i, edge i + 1).</param>
/// <param name="Kept">[bins]: those of them that are kept.</param>
/// <param name="Cuts">Where the selection cuts, ascending.</param>
/// <param name="Deciles">The nine deciles of the score.</param>
/// <param name="Below">Units under the first edge, not drawn.</param>
/// <param name="Above">Units over the last edge, not drawn.</param>
public sealed record ScoreHistogram(
    string Metric, bool Logarithmic, IReadOnlyList<double> Edges, IReadOnlyList<long> Total, IReadOnlyList<long> Kept,
    IReadOnlyList<Cut> Cuts, IReadOnlyList<double> Deciles, long Below = 0, long Above = 0);

/// <summary>One end of the kept band: a score, or one score per half of a cross-fitted corpus.</summary>
/// <param name="Scores">One or two scores, ascending.</param>
public sealed record Cut(IReadOnlyList<double> Scores)
{
    /// <summary>The scores in words.</summary>
    public string Words => string.Join(" / ", Scores.Select(s => Figures.Score(s)));
}

/// <summary>What one source had and what it keeps.</summary>
public sealed record SourceShare(string Source, long Units, long KeptUnits, long Bytes, long KeptBytes, double MedianScore);

/// <summary>Counts of units over (length, score), both even in the logarithm (the score only where the metric is).</summary>
/// <param name="Metric">The metric's name.</param>
/// <param name="Logarithmic">True when the score's bins are even in the logarithm.</param>
/// <param name="LengthUnit">What the length counts: <c>tokens</c>.</param>
/// <param name="LengthEdges">[columns + 1].</param>
/// <param name="ScoreEdges">[rows + 1].</param>
/// <param name="Counts">[rows, columns], row-major, lowest score first.</param>
/// <param name="Medians">[columns]: median score per length bin, NaN where there is none.</param>
/// <param name="Cuts">Where the selection cuts, ascending.</param>
/// <param name="RankCorrelation">Spearman's ρ of score and length, from the binned ranks.</param>
public sealed record LengthDensity(
    string Metric, bool Logarithmic, string LengthUnit, IReadOnlyList<double> LengthEdges, IReadOnlyList<double> ScoreEdges,
    IReadOnlyList<long> Counts, IReadOnlyList<double> Medians, IReadOnlyList<Cut> Cuts, double RankCorrelation);

/// <summary>Some samples and what they have in common.</summary>
public sealed record SampleGroup(string Title, string Note, IReadOnlyList<Sample> Samples);

/// <summary>One unit to read.</summary>
public sealed record Sample(double Score, bool Kept, string Id, string Source, long Bytes, int Tokens, string Text);

/// <summary>Loss while a reference was trained.</summary>
/// <param name="Name">Which reference.</param>
/// <param name="Tokens">[points]: tokens seen.</param>
/// <param name="Losses">[points]: nats per token of the batch.</param>
public sealed record TrainingCurve(string Name, IReadOnlyList<double> Tokens, IReadOnlyList<double> Losses);

/// <summary>Units that have no score.</summary>
public sealed record Skipped(string Status, long Units, long Bytes, string Meaning);

/// <summary>One phase of the run.</summary>
/// <param name="Phase">What was done.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="Tokens">Tokens processed; 0 where none are.</param>
/// <param name="Flops">Arithmetic by the model's formula; 0 where none is counted.</param>
/// <param name="FractionOfPeak">Of the machine's measured peak; null where not measured.</param>
public sealed record CostLine(string Phase, double Seconds, long Tokens, double Flops, double? FractionOfPeak);

/// <summary>Named values that belong together.</summary>
public sealed record OptionGroup(string Title, IReadOnlyList<KeyValuePair<string, string>> Values);
