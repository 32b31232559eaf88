namespace Winnow.Kernels.Cpu;

/// <content>Attention.</content>
public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Attend(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans,
        TensorView output, TensorView? logSumExp)
    {
        Shapes.Attention(shape, queries, keys, values, spans, output, logSumExp);
        Matrix kept = logSumExp is { } some ? At(some) : default;
        fixed (AttentionSpan* first = spans)
        {
            int parts = checked(spans.Length * shape.KeyValueHeads);

            // Where the log-sum-exp is kept, gradients follow, and those are of f32.
            bool paired = Precision == Precision.BF16 && kept.Data is null;
            Run(parts, new AttentionWork(shape, At(queries), At(keys), At(values), first, parts, At(output), kept, paired));
        }
    }

    /// <inheritdoc/>
    public void AttendBackward(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans,
        TensorView output, TensorView logSumExp, TensorView outputGradient,
        TensorView queryGradient, TensorView keyGradient, TensorView valueGradient)
    {
        Shapes.Attention(shape, queries, keys, values, spans, output, logSumExp);
        Matrix dq = At(queryGradient, queries.Rows, queries.Columns), dk = At(keyGradient, keys.Rows, keys.Columns);
        Matrix dv = At(valueGradient, values.Rows, values.Columns), slope = At(outputGradient, queries.Rows, queries.Columns);
        fixed (AttentionSpan* first = spans)
        {
            var work = new AttentionBackwardWork(
                shape, At(queries), At(keys), At(values), first, At(output), At(logSumExp), slope, dq, dk, dv);
            Run(checked(spans.Length * shape.KeyValueHeads), work);
        }
    }
}
