namespace Winnow.Studies.Glue;

/// <summary>What a GLUE task is measured by (Wang et al., arXiv 1804.07461, table 1).</summary>
public enum GlueMeasure
{
    /// <summary>Share of right labels.</summary>
    Accuracy,

    /// <summary>Accuracy, and F1 of the positive class.</summary>
    AccuracyAndF1,

    /// <summary>Matthews correlation.</summary>
    Matthews,

    /// <summary>Pearson and Spearman correlation of a predicted number.</summary>
    Correlation,
}

/// <summary>One GLUE task: where its texts and labels stand, and what it is measured by.</summary>
/// <param name="Name">The task's usual name, which is also its folder's: <c>SST-2</c>.</param>
/// <param name="TextColumns">One or two columns, by the header's names.</param>
/// <param name="LabelColumn">The column of the label or score.</param>
/// <param name="Labels">Label texts by class; empty for a regression task.</param>
/// <param name="Measure">What the dev set is measured by.</param>
/// <param name="DevelopmentSets">File stems of the dev sets; only MNLI has two.</param>
public sealed record GlueTask(
    string Name, IReadOnlyList<string> TextColumns, string LabelColumn, IReadOnlyList<string> Labels, GlueMeasure Measure,
    IReadOnlyList<string> DevelopmentSets)
{
    private static readonly string[] Pair = ["sentence1", "sentence2"], Single = ["sentence"];
    private static readonly string[] Binary = ["0", "1"], Entailment = ["not_entailment", "entailment"], OneSet = ["dev"];

    /// <summary>The nine tasks, in the order of the benchmark's own table.</summary>
    public static IReadOnlyList<GlueTask> All { get; } =
    [
        new("CoLA", Single, "label", Binary, GlueMeasure.Matthews, OneSet) { HeaderlessColumns = ["source", "label", "mark", "sentence"] },
        new("SST-2", Single, "label", Binary, GlueMeasure.Accuracy, OneSet),
        new("MRPC", ["#1 String", "#2 String"], "Quality", Binary, GlueMeasure.AccuracyAndF1, OneSet) { JsonFields = Pair },
        new("QQP", ["question1", "question2"], "is_duplicate", Binary, GlueMeasure.AccuracyAndF1, OneSet),
        new("STS-B", Pair, "score", [], GlueMeasure.Correlation, OneSet),
        new("MNLI", Pair, "gold_label", ["entailment", "neutral", "contradiction"], GlueMeasure.Accuracy, ["dev_matched", "dev_mismatched"]) { JsonFields = ["premise", "hypothesis"] },
        new("QNLI", ["question", "sentence"], "label", Entailment, GlueMeasure.Accuracy, OneSet),
        new("RTE", Pair, "label", Entailment, GlueMeasure.Accuracy, OneSet),
        new("WNLI", Pair, "label", Binary, GlueMeasure.Accuracy, OneSet),
    ];

    /// <summary>Column names of a TSV file without a header; null where the file has one.</summary>
    public IReadOnlyList<string>? HeaderlessColumns { get; init; }

    /// <summary>The texts' names in JSON lines, where they differ from the TSV header's.</summary>
    public IReadOnlyList<string>? JsonFields { get; init; }

    /// <summary>Outputs of the head: one per class, or one number for a regression.</summary>
    public int Outputs => Math.Max(Labels.Count, 1);

    /// <summary>True where the label is a number to predict.</summary>
    public bool IsRegression => Labels.Count == 0;
}
