using Winnow.Kernels;

namespace Winnow.Tests.Kernels;

/// <summary>Attention: head widths odd and even, groups, windows, caps, many short texts, and continued ones.</summary>
internal static class AttentionCases
{
    private static readonly AttentionSpan[] Single = [new(0, 1, 0, 1)];

    public static IEnumerable<KernelCase> All()
    {
        foreach ((string text, AttentionShape shape, AttentionSpan[] spans, float spread) in Shapes())
        {
            yield return new("Attend", text, 2e-5, 3e-6 * spread, stage => Forward(stage, shape, spans, spread));
            yield return new("AttendBackward", text, 1e-4, 3e-5 * spread * spread, stage => Backward(stage, shape, spans, spread));
        }
    }

    public static IEnumerable<(string Text, AttentionShape Shape, AttentionSpan[] Spans, float Spread)> Shapes()
    {
        // Every head width, one text.
        foreach (int width in (int[])[1, 2, 3, 5, 8, 15, 16, 17, 24, 31, 32, 33, 40, 48, 64, 65, 80, 96, 100, 128, 160, 192, 256])
            yield return Case(new AttentionShape(2, 1, width, 1 / MathF.Sqrt(width)), [new(0, 19, 0, 19)]);

        // Every length.
        for (int length = 1; length <= 257; length += length < 70 ? 1 : 17)
            yield return Case(new AttentionShape(1, 1, 12, 0.3f), [new(0, length, 0, length)]);
        yield return Case(new AttentionShape(1, 1, 8, 0.3f), [new(0, 600, 0, 600)]);

        // Groups of query heads.
        yield return Case(new AttentionShape(6, 2, 10, 0.3f), [new(0, 37, 0, 37)]);
        yield return Case(new AttentionShape(4, 1, 16, 0.3f), [new(0, 23, 0, 23)]);

        // Many texts beside each other, also with rows that belong to none.
        yield return Case(new AttentionShape(2, 2, 16, 0.25f), [new(0, 5, 0, 5), new(5, 1, 5, 1), new(6, 40, 6, 40), new(50, 17, 50, 17)]);

        // More keys than queries: strided windows and decoding with a cache.
        yield return Case(new AttentionShape(2, 2, 16, 0.25f), [new(0, 5, 0, 90)]);
        yield return Case(new AttentionShape(4, 2, 16, 0.25f), [new(0, 1, 0, 33), new(1, 1, 40, 7), new(2, 1, 47, 300), new(3, 3, 350, 20)]);
        yield return Case(new AttentionShape(2, 2, 20, 0.25f), [new(0, 2, 0, 513)]);

        // Sliding windows, narrower and wider than a block, and soft caps.
        foreach (int window in (int[])[1, 2, 7, 16, 48, 100, 1000])
        {
            yield return Case(new AttentionShape(2, 1, 16, 0.25f, window), [new(0, 130, 0, 130)]);
            yield return Case(new AttentionShape(2, 1, 16, 0.25f, window, 5), [new(0, 9, 0, 330), new(9, 40, 330, 40)]);
        }

        yield return Case(new AttentionShape(2, 1, 24, 1, SoftCap: 2), [new(0, 61, 0, 61)]);

        // Scores in the hundreds: the softmax is nearly an argmax.
        yield return Case(new AttentionShape(2, 1, 16, 1), [new(0, 50, 0, 50)], spread: 6);
        yield return Case(new AttentionShape(1, 1, 4, 1), Single);
    }

    private static (string Text, AttentionShape Shape, AttentionSpan[] Spans, float Spread) Case(AttentionShape shape, AttentionSpan[] spans, float spread = 1) =>
        ($"{shape} {string.Join(" ", spans)} spread {spread}", shape, spans, spread);

    private static void Forward(Stage stage, AttentionShape shape, AttentionSpan[] spans, float spread)
    {
        (TensorView q, TensorView k, TensorView v) = Inputs(stage, shape, spans, spread);
        TensorView o = stage.Output(q.Rows, q.Columns, 3), kept = stage.Output(q.Rows, shape.Heads, 1);
        stage.Backend.Attend(shape, q, k, v, spans, o, kept);
        stage.Keep("output", o);
        stage.Keep("log-sum-exp", kept);
    }

    private static void Backward(Stage stage, AttentionShape shape, AttentionSpan[] spans, float spread)
    {
        (TensorView q, TensorView k, TensorView v) = Inputs(stage, shape, spans, spread);
        TensorView o = stage.Output(q.Rows, q.Columns), kept = stage.Output(q.Rows, shape.Heads), slope = stage.Input(q.Rows, q.Columns, 1);
        stage.Backend.Attend(shape, q, k, v, spans, o, kept);
        TensorView dq = stage.Output(q.Rows, q.Columns, 2), dk = stage.Output(k.Rows, k.Columns, 1), dv = stage.Output(k.Rows, k.Columns);
        stage.Backend.AttendBackward(shape, q, k, v, spans, o, kept, slope, dq, dk, dv);
        stage.Keep("query gradient", dq);
        stage.Keep("key gradient", dk);
        stage.Keep("value gradient", dv);
    }

    private static (TensorView Queries, TensorView Keys, TensorView Values) Inputs(
        Stage stage, AttentionShape shape, AttentionSpan[] spans, float spread)
    {
        int queries = spans.Max(span => span.QueryStart + span.QueryCount), keys = spans.Max(span => span.KeyStart + span.KeyCount);
        int width = shape.KeyValueHeads * shape.HeadWidth;
        return (stage.Input(queries, shape.Heads * shape.HeadWidth, 1, spread), stage.Input(keys, width, 2, spread), stage.Input(keys, width));
    }
}
