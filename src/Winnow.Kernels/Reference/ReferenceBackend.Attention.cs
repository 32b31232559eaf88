namespace Winnow.Kernels;

/// <content>Attention.</content>
public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    public void Attend(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans,
        TensorView output, TensorView? logSumExp)
    {
        Shapes.Attention(shape, queries, keys, values, spans, output, logSumExp);
        (ReferenceView q, ReferenceView k, ReferenceView v, ReferenceView o) = (Open(queries), Open(keys), Open(values), Open(output));
        ReferenceView? kept = Open(logSumExp);
        foreach (AttentionSpan span in spans)
        {
            double[] scores = new double[span.KeyCount];
            for (int i = 0; i < span.QueryCount; i++)
            {
                (int first, int last) = Visible(shape, span, i);
                for (int head = 0; head < shape.Heads; head++)
                {
                    (int row, int start) = (span.QueryStart + i, head * shape.HeadWidth);
                    int keyStart = KeyColumn(shape, head);
                    for (int j = first; j <= last; j++) scores[j] = Score(shape, q, row, start, k, span.KeyStart + j, keyStart);
                    double total = LogSumExp(scores.AsSpan(first, last + 1 - first));
                    for (int d = 0; d < shape.HeadWidth; d++)
                    {
                        double sum = 0;
                        for (int j = first; j <= last; j++) sum += Math.Exp(scores[j] - total) * v[span.KeyStart + j, keyStart + d];
                        o[row, start + d] = sum;
                    }

                    if (kept is { } store) store[row, head] = total;
                }
            }
        }
    }

    /// <inheritdoc/>
    public void AttendBackward(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans,
        TensorView output, TensorView logSumExp, TensorView outputGradient,
        TensorView queryGradient, TensorView keyGradient, TensorView valueGradient)
    {
        Shapes.Attention(shape, queries, keys, values, spans, output, logSumExp);
        Shapes.Same(queries, outputGradient, queryGradient);
        Shapes.Same(keys, keyGradient, valueGradient);
        (ReferenceView q, ReferenceView k, ReferenceView v, ReferenceView o) = (Open(queries), Open(keys), Open(values), Open(output));
        (ReferenceView kept, ReferenceView slope) = (Open(logSumExp), Open(outputGradient));
        (ReferenceView dq, ReferenceView dk, ReferenceView dv) = (Open(queryGradient), Open(keyGradient), Open(valueGradient));
        foreach (AttentionSpan span in spans)
        {
            for (int kv = 0; kv < shape.KeyValueHeads; kv++)
            {
                int keyStart = kv * shape.HeadWidth;
                double[,] keySums = new double[span.KeyCount, shape.HeadWidth];
                double[,] valueSums = new double[span.KeyCount, shape.HeadWidth];
                int group = shape.Heads / shape.KeyValueHeads;
                for (int head = kv * group; head < (kv + 1) * group; head++)
                {
                    int start = head * shape.HeadWidth;
                    for (int i = 0; i < span.QueryCount; i++)
                    {
                        int row = span.QueryStart + i;
                        double along = 0;
                        for (int d = 0; d < shape.HeadWidth; d++) along += slope[row, start + d] * o[row, start + d];
                        double[] querySums = new double[shape.HeadWidth];
                        (int first, int last) = Visible(shape, span, i);
                        for (int j = first; j <= last; j++)
                        {
                            int keyRow = span.KeyStart + j;
                            double score = Score(shape, q, row, start, k, keyRow, keyStart);
                            double share = Math.Exp(score - kept[row, head]);
                            double reach = 0;
                            for (int d = 0; d < shape.HeadWidth; d++) reach += slope[row, start + d] * v[keyRow, keyStart + d];
                            double scoreSlope = share * (reach - along) * CapSlope(score, shape.SoftCap) * shape.Scale;
                            for (int d = 0; d < shape.HeadWidth; d++)
                            {
                                querySums[d] += scoreSlope * k[keyRow, keyStart + d];
                                keySums[j, d] += scoreSlope * q[row, start + d];
                                valueSums[j, d] += share * slope[row, start + d];
                            }
                        }

                        for (int d = 0; d < shape.HeadWidth; d++) dq[row, start + d] = querySums[d];
                    }
                }

                for (int j = 0; j < span.KeyCount; j++)
                {
                    for (int d = 0; d < shape.HeadWidth; d++)
                    {
                        dk[span.KeyStart + j, keyStart + d] = keySums[j, d];
                        dv[span.KeyStart + j, keyStart + d] = valueSums[j, d];
                    }
                }
            }
        }
    }

    /// <summary>First and last key that query <paramref name="i"/> of the span sees.</summary>
    private static (int First, int Last) Visible(AttentionShape shape, AttentionSpan span, int i)
    {
        int last = span.KeyCount - span.QueryCount + i;
        return (shape.Window > 0 ? Math.Max(0, last - shape.Window + 1) : 0, last);
    }

    private static int KeyColumn(AttentionShape shape, int head) => head / (shape.Heads / shape.KeyValueHeads) * shape.HeadWidth;

    private static double Score(AttentionShape shape, ReferenceView q, int row, int start, ReferenceView k, int keyRow, int keyStart)
    {
        double sum = 0;
        for (int d = 0; d < shape.HeadWidth; d++) sum += q[row, start + d] * k[keyRow, keyStart + d];
        return Cap(sum * shape.Scale, shape.SoftCap);
    }

    private static double LogSumExp(ReadOnlySpan<double> scores)
    {
        double greatest = double.NegativeInfinity;
        foreach (double score in scores) greatest = Math.Max(greatest, score);
        double sum = 0;
        foreach (double score in scores) sum += Math.Exp(score - greatest);
        return greatest + Math.Log(sum);
    }
}
