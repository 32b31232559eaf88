namespace Winnow.Pruning.Scoring;

/// <summary>Turns a unit's sums into its row of the table.</summary>
internal sealed class UnitScores(ScoringPlan plan)
{
    private readonly ScoreSchema schema = plan.Schema;
    private readonly int models = plan.ModelsPerUnit;
    private readonly bool perplexity = plan.Options.Metrics.HasFlag(Metrics.Perplexity);
    private readonly bool el2n = plan.Options.Metrics.HasFlag(Metrics.El2n);

    /// <summary>The row of a unit whose every window is done.</summary>
    public ScoreRow ToRow(ScoringUnit unit)
    {
        int tokens = plan.Predicts ? unit.Windows.Sum(window => window.Predicted) : 0;
        double[] values = new double[schema.Metrics.Count];
        values.AsSpan().Fill(double.NaN);
        bool finite = Fill(unit, tokens, values);
        if (!finite) values.AsSpan().Fill(double.NaN);
        return new ScoreRow
        {
            Shard = unit.Shard,
            Row = unit.Row,
            Id = unit.Id,
            Source = unit.Source,
            Bytes = unit.Bytes,
            ScoredBytes = unit.ScoredBytes,
            Tokens = tokens,
            Status = finite ? unit.Status : ScoreStatus.NotFinite,
            Fold = unit.Fold,
            Span = unit.Span,
            Values = values,
            Fields = unit.Fields.Count == schema.Fields.Count ? unit.Fields : new string?[schema.Fields.Count],
        };
    }

    private bool Fill(ScoringUnit unit, int tokens, double[] values)
    {
        double[] nll = new double[models], perplexities = new double[models], errors = new double[models];
        if (tokens > 0)
        {
            for (int model = 0; model < models; model++)
            {
                nll[model] = Sum(unit.Nll, model, unit.Windows.Length);
                perplexities[model] = Math.Exp(nll[model] / tokens);
                errors[model] = Sum(unit.El2n, model, unit.Windows.Length) / tokens;
                if (!double.IsFinite(nll[model]) || !double.IsFinite(perplexities[model]) || !double.IsFinite(errors[model])) return false;
            }

            FillLosses(unit, values, nll, perplexities, errors);
        }

        if (unit.Memorizable) FillMemorization(unit, values);
        return true;
    }

    private void FillLosses(ScoringUnit unit, double[] values, double[] nll, double[] perplexities, double[] errors)
    {
        if (perplexity)
        {
            Set(values, "nll", Mean(nll));
            Set(values, "perplexity", Mean(perplexities));
            if (unit.ScoredBytes > 0) Set(values, "bits_per_byte", Mean(nll) / (Math.Log(2) * unit.ScoredBytes));
            SetEach(values, "nll", nll);
            SetEach(values, "perplexity", perplexities);
        }

        if (!el2n) return;
        Set(values, "el2n", Mean(errors));
        SetEach(values, "el2n", errors);
    }

    private void FillMemorization(ScoringUnit unit, double[] values)
    {
        int length = plan.Options.Continuation;
        Set(values, "memorization", Mean([.. unit.Matches.Select(matches => (double)matches / length)]));
        for (int model = 0; model < models; model++)
        {
            string suffix = models > 1 ? $"@{model + 1}" : "";
            if (models > 1) Set(values, "memorization" + suffix, (double)unit.Matches[model] / length);
            Set(values, "memorization_prefix" + suffix, unit.MatchedPrefix[model]);
            Set(values, "memorization_all" + suffix, unit.MatchedPrefix[model] == length ? 1 : 0);
        }
    }

    private void SetEach(double[] values, string metric, double[] perModel)
    {
        if (models == 1) return;
        for (int model = 0; model < models; model++) Set(values, $"{metric}@{model + 1}", perModel[model]);
        if (schema.IndexOf(metric + "_spread") >= 0) Set(values, metric + "_spread", Spread(perModel));
    }

    private void Set(double[] values, string metric, double value) => values[schema.IndexOf(metric)] = value;

    private static double Sum(double[] sums, int model, int windows)
    {
        double sum = 0;
        for (int window = 0; window < windows; window++) sum += sums[(model * windows) + window];
        return sum;
    }

    private static double Mean(double[] values) => values.Sum() / values.Length;

    private static double Spread(double[] values)
    {
        double mean = Mean(values);
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Length - 1));
    }
}
